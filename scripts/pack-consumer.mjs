// @ts-check
import { entryPoints } from './pack-contents.mjs';

const common = {
  strict: true,
  exactOptionalPropertyTypes: true,
  // The declarations themselves are what is checked here.
  skipLibCheck: false,
  noEmit: true,
  target: 'es2022',
  lib: ['es2022'],
  types: ['node'],
};

/** The ways in which a TypeScript project may look for the package. */
export const CONSUMERS = [
  {
    name: 'nodenext',
    options: {
      compilerOptions: { ...common, module: 'nodenext', moduleResolution: 'nodenext' },
      files: ['consumer.ts', 'consumer.cts'],
    },
  },
  {
    name: 'bundler',
    options: {
      compilerOptions: { ...common, module: 'esnext', moduleResolution: 'bundler' },
      files: ['consumer.ts'],
    },
  },
];

const TYPED = `
import { Observable } from 'rxjs';
import { accept, addHeader, compose, on, reject, serve, type Filter, type MilterServer } from 'rxmilter';
import { greylist, rateLimit, redisKeys, type RedisClient } from 'rxmilter/policies';
import { contract, marbles, rcpt, replyTo, simulate, type ContractCheck, type Simulation } from 'rxmilter/testing';

const filter: Filter = compose(
  on('rcpt', (event) => (event.address === 'nobody@example.org' ? reject('no such user') : undefined)),
  on('eom', async () => [addHeader('X-Checked', 'yes'), accept()]),
);

const checks: readonly ContractCheck[] = contract(filter);
export const drawn: () => void = marbles(({ flow, subscriptions }) => {
  const r = rcpt('nobody@example.org');
  const source = flow.hot('       -r|', { r });
  flow.expect(filter(source)).toBe('-R|', { R: replyTo(r, reject('no such user')) });
  subscriptions(source).toBe('     ^-!');
});
export async function tested(): Promise<string> {
  for (const { check } of checks) await check();
  const mta: Simulation = await simulate(filter);
  const { verdict } = await mta.rcpt();
  await mta.close();
  return verdict;
}

export const limited: Filter = compose(
  rateLimit({ key: 'client', limit: 5, window: 60_000 }),
  rateLimit({ key: ({ mail }) => mail.address, stage: 'rcpt', limit: 5, window: 60_000, decision: reject() }),
);
export const shared = (client: RedisClient): Filter => greylist({ store: redisKeys(client), away: 'pass' });

export async function start(): Promise<Observable<unknown>> {
  const server: MilterServer = await serve(filter, { listen: 'inet:0@127.0.0.1' });
  const address: string = server.address;
  await server.close();
  return address === '' ? new Observable() : server.outcomes;
}

// @ts-expect-error a stage that does not exist
on('nowhere', () => undefined);
`;

const TYPED_CJS = `
import rxmilter = require('rxmilter');

export const filter = rxmilter.on('mail', (event) => (event.address === '' ? rxmilter.accept() : undefined));
`;

const USE = `
const server = await serve(on('rcpt', () => reject('no')), { listen: 'inet:0@127.0.0.1' });
assert.match(server.address, /^inet:[1-9]\\d*@127\\.0\\.0\\.1$/);
assert.ok(server.outcomes instanceof Observable, 'outcomes is not an Observable of the installed rxjs');
await server.close();

const filter = on('rcpt', ({ address }) => (address === 'nobody@example.org' ? reject('no') : undefined));
const r = rcpt('nobody@example.org');
marbles(({ flow }) => {
  flow.expect(filter(flow.hot('-r|', { r }))).toBe('-R|', { R: replyTo(r, reject('no')) });
})();
const mta = await simulate(filter);
assert.equal((await mta.rcpt('nobody@example.org')).verdict, 'reject');
await mta.close();
for (const { check } of contract(filter)) await check();

// A policy knows the events of the filters beside it: both entry points share what is behind them.
const grey = await simulate(compose(filter, greylist()));
assert.equal((await grey.rcpt('nobody@example.org')).verdict, 'reject');
assert.equal((await grey.rcpt('bob@example.org')).reply.enhanced, '4.7.1');
await grey.close();
`;

/** Serves a filter, gives it a message, stops it and plays its recording, each as a program of its own. */
const CLI = `
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';

const rxmilter = (...args) => spawnSync('npx', ['--no-install', 'rxmilter', ...args], { encoding: 'utf8' });
// With a timer, which would keep a program alive that only closes its server.
writeFileSync('filter.mjs', "import { addHeader, on } from 'rxmilter';\\nsetInterval(() => undefined, 1000);\\nexport default on('eom', () => addHeader('X-It', 'works'));\\n");
writeFileSync('wrong.mjs', 'const a = 1;\\nconst b = ;\\n');
writeFileSync('mail.eml', 'From: a@example.com\\nTo: b@example.org\\n\\nHello\\n');

rmSync('mail.jsonl', { force: true });
const serve = ['serve', '--listen', 'inet:0@127.0.0.1', '--record', 'mail.jsonl', 'filter.mjs'];
const server = spawn(process.execPath, ['node_modules/rxmilter/dist/rxmilter.js', ...serve]);
const ended = once(server, 'close');
process.on('exit', () => server.kill('SIGKILL'));
const errors = [];
server.stderr.on('data', (chunk) => errors.push(chunk));
const [line] = await Promise.race([once(server.stdout, 'data'), ended.then(() => [errors.join('')])]);
const [, address] = /^Listening on (inet:\\d+@127\\.0\\.0\\.1)\\n$/.exec(String(line)) ?? assert.fail(String(line));
const sent = rxmilter('send', '--to', address, '--message', 'mail.eml');
server.kill('SIGTERM');
assert.deepEqual(await ended, [0, null]);
assert.match(errors.join(''), /^Stopping\\..*\\n$/);
assert.equal(sent.stderr, '');
assert.equal(sent.status, 0);
assert.match(sent.stdout, /\\r\\nX-It: works\\r\\n\\r\\nHello\\r\\n$/);

const replayed = rxmilter('replay', 'mail.jsonl', 'filter.mjs');
assert.equal(replayed.stderr, '');
assert.equal(replayed.status, 0);
assert.match(replayed.stdout, /^1 session, \\d+ events: all answers are as recorded\\.$/m);

const wrong = rxmilter('serve', '--listen', 'inet:0@127.0.0.1', 'wrong.mjs');
assert.equal(wrong.status, 1);
assert.match(wrong.stderr, /^rxmilter serve: wrong\\.mjs failed while it was loaded: SyntaxError: .* \\(at wrong\\.mjs:2\\)\\n$/);
assert.equal(rxmilter('sned').status, 2);
`;

/**
 * The files of a project that uses the package.
 * @param {import('./pack-contents.mjs').Manifest} manifest
 * @returns {Record<string, string>} name to text
 */
export function consumerFiles(manifest) {
  const { modules } = entryPoints(manifest);
  const list = JSON.stringify(modules);
  return {
    'consumer.ts': TYPED,
    'consumer.cts': TYPED_CJS,
    'use.mjs': `
import assert from 'node:assert/strict';
import { Observable } from 'rxjs';
import { compose, on, reject, serve } from '${manifest.name}';
import { greylist } from '${manifest.name}/policies';
import { contract, marbles, rcpt, replyTo, simulate } from '${manifest.name}/testing';
for (const name of ${list}) assert.ok(Object.keys(await import(name)).length > 0, name + ' exports nothing');
${USE}`,
    // Another test runner than ours.
    'own.test.mjs': `
import { test } from 'node:test';
import { on, reject } from '${manifest.name}';
import { contract, marbles, rcpt, replyTo } from '${manifest.name}/testing';
const filter = on('rcpt', () => reject('no'));
const r = rcpt();
test('drawn', marbles(({ flow }) => {
  flow.expect(filter(flow.hot('-r|', { r }))).toBe('-R|', { R: replyTo(r, reject('no')) });
}));
for (const { name, check } of contract(filter)) test(name, check);
`,
    'cli.mjs': CLI,
    'use.cjs': `
const assert = require('node:assert/strict');
const { Observable } = require('rxjs');
const { compose, on, reject, serve } = require('${manifest.name}');
const { greylist } = require('${manifest.name}/policies');
const { contract, marbles, rcpt, replyTo, simulate } = require('${manifest.name}/testing');
assert.equal(require('${manifest.name}/package.json').version, '${manifest.version}');
for (const name of ${list}) assert.ok(Object.keys(require(name)).length > 0, name + ' exports nothing');
(async () => {${USE}})();
`,
  };
}
