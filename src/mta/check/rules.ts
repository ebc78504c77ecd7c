/** How bad a finding is: an `error` breaks, loses or defers mail at some mail server; a `warning` is to be looked at. */
export type CheckSeverity = 'error' | 'warning';

interface RuleRow {
  readonly severity: CheckSeverity;
  /** What follows at the mail servers, in a sentence. */
  readonly consequence: string;
  /** Where that is written, or whose behaviour it is. */
  readonly source: string;
  /** What to change, in a sentence. */
  readonly advice: string;
}

const ORDER =
  'Replies have no number: Sendmail and Postfix match them to commands by their order alone, so that each later reply is taken for another command until the connection ends.';
const ENGINE = 'libmilter (engine.c, mi_engine)';
const SENDMAIL = 'Sendmail (milter.c)';
const POSTFIX = 'Postfix (milter8.c)';
const DEFERS = 'Postfix and Sendmail give the milter up and apply their default action: mail is deferred.';

const error = (consequence: string, source: string, advice: string): RuleRow => ({
  severity: 'error',
  consequence,
  source,
  advice,
});
const warning = (...texts: Parameters<typeof error>): RuleRow => ({
  ...error(...texts),
  severity: 'warning',
});

/** What is judged, one row a rule: what the MTAs do where it is broken, whose word that is, and what to change. */
export const CHECK_RULES = {
  'no-agreement': error(
    DEFERS,
    `${SENDMAIL}; ${POSTFIX}`,
    'Answer OPTNEG with one OPTNEG: version, actions and protocol flags, 4 bytes each, the highest byte first.',
  ),
  'offer-refused': warning(
    'This mail server cannot use the milter: it applies its default action to all mail.',
    'Postfix (milter_protocol), Stalwart, maddy',
    'Answer with the lower of both versions and with what is offered; do without the rest, or say in the documentation which mail servers it works with.',
  ),
  'answer-version': error(
    'Postfix gives up a milter that answers a version above the offered one; Sendmail refuses version 1.',
    `${SENDMAIL}; ${POSTFIX}`,
    'Answer with the lower of the offered version and 6.',
  ),
  'answer-actions': error(
    'Sendmail and Postfix refuse a milter that asks for actions that were not offered: no mail passes it. Stalwart and maddy go on.',
    `${SENDMAIL}; ${POSTFIX}`,
    'Answer with the actions that the milter needs AND that were offered (needed & offered).',
  ),
  'answer-flags': error(
    'Sendmail refuses the milter. Postfix goes on; Stalwart and maddy obey flags that they have not offered.',
    `${SENDMAIL}; ${POSTFIX}; Stalwart (milter/protocol); go-milter 0.4.1 (client.go)`,
    'Answer with protocol flags that were offered only. Answer continue to events that cannot be left out.',
  ),
  'answer-lists': warning(
    'Mail servers that do not offer SETSYMLIST ignore the lists, or take the answer for malformed.',
    'libmilter (mfapi.h, SMFIF_SETSYMLIST)',
    'Append lists of macros only where SETSYMLIST was offered.',
  ),
  'missing-reply': error(
    `The mail server waits: Sendmail 10 s by default, Postfix 30 s, and 300 s for the content. Then it gives the milter up, and mail is deferred.`,
    `${SENDMAIL}, Timeout R; Postfix (milter_command_timeout, milter_content_timeout)`,
    'Reply once to each command but MACRO, ABORT, QUIT and those that no reply was agreed for. Long work belongs to the end of the message, with PROGRESS meanwhile.',
  ),
  'surplus-reply': error(
    ORDER,
    `${SENDMAIL}; ${POSTFIX}`,
    'Send one final reply to a command and none to MACRO, ABORT and QUIT. Drop a reply whose message is over.',
  ),
  'unagreed-reply': error(
    `${ORDER} Here the milter itself has asked for no reply to this command.`,
    'libmilter (mfdef.h, SMFIP_NR_…)',
    'Keep the no-reply flags of the answer, and send nothing to those commands; or do not ask for these flags.',
  ),
  'frame-length': error(
    'Postfix gives the milter up; Sendmail waits for bytes that do not come, or takes later bytes for another frame. At length 0 its session dies.',
    `${POSTFIX}; ${SENDMAIL}; ${ENGINE}`,
    'The length is a 32-bit number, highest byte first. It counts the letter and the data, and not itself.',
  ),
  'frame-cut': error(
    DEFERS,
    `${POSTFIX}; ${SENDMAIL}`,
    'Write whole frames before the connection is closed.',
  ),
  'large-frame': warning(
    'Other than Postfix and Sendmail, mail servers may refuse it: libmilter sends no more than 65535 bytes of data.',
    'libmilter (mfdef.h, MILTER_MAX_DATA_SIZE)',
    'Cut a new body into REPLBODY frames of at most 65535 bytes.',
  ),
  'unknown-reply': error(
    DEFERS,
    `${SENDMAIL}, bogus response; ${POSTFIX}`,
    'Send the replies of libmilter (SMFIR_…) only.',
  ),
  'reply-layout': error(
    'Postfix gives the milter up; Sendmail ignores the frame, so that a change is lost without a word.',
    `${POSTFIX}, left-over data; ${SENDMAIL}`,
    'Write the data as libmilter does: each text ends with a NUL, and nothing follows.',
  ),
  'wrong-stage': error(
    'Sendmail gives the milter up at most of these replies; Postfix gives it up or goes on as if it had said continue.',
    `${SENDMAIL}; ${POSTFIX}`,
    'At this stage use continue, accept, reject, tempfail or a reply code. SKIP is for BODY only.',
  ),
  'unagreed-skip': error(
    'A mail server that does not know SKIP gives the milter up: Sendmail before 8.14, Stalwart, maddy.',
    'libmilter (mfdef.h, SMFIP_SKIP)',
    'Use SKIP only where the flag SKIP is in the offer and in the answer; else reply continue to the rest of the body.',
  ),
  'early-progress': error(
    'Sendmail takes PROGRESS before the end of a message for a bogus response and gives the milter up.',
    SENDMAIL,
    'Send PROGRESS only between BODYEOB and its final reply.',
  ),
  'early-change': error(
    'Sendmail and Postfix give the milter up; QUARANTINE makes Postfix hold all later messages of the session.',
    `libmilter (smfi.c, mi_sendok); ${POSTFIX}; ${SENDMAIL}`,
    'Remember what there is to change, and send it between BODYEOB and its final reply.',
  ),
  'ungranted-change': error(
    'Sendmail defers the message at a new body (451 4.3.2). Mail servers that do not grant the right cannot make the change.',
    `${SENDMAIL}, lied about; libmilter (smfi.c, mi_sendok)`,
    'Put the right into the answer to OPTNEG where it is offered; do without the change where it is not.',
  ),
  'change-text': error(
    'Postfix defers the message as a configuration error, or Sendmail ignores the change, or the message is damaged.',
    `${POSTFIX}; ${SENDMAIL}; RFC 5322, 2.2`,
    'A header name is printable ASCII without a colon; an address has no blank outside of quotes and no control character.',
  ),
  'header-value': warning(
    'Postfix and Sendmail leave a stray CR in the message, which breaks signatures and confuses mail programs.',
    'libmilter (smfi_addheader); RFC 5322, 2.2.3',
    'Fold a value by a line feed and a tab or blank, without CR.',
  ),
  'bytes-lost': warning(
    'The header or address that comes back is another one: U+FFFD has taken the place of bytes that are no UTF-8.',
    'Postfix and Sendmail pass 8-bit text as it came',
    'Keep the bytes of what comes from the mail server, and write those back.',
  ),
  'split-body': error(
    'Postfix defers the message (451 4.3.5): all REPLBODY frames of a message have to follow on one another.',
    POSTFIX,
    'Send all of the new body at once, without a PROGRESS or another change in between.',
  ),
  'reply-text': error(
    'Postfix tells the client "451 4.3.5 Server configuration problem" instead. Sendmail makes a permanent refusal of its own of it; a bare line feed goes to the client as a line of its own.',
    `${POSTFIX}; ${SENDMAIL}; libmilter (smfi_setreply)`,
    'Write "550 5.7.1 text" and NUL: a code of 4xx or 5xx, an enhanced code of the same class; "550-" before all lines but the last, CRLF between, none at the end.',
  ),
  percent: warning(
    'Sendmail takes the text for a format: it drops the whole text. Postfix drops the sign.',
    `${SENDMAIL}; libmilter (smfi_setreply)`,
    'Write a percent sign as %%.',
  ),
  closed: error(
    DEFERS,
    `${SENDMAIL}; ${POSTFIX}`,
    'Keep the connection open until QUIT or until the mail server closes it: it has more messages.',
  ),
  'open-after-quit': warning(
    'The mail server closes its end; a milter that waits for something else keeps sockets until it has no more.',
    ENGINE,
    'Close the connection at QUIT.',
  ),
  'quit-nc': warning(
    'Postfix and Sendmail never send QUIT_NC, and libmilter knows it only after a message that was answered with continue.',
    ENGINE,
    'Forget the session at QUIT_NC, keep what was negotiated, and wait for CONNECT.',
  ),
  idle: error(
    'SMTP clients pause for minutes between two commands; the mail server then finds the connection closed, and defers the mail.',
    'libmilter waits 7210 s (smfi_settimeout)',
    'Wait at least an hour for the next command.',
  ),
  'cut-frames': error(
    'A network cuts and joins bytes anywhere: mail stays or fails at random.',
    'TCP (RFC 9293) is a stream of bytes',
    'Gather bytes until a frame is whole, and read several frames out of one piece.',
  ),
  macros: error(
    DEFERS,
    'Postfix sends empty lists of macros all the time; maddy sends names without braces',
    'Take a MACRO frame of any number of names, also none, with or without braces, and do not reply to it.',
  ),
  bytes: error(
    DEFERS,
    'Postfix and Sendmail pass 8-bit text, and NUL in bodies, as they came',
    'Take texts as bytes: no character set is agreed, and all but NUL may be in them. A body may hold any byte.',
  ),
  size: error(
    DEFERS,
    `${POSTFIX}; ${SENDMAIL}`,
    'Read and reply to bodies of any size, to none, and to pieces of any length up to 65535 bytes.',
  ),
  gone: error(
    'No mail passes any more until the milter is started again.',
    'Clients and mail servers vanish without QUIT',
    'Take the end of a connection, at any moment, for an abort of that one connection only.',
  ),
  leak: error(
    'A message is decided or changed by what belongs to another one, of other people.',
    'Postfix sends ABORT after each message; Sendmail goes on with MAIL',
    'Drop what belongs to a message at its final reply, at ABORT, at the next MAIL or HELO, and at the end of the connection.',
  ),
  'other-answer': warning(
    'Where the milter does not count on purpose (rate limit, greylist), a message is decided by what came before it.',
    'Postfix sends ABORT after each message; Sendmail goes on with MAIL',
    'Look at whether this is meant. If not: drop what belongs to a message when that is over.',
  ),
} as const satisfies Record<string, RuleRow>;

/** The name of a rule that `check()` judges. */
export type CheckRule = keyof typeof CHECK_RULES;

/** A breach of a rule, before it is known where. */
export interface Fault {
  readonly rule: CheckRule;
  readonly what: string;
  /** Whether it is to be looked at only, where its rule is an error elsewhere. */
  readonly minor?: boolean;
}
