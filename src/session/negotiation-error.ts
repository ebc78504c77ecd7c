/** MTA and filter have no common ground: the connection is refused before its first event. */
export class NegotiationError extends Error {
  override readonly name = 'NegotiationError';
}
