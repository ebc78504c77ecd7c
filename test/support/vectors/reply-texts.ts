/** The text of a reply code as a filter may send it, and what a client may be shown of it. */
export interface ReplyText {
  readonly received: string;
  /** The lines for the SMTP client; `default` where the text is of no use and the stage's own refusal stands in. */
  readonly shown: readonly string[] | 'default';
  /** Whether the text is an attack or nonsense rather than a slip, so that the filter is dropped. */
  readonly drop?: true;
}

/** Reply codes good and bad. */
export const REPLY_TEXTS: readonly ReplyText[] = [
  { received: '554 5.7.9 custom %% text', shown: ['554 5.7.9 custom % text'] },
  { received: '550 5.7.1 100% of 50%% x%', shown: ['550 5.7.1 100% of 50% x%'] },
  { received: '550 4.7.1 mismatch', shown: ['550 5.7.1 mismatch'] },
  { received: '550', shown: ['550 5.7.1 Command rejected'] },
  { received: '550 plain', shown: ['550 5.7.1 plain'] },
  { received: '5xx no', shown: 'default' },
  {
    received: '550-5.7.1 one\r\n550-5.7.1 two\r\n550 5.7.1 three',
    shown: ['550-5.7.1 one', '550-5.7.1 two', '550 5.7.1 three'],
  },
  { received: '550-5.7.1 one\n250 2.0.0 three', shown: 'default', drop: true },
  { received: '421 4.7.0 bye', shown: ['421 4.7.0 bye'] },
];
