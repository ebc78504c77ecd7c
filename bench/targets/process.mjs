/** What all Node targets share: the request in the argument, the line that says "ready", a clean end on SIGTERM. */

/** @type {{ work: string, endpoint: string, answers: Record<string, string>, negotiation?: string }} */
export const request = JSON.parse(process.argv[2] ?? '{}');

export function announce() {
  // process.exit, not the signal's own death: a profile is written at the exit.
  process.once('SIGTERM', () => process.exit(0));
  process.stdout.write('ready\n');
}
