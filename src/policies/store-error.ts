/** A store could not be asked: it did not reply in time, or what it replied is no answer. `cause` is what it failed with. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}
