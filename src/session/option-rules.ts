import {
  boolean,
  func,
  listOf,
  milliseconds,
  object,
  oneOf,
  rule,
  whole,
  type Rule,
  type Rules,
} from '../common/options.js';
import { SMFIF } from '../transport/smfif.js';
import { DATA_SIZES } from './data-size.js';
import { failureRule } from './decision-rule.js';
import type { SessionOptions, Timeouts } from './options.js';
import { STAGES } from './stage.js';
import type { MacroLists } from './terms.js';

/** An array of stages that can be answered. */
export const stageList: Rule = listOf(...STAGES);

/** An array of rights by name. */
const rightList: Rule = listOf(...Object.keys(SMFIF));

const TIMEOUTS: Rules<Timeouts> = {
  reply: milliseconds(1),
  eom: milliseconds(1),
  progress: milliseconds(1),
  negotiate: milliseconds(1),
  frame: milliseconds(1),
  linger: milliseconds(1),
  idle: milliseconds(1),
};

const MACRO = /^[^\s,\0]+$/;
/** The most that Sendmail keeps. */
const MOST_MACROS = 50;

/** They go out in one string with blanks between them. */
const macroNames: Rule = {
  ...rule(
    `an array of at most ${MOST_MACROS} names of macros, such as ['i', '{auth_authen}']`,
    (value) => Array.isArray(value) && value.every((name) => typeof name === 'string' && MACRO.test(name)),
    (value) => (value as readonly unknown[]).length <= MOST_MACROS,
  ),
  hint: (value) =>
    Array.isArray(value) && value.length > MOST_MACROS
      ? `There are ${value.length} names; with more than ${MOST_MACROS} Sendmail refuses all mail.`
      : undefined,
};

const MACROS: Rules<MacroLists> = {
  connect: macroNames,
  helo: macroNames,
  mail: macroNames,
  rcpt: macroNames,
  data: macroNames,
  eoh: macroNames,
  eom: macroNames,
};

/** What can be set for a connection. */
export const SESSION_RULES: Rules<SessionOptions> = {
  failure: failureRule,
  timeouts: object(TIMEOUTS),
  requires: rightList,
  stages: stageList,
  actions: rightList,
  version: whole(2, 6),
  noReply: boolean,
  macros: object(MACROS),
  leadingSpace: boolean,
  rejectedRecipients: boolean,
  maxDataSize: oneOf(...DATA_SIZES),
  maxFrameMemory: whole(1),
  sendmailHeaders: whole(1, 1000),
  trace: func,
  negotiate: func,
};
