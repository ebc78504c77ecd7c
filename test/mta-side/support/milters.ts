import { type ServeOptions, serve } from 'rxmilter';
import { onTestFinished } from 'vitest';

import { scriptedMilter, type Script, type ScriptedMilter } from '../../support/scripted-milter.js';
import { countingProxy, type CountingProxy } from './counting-proxy.js';

/** A scripted milter for the time of the test. */
export async function scripted(script: Script = {}): Promise<ScriptedMilter> {
  const milter = await scriptedMilter(script);
  onTestFinished(() => milter[Symbol.asyncDispose]());
  return milter;
}

/** A filter of our own behind a socket, for the time of the test, and who is connected to it. */
export async function served(
  filter: Parameters<typeof serve>[0],
  options: Partial<ServeOptions> = {},
): Promise<CountingProxy> {
  const server = await serve(filter, { ...options, listen: 'inet:0@127.0.0.1' });
  onTestFinished(() => server.destroy());
  return counted(server.address);
}

/** A proxy in front of a milter for the time of the test. */
export async function counted(address: string): Promise<CountingProxy> {
  const proxy = await countingProxy(address);
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  return proxy;
}
