/** A value that is there, or that comes. */
export type Awaitable<T> = T | PromiseLike<T>;
