import { quote } from '../common/printable.js';
import { AnswerError } from './errors.js';
import {
  type Modification,
  addHeader,
  addRecipient,
  changeHeader,
  changeSender,
  deleteHeader,
  deleteRecipient,
  insertHeader,
  quarantine,
  replaceBody,
} from './modifications.js';

/** Checks a modification that may not have come from its constructor: an object can be written by hand. */
export function checkModification(given: Modification): Modification {
  switch (given.kind) {
    case 'addHeader':
      return addHeader(given.name, given.value);
    case 'insertHeader':
      return insertHeader(given.position, given.name, given.value);
    case 'changeHeader':
      return changeHeader(given.name, given.value, given.index);
    case 'deleteHeader':
      return deleteHeader(given.name, given.index);
    case 'replaceBody':
      return replaceBody(given.body);
    case 'addRecipient':
      return addRecipient(given.address, given.args);
    case 'deleteRecipient':
      return deleteRecipient(given.address);
    case 'changeSender':
      return changeSender(given.address, given.args);
    case 'quarantine':
      return quarantine(given.reason);
    default:
      throw new AnswerError(`${quote(given)} is not a modification.`);
  }
}
