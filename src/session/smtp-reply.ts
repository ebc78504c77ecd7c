/** The SMTP answer that the client is to see. */
export interface SmtpReply {
  /** 400 to 599; its first digit is the class of the decision. 421 makes the MTA close the SMTP connection. */
  readonly code: number;
  /** Enhanced status code (RFC 3463) of the same class; none is sent where it is absent. */
  readonly enhanced?: string;
  /** One line or more, without CR, LF and NUL. Percent signs are doubled on the wire by the library. */
  readonly lines: readonly string[];
}

/** How a reply is asked for: just its text, or its parts. */
export type ReplySpec =
  string | { readonly code?: number; readonly enhanced?: string; readonly text?: string | readonly string[] };
