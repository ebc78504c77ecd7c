/** What miltertest has noted of a script: each frame that it wrote and read, as a letter and its bytes of data. */
export class MiltertestLog {
  /** `> M 12` was written, `< c 0` was read; of all connections together. */
  readonly frames: readonly string[];

  /** Reads what it prints when told to be as verbose as it can. */
  constructor(output: string) {
    const noted = output.matchAll(/^miltertest: mt_milter_(read|write)\(\d+\): cmd (.), len (\d+)$/gm);
    this.frames = Array.from(
      noted,
      ([, way, letter, length]) => `${way === 'read' ? '<' : '>'} ${letter ?? ''} ${length ?? ''}`,
    );
  }

  /** For each command of that letter the replies that came before the next command: `['h 13', 'c 0']`. */
  answersTo(command: string): string[][] {
    const answers: string[][] = [];
    let current: string[] | undefined;
    for (const frame of this.frames) {
      if (frame.startsWith('<')) {
        current?.push(frame.slice(2));
        continue;
      }
      current = frame.startsWith(`> ${command} `) ? [] : undefined;
      if (current !== undefined) answers.push(current);
    }
    return answers;
  }
}
