import { RemoteError, remote, accept, reject } from 'rxmilter';
import { describe, expect, it, vi } from 'vitest';

import { eventually } from '../../docs/support/eventually.js';
import { run } from '../../operators/support/drawn.js';
import { abort, close, connect, decided, eom, header, helo, mail, rcpt } from '../../support/events.js';
import { optnegAnswer } from '../../support/scripted-milter.js';
import { counted, scripted } from '../support/milters.js';

const [c, h, m, r, e] = [connect(), helo(), mail(), rcpt(), eom()];
const x = abort();
const q = close();

/** Drawn sessions grant no rights. */
const AGREES = optnegAnswer(0, 0);

describe('remote(), on events that no connection made', () => {
  it('asks about one event after the other, and knows the end of a message by its eom or its abort', async () => {
    const milter = await scripted({ O: AGREES, R: 'R10' });
    const { source, out } = run(remote(milter.address));
    for (const event of [c, h, m, r, header(), e]) source.next(event);
    await eventually('all out', () => out.length === 6);
    source.next(m);
    await eventually('and MAIL', () => out.length === 7);
    source.next(x);
    source.next(q);
    const refused = decided(r, reject({ enhanced: '5.7.1', code: 550, text: 'No such user here' }));
    expect(out).toEqual([c, h, m, refused, header(), e, m, x, q]);
    await eventually('told', () => milter.heard[0] === 'ODCCDHHDMMDRRDLLDNNDEEADMMAQ');
  });

  it('cancels with an abort and a close what runs, and passes them on', async () => {
    const milter = await scripted({ O: AGREES, M: '' });
    const proxy = await counted(milter.address);
    const { source, out } = run(remote(proxy.address));
    for (const end of [x, q]) {
      source.next(m);
      await eventually('asked', () => milter.heard.some((heard) => heard.endsWith('M')) && proxy.open === 1);
      source.next(end);
      await eventually('closed', () => proxy.open === 0);
      milter.heard.length = 0;
    }
    expect(out).toEqual([x, q]);
  });

  it('passes by what an earlier filter has decided, and what it is not asked about', async () => {
    const { address, heard } = await scripted();
    const { source, out } = run(remote(address, { stages: ['rcpt'] }));
    const flows = [c, h, decided(m, reject()), m, decided(r, accept()), header(), e];
    for (const flow of flows) source.next(flow);
    expect(out).toEqual(flows);
    expect(heard).toEqual([]);
  });

  it('completes after what runs, and then says goodbye', async () => {
    const milter = await scripted({ O: AGREES, R: 'R05' });
    const running = run(remote(milter.address));
    for (const event of [c, m, r]) running.source.next(event);
    running.source.complete();
    expect(running.completed).toBe(false);
    await eventually('completed', () => running.completed);
    expect(running.out).toEqual([c, m, decided(r, reject())]);
    await eventually('told', () => milter.heard[0]?.endsWith('AQ') === true);
  });

  it('errors, and is unsubscribed from, at once, and lets go of the milter', async () => {
    const milter = await scripted({ O: AGREES, R: '' });
    const proxy = await counted(milter.address);
    const broken = new Error('broken');
    for (const how of ['error', 'unsubscribe'] as const) {
      const running = run(remote(proxy.address));
      running.source.next(r);
      await eventually('asked', () => proxy.open === 1 && milter.heard.at(-1)?.endsWith('R') === true);
      if (how === 'error') running.source.error(broken);
      else running.unsubscribe();
      expect(running.errors).toEqual(how === 'error' ? [broken] : []);
      await eventually('closed', () => proxy.open === 0);
    }
  });

  it('warns of a milter that failed and had no answer to give', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const milter = await scripted();
    await milter[Symbol.asyncDispose]();
    const { source, out } = run(remote(milter.address, { failure: 'pass' }));
    source.next(m);
    await eventually('out', () => out.length === 1);
    expect(out).toEqual([m]);
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.any(RemoteError));
    warn.mockRestore();
  });
});
