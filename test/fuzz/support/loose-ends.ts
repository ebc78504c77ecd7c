/** Collects what no `catch` saw, for as long as `run` takes; nothing may be left of it. */
export async function withoutLooseEnds(run: () => Promise<void>): Promise<void> {
  const loose: unknown[] = [];
  const note = (reason: unknown): void => void loose.push(reason);
  process.on('unhandledRejection', note);
  process.on('uncaughtException', note);
  try {
    await run();
    await macrotask();
  } finally {
    process.off('unhandledRejection', note);
    process.off('uncaughtException', note);
  }
  if (loose.length > 0)
    throw new Error(`Nobody caught: ${loose.map(String).join('; ')}`, { cause: loose[0] });
}

/** Lets all promises settle that can. It takes no time, and fake timers do not move. */
export function macrotask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
