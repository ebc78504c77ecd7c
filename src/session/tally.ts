/**
 * Counts what a message has cost so far: the answers that the MTA has waited for, and the bytes that it has sent.
 * Outside of messages it counts for the connection, since the last message or the beginning.
 */
export class Tally {
  rounds = 0;
  bytes = 0;
  /** The command in progress, which may turn out to begin a message. */
  #current = 0;

  /** A command, or a part of one, is about to be handled. */
  received(bytes: number): void {
    this.#current = bytes;
    this.bytes += bytes;
  }

  /** The command that is being handled begins a message. */
  begin(): void {
    this.rounds = 0;
    this.bytes = this.#current;
  }

  /** The message is over. */
  end(): void {
    this.rounds = 0;
    this.bytes = 0;
  }
}
