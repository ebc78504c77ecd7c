import type { Manner } from '../support/converse.js';
import { instruct, type Instruction } from '../support/instructions.js';
import { say, type Step } from '../support/steps.js';

/** What an MTA says to both filters, and the letters of what it is to hear: by command, a blank between. */
export interface Conversation {
  /** What the filter does, or what the MTA says: a part of the test's name. */
  readonly name: string;
  readonly steps: readonly Step[];
  readonly letters: string;
  readonly manner?: Manner;
  /** Whether the two tell their filters of different aborts; see `deliberate-course.test.ts`. */
  readonly abortsDiffer?: boolean;
}

/** Ends each message: the filter adds a header that has all that it was told. */
export const SEEN: Instruction = ['eom', 'seen'];

/** The answers to a whole message that shows what was seen. */
export const NEXT = 'c c c c c c c c c c hc';

/** CONNECT and HELO. */
export const opening: readonly Step[] = [say.connect(), say.helo()];

/** From HEADER to BODYEOB. */
export const content: readonly Step[] = [
  say.header('From', 'Sender <sender@example.com>'),
  say.header('Subject', 'First'),
  say.header('subject', 'Second'),
  say.header('X-Note', 'one'),
  say.eoh(),
  say.body('Hello,\r\n'),
  say.body('world\r\n'),
  say.eom(),
];

/** A message whose sender has the instructions. */
export function message(...instructions: readonly Instruction[]): Step[] {
  return [say.mail(`<${instruct(...instructions)}@example.com>`), say.rcpt(), say.data(), ...content];
}

/** A session of one message with instructions, and another one that shows what was seen. */
export function session(...instructions: readonly Instruction[]): Step[] {
  return [...opening, ...message(...instructions), ...message(SEEN), say.quit()];
}
