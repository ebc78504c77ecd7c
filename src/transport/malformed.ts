/** Thrown by a layout whose bytes do not fit it; the decoder adds which frame it was and makes it a `ProtocolError`. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
}
