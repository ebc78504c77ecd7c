/**
 * Gives what `promise` gives, but rejects when it has not settled after `deadline` milliseconds.
 *
 * `describe` is called only then and should say what was waited for and what had happened so far.
 */
export async function within<T>(promise: Promise<T>, describe: () => string, deadline = 20_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`waited ${deadline} ms in vain for: ${describe()}`));
    }, deadline);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
