/** The milter protocol in bytes: every frame there is, the broken ones, and whole dialogues, as data. */
export { hex, latin1 } from './vectors/bytes.js';
export { COMMAND_VECTORS, type CommandVector } from './vectors/command-vectors.js';
export {
  frames,
  LOCK_STEP,
  LOCK_STEP_OPENING_FILTER,
  LOCK_STEP_OPENING_MTA,
  NO_REPLY,
  type Step,
} from './vectors/dialogues.js';
export { MALFORMED_VECTORS, ODD_VECTORS } from './vectors/malformed-vectors.js';
export { REPLY_TEXTS } from './vectors/reply-texts.js';
export { REPLY_VECTORS } from './vectors/reply-vectors.js';
