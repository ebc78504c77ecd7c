import '../common/check-node.js';

/**
 * Recordings of the frames between MTA and filter: writing, reading, drawing, and playing them to a filter.
 */
export { compareReplies, type ReplyDifference } from './compare-replies.js';
export { diagram, type DiagramOptions } from './diagram.js';
export { record, type RecordOptions } from './record.js';
export {
  readRecording,
  RecordingError,
  type RecordedFrame,
  type RecordedSession,
  type Recording,
} from './recording.js';
export type { Redaction } from './redactor.js';
export { replay } from './replay.js';
