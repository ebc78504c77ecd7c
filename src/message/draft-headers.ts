import { Headers } from './headers.js';

/** A header that is being changed. */
export class DraftHeaders extends Headers {}
