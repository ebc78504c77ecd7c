import { describe, expect, it } from 'vitest';

import { Collection } from '../../src/message/collection.js';
import { resolveMessageOptions } from '../../src/message/message-options.js';
import { body } from '../support/events.js';
import { scratch } from './support/scratch.js';

const directoryOf = scratch();

describe('a collection', () => {
  it('is no whole message as long as a piece of its body is on its way to the file', async () => {
    const options = resolveMessageOptions({ directory: directoryOf(), limits: { memory: 0 } });
    const collection = new Collection(options);
    const written = collection.take(body('one'));
    expect(String(collection.failure?.cause)).toContain('still being written');
    await written;
    expect(collection.failure).toBeUndefined();
    expect(String(await collection.store.bytes())).toBe('one');
    collection.close();
  });
});
