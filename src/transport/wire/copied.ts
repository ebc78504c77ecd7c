/** Room for what is copied: memory of its own for each small read would cost more than the read itself. */
const ROOM = 32_768;

let room = Buffer.alloc(0);
let used = 0;

/** A copy of bytes that are only lent. A large one has memory of its own. */
export function copied(bytes: Buffer): Buffer {
  const { length } = bytes;
  if (length > ROOM / 4) return Buffer.from(bytes);
  if (used + length > room.length) {
    room = Buffer.allocUnsafeSlow(ROOM);
    used = 0;
  }
  const copy = room.subarray(used, used + length);
  copy.set(bytes);
  used += length;
  return copy;
}
