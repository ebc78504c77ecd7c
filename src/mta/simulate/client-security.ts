/** How the client's connection is encrypted; at HELO it fills the macros `{tls_version}` and so on. */
export interface ClientTls {
  /** `'TLSv1.3'` */
  readonly version: string;
  /** `'TLS_AES_256_GCM_SHA384'` */
  readonly cipher: string;
  /** The length of the cipher's key, in bits. */
  readonly bits: number;
  /** Whose certificate the client has shown, and who made that. */
  readonly subject?: string;
  readonly issuer?: string;
}

/** Who has logged in; at MAIL it fills the macros `{auth_authen}` and so on. */
export interface ClientAuth {
  readonly user: string;
  /** The mechanism; `PLAIN` by default. */
  readonly type?: string;
  /** Whom the client speaks for, where that is somebody else. */
  readonly author?: string;
}
