/** Waits until something is so; throws after ten seconds, which a busy machine may need. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries === 1_000) throw new Error(`In vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
