/** The MTAs that can be played. */
export type MtaKind = 'postfix' | 'sendmail';
