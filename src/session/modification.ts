/** Text that is written as UTF-8, or the exact bytes (what an event has as `raw`). */
export type Text = string | Uint8Array;

/** Where a body may come from: all of it at once, or piece by piece, as a Node stream or any (async) iterable. */
export type BodySource = Text | Iterable<Text> | AsyncIterable<Text>;

/** Where a header goes: above everything, below everything, or before the n-th header (from 1) of the message. */
export type HeaderPosition = 'top' | 'bottom' | number;

/** See `addHeader()`. */
export interface AddHeader {
  readonly kind: 'addHeader';
  readonly name: string;
  readonly value: Text;
}
/** See `insertHeader()`. */
export interface InsertHeader {
  readonly kind: 'insertHeader';
  readonly position: HeaderPosition;
  readonly name: string;
  readonly value: Text;
}
/** See `changeHeader()`. */
export interface ChangeHeader {
  readonly kind: 'changeHeader';
  readonly name: string;
  readonly index: number;
  readonly value: Text;
}
/** See `deleteHeader()`. */
export interface DeleteHeader {
  readonly kind: 'deleteHeader';
  readonly name: string;
  readonly index: number;
}
/** See `replaceBody()`. */
export interface ReplaceBody {
  readonly kind: 'replaceBody';
  readonly body: BodySource;
}
/** See `addRecipient()`. */
export interface AddRecipient {
  readonly kind: 'addRecipient';
  readonly address: Text;
  readonly args: readonly string[];
}
/** See `deleteRecipient()`. */
export interface DeleteRecipient {
  readonly kind: 'deleteRecipient';
  readonly address: Text;
}
/** See `changeSender()`. */
export interface ChangeSender {
  readonly kind: 'changeSender';
  readonly address: Text;
  readonly args: readonly string[];
}
/** See `quarantine()`. */
export interface Quarantine {
  readonly kind: 'quarantine';
  readonly reason: Text;
}

/** A change to the message; only at `eom`. */
export type Modification =
  | AddHeader
  | InsertHeader
  | ChangeHeader
  | DeleteHeader
  | ReplaceBody
  | AddRecipient
  | DeleteRecipient
  | ChangeSender
  | Quarantine;

/** See `edit()`. */
export interface Edit {
  readonly kind: 'edit';
  /** All that is to be changed, `replaces` included. */
  readonly modifications: readonly Modification[];
  /** What earlier filters wanted to change: it is superseded. */
  readonly replaces: readonly Modification[];
}
