/**
 * What the tests and examples use of the package of that name. Its own declarations do not compile with
 * `exactOptionalPropertyTypes`.
 */
export interface NatsConnection {
  subscribe(
    subject: string,
    options: { callback: (error: Error | null, message: Msg) => void },
  ): { unsubscribe(): void };
  publish(subject: string, payload?: string, options?: { reply?: string }): void;
  flush(): Promise<void>;
  close(): Promise<void>;
  closed(): Promise<void | Error>;
}

export interface Msg {
  readonly subject: string;
  readonly headers?: { readonly code: number } | undefined;
  string(): string;
  respond(payload: string): boolean;
}

export function connect(options: {
  servers: string;
  reconnect?: boolean;
  timeout?: number;
  pingInterval?: number;
  maxPingOut?: number;
}): Promise<NatsConnection>;
