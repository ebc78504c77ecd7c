/** Whether two types are the same one, and not only assignable to each other. */
export type Equal<A, B> =
  (<T>(value: T) => T extends A ? 1 : 2) extends <T>(value: T) => T extends B ? 1 : 2 ? true : false;

/** Compiles where its argument is `true`. */
export type Expect<T extends true> = T;

/** Compiles where the value is exactly of the type that is named: `typed<Rcpt>()(event)`. */
export declare function typed<T>(): <U>(value: U, ...same: Equal<T, U> extends true ? [] : [never]) => void;
