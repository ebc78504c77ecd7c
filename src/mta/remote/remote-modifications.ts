import {
  type Modification,
  type Text,
  addHeader,
  addRecipient,
  changeHeader,
  changeSender,
  deleteHeader,
  deleteRecipient,
  quarantine,
  replaceBody,
} from '../../session/modifications.js';
import type { WireModification } from '../client/modification-list.js';
import { type PlacedHeader, placeHeaders } from './place-headers.js';

/**
 * What a milter wants changed, as the modifications of this library. Values are the bytes that came, so that nothing is
 * written anew.
 *
 * The milter counts as an MTA does, which makes one change after the other; here every number counts the headers as
 * they were shown. So new headers are placed by where they end up.
 *
 * @param shown how many headers the milter was shown
 * @param value what a header value of that milter is to the MTA
 * @throws AnswerError where one could not be made, or would break the message
 */
export function modificationsOf(
  wire: readonly WireModification[],
  shown: number,
  value: (raw: Uint8Array) => Uint8Array,
): Modification[] {
  const others: Modification[] = [];
  const headers: PlacedHeader[] = [];
  const body: Uint8Array[] = [];
  for (const one of wire) {
    switch (one.type) {
      case 'addHeader':
        headers.push({ at: Infinity, header: addHeader(one.name, value(bytesOf(one))) });
        break;
      case 'insertHeader':
        headers.push({ at: one.index, header: addHeader(one.name, value(bytesOf(one))) });
        break;
      case 'changeHeader':
        others.push(changed(one.name, value(bytesOf(one)), Math.max(1, one.index)));
        break;
      case 'replaceBody':
        body.push(one.data);
        break;
      case 'addRecipient':
        others.push(addRecipient(one.raw ?? one.text));
        break;
      case 'addRecipientPar':
        others.push(addRecipient(one.raw ?? one.address, words(one.args)));
        break;
      case 'deleteRecipient':
        others.push(deleteRecipient(one.raw ?? one.text));
        break;
      case 'changeSender':
        others.push(changeSender(one.raw ?? one.address, words(one.args)));
        break;
      case 'quarantine':
        others.push(quarantine(one.raw ?? one.text));
        break;
    }
  }
  const whole = body.length === 0 ? [] : [replaceBody(Buffer.concat(body))];
  return [...others, ...placeHeaders(headers, shown), ...whole];
}

function changed(name: string, value: Text, index: number): Modification {
  return value.length === 0 ? deleteHeader(name, index) : changeHeader(name, value, index);
}

function bytesOf(field: { readonly value: string; readonly raw?: Uint8Array }): Uint8Array {
  return field.raw ?? Buffer.from(field.value);
}

/** In a reply all arguments are one string. */
function words(args: readonly string[]): string[] {
  return args
    .join(' ')
    .split(' ')
    .filter((word) => word !== '');
}
