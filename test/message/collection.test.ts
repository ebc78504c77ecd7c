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

  it('does not hold on to all that a small part was read with', () => {
    const collection = new Collection(resolveMessageOptions({ maxBytes: 10 }));
    const large = Buffer.alloc(1000);
    expect(collection.admit(large)?.buffer).not.toBe(large.buffer);
    const most = new Collection(resolveMessageOptions({ maxBytes: 900 }));
    expect(most.admit(large)?.buffer).toBe(large.buffer);
  });
});
