import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Subject, map } from 'rxjs';
import { serve } from 'rxmilter';
import { deliver, formatReply, MtaSession } from 'rxmilter/mta';
import { describe, expect, it, onTestFinished } from 'vitest';

import { parseRules, rulesIn, senderRules, type Rules } from '../../examples/reloading-rules.mjs';
import { eventually } from '../docs/support/eventually.js';

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'rxmilter-rules-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

describe('parseRules', () => {
  it('reads a rule from each line, and leaves comments and empty lines out', () => {
    const text =
      '# ours\n\nreject Spam@Example.com  No  thanks # really\n tempfail @example.net\r\nreject @x\n';
    expect([...parseRules(text, 'rules.txt')]).toEqual([
      ['spam@example.com', { action: 'reject', text: 'No thanks' }],
      ['@example.net', { action: 'tempfail', text: undefined }],
      ['@x', { action: 'reject', text: undefined }],
    ]);
    expect([...parseRules('# none\n', 'rules.txt')]).toEqual([]);
  });

  it('says which line is wrong, and how', () => {
    const wrong: [string, string][] = [
      ['', 'rules.txt is empty. Write a comment into it where there are to be no rules.'],
      ['\nrefuse a@b', 'rules.txt:2: "refuse" is no action. Write reject or tempfail.'],
      ['reject', 'rules.txt:1: "" is neither user@domain nor @domain.'],
      ['reject a@', 'rules.txt:1: "a@" is neither user@domain nor @domain.'],
      ['reject a@b\nreject A@b', 'rules.txt:2: there is a rule for A@b already.'],
    ];
    for (const [text, message] of wrong) expect(() => parseRules(text, 'rules.txt')).toThrow(message);
  });
});

/** A file of rules that is watched, and what came of it. */
class Watched {
  readonly path: string;
  readonly emitted: string[] = [];
  readonly reported: string[] = [];
  failure: unknown;

  constructor(path: string) {
    const stop = new AbortController();
    this.path = path;
    rulesIn(path, {
      interval: 5,
      signal: stop.signal,
      report: (error) => this.reported.push(error.message),
    }).subscribe({
      // A file that is written in place may be seen twice: emptied, and filled.
      next: (rules: Rules) => {
        const names = [...rules.keys()].join(' ');
        if (this.emitted.at(-1) !== names) this.emitted.push(names);
      },
      error: (error: unknown) => (this.failure = error),
    });
    onTestFinished(() => stop.abort());
  }

  /** Has another file take its place, which is seen once. */
  replace(text: string): void {
    writeFileSync(`${this.path}.new`, text);
    renameSync(`${this.path}.new`, this.path);
  }

  emits(...all: readonly string[]): Promise<void> {
    return eventually(`${all.join(', ')}: ${JSON.stringify(this)}`, () => this.emitted.join() === all.join());
  }

  reports(count: number): Promise<void> {
    return eventually(`${count} reports`, () => this.reported.length === count);
  }
}

async function watched(): Promise<Watched> {
  const path = join(scratch(), 'rules.txt');
  writeFileSync(path, 'reject @one.example\n');
  const file = new Watched(path);
  await file.emits('@one.example');
  return file;
}

describe('rulesIn', () => {
  it('emits the rules, and again when they are written anew', async () => {
    const file = await watched();
    writeFileSync(file.path, 'reject @two.example\n');
    await file.emits('@one.example', '@two.example');
    appendFileSync(file.path, 'reject @three.example\n');
    await file.emits('@one.example', '@two.example', '@two.example @three.example');
    expect(file.reported).toEqual([]);
  });

  it('emits nothing where something else changes beside it', async () => {
    const file = await watched();
    writeFileSync(`${file.path}.other`, 'reject @other.example\n');
    // The next change is the first that is told.
    await new Promise((resolve) => setTimeout(resolve, 60));
    writeFileSync(file.path, 'reject @two.example\n');
    await file.emits('@one.example', '@two.example');
  });

  it('keeps the rules where they are broken, says so once, and takes them when they are mended', async () => {
    const file = await watched();
    file.replace('reject @one.example\nrejekt @two.example\n');
    await file.reports(1);
    writeFileSync(`${file.path}.other`, 'something else changes\n');
    file.replace('reject @one.example\nreject @two.example\n# mended\n');
    await file.emits('@one.example', '@one.example @two.example');
    expect(file.reported).toEqual([
      'reloaded(): loading failed: rules.txt:2: "rejekt" is no action. Write reject or tempfail.',
    ]);
    file.replace('rejekt');
    await file.reports(2);
  });

  it('keeps them where the file is removed, and takes it when it is there again, as editors do it', async () => {
    const file = await watched();
    unlinkSync(file.path);
    await file.reports(1);
    expect(file.reported).toEqual([expect.stringMatching(/loading failed: ENOENT.*rules\.txt/)]);
    writeFileSync(file.path, 'reject @two.example\n');
    await file.emits('@one.example', '@two.example');
    renameSync(file.path, `${file.path}~`);
    writeFileSync(file.path, 'reject @three.example\n');
    await file.emits('@one.example', '@two.example', '@three.example');
  });

  it('takes a file that another was renamed to, again and again', async () => {
    const file = await watched();
    const seen = ['@one.example'];
    for (const name of ['two', 'three', 'four']) {
      writeFileSync(`${file.path}.new`, `reject @${name}.example\n`);
      renameSync(`${file.path}.new`, file.path);
      seen.push(`@${name}.example`);
      await file.emits(...seen);
    }
    expect(file.reported).toEqual([]);
  });

  it('follows a link beside it to another version', async () => {
    const directory = scratch();
    for (const version of ['one', 'two']) {
      mkdirSync(join(directory, version));
      writeFileSync(join(directory, version, 'rules.txt'), `reject @${version}.example\n`);
    }
    symlinkSync('one', join(directory, 'current'));
    symlinkSync('current/rules.txt', join(directory, 'rules.txt'));
    const file = new Watched(join(directory, 'rules.txt'));
    await file.emits('@one.example');
    symlinkSync('two', join(directory, 'next'));
    renameSync(join(directory, 'next'), join(directory, 'current'));
    await file.emits('@one.example', '@two.example');
  });

  it('reads them although something beside it never comes to rest', async () => {
    const file = await watched();
    const busy = setInterval(() => appendFileSync(`${file.path}.log`, 'x'), 5);
    onTestFinished(() => clearInterval(busy));
    writeFileSync(file.path, 'reject @two.example\n');
    await file.emits('@one.example', '@two.example');
  });

  it('sees a change behind a link in another directory', async () => {
    const directory = scratch();
    writeFileSync(join(directory, 'rules.txt'), 'reject @one.example\n');
    mkdirSync(join(directory, 'etc'));
    symlinkSync('../rules.txt', join(directory, 'etc', 'rules.txt'));
    const file = new Watched(join(directory, 'etc', 'rules.txt'));
    await file.emits('@one.example');
    writeFileSync(join(directory, 'rules.txt'), 'reject @two.example\n');
    await file.emits('@one.example', '@two.example');
    expect(file.reported).toEqual([]);
  });

  it('errors where there are no rules to begin with', async () => {
    const path = join(scratch(), 'rules.txt');
    const none = new Watched(path);
    await eventually('an error', () => none.failure !== undefined);
    expect(String(none.failure)).toMatch(/loading failed: ENOENT.*rules\.txt/);
    expect(none.reported).toEqual([]);
    // It goes on looking, and the error of a file that is broken has no subscriber any more.
    writeFileSync(path, 'nonsense');
    await none.reports(1);
    const broken = new Watched(path);
    await eventually('an error', () => broken.failure !== undefined);
    expect(String(broken.failure)).toMatch(/loading failed: rules\.txt:1: "nonsense" is no action/);
    expect(broken.reported).toEqual([]);
  });
});

describe('senderRules', () => {
  it('refuses addresses and domains, the address before its domain', async () => {
    const rules = parseRules(
      'reject a@one.example Not you\ntempfail @one.example\nreject @two.example\n',
      'r',
    );
    const told = async (sender: string): Promise<string> => {
      const { steps } = await deliver(
        { sender, recipients: ['bob@example.org'], body: 'Hello\n' },
        { to: senderRules(rules) },
      );
      const step = steps.find(({ command }) => command === 'mail');
      return step === undefined ? 'not asked' : formatReply(step.reply);
    };
    expect(await told('A@One.example')).toBe('550 5.7.1 Not you');
    expect(await told('b@one.example')).toMatch(/^451 4\.7\.1 /);
    expect(await told('b@two.example')).toMatch(/^550 5\.7\.1 /);
    expect(await told('b@three.example')).toMatch(/^250 /);
    expect(await told('')).toMatch(/^250 /);
  });
});

describe('Rules that are served', () => {
  it('apply to new connections; those that are open finish with theirs', async () => {
    const rules$ = new Subject<Rules>();
    const starting = serve(rules$.pipe(map(senderRules)), { listen: 'inet:0@127.0.0.1' });
    rules$.next(parseRules('reject @one.example', 'r'));
    const server = await starting;
    onTestFinished(() => server.destroy());
    const mail = (sender: string): Parameters<MtaSession['send']>[0] => ({
      sender,
      recipients: ['bob@example.org'],
      body: 'Hello\n',
    });
    const open = await MtaSession.open({ to: server.address });
    onTestFinished(() => void open.close());
    expect((await open.send(mail('a@one.example'))).outcome).toBe('refused');
    rules$.next(parseRules('reject @two.example', 'r'));
    expect((await open.send(mail('a@one.example'))).outcome).toBe('refused');
    expect((await open.send(mail('a@two.example'))).outcome).toBe('delivered');
    expect((await deliver(mail('a@one.example'), { to: server.address })).outcome).toBe('delivered');
    expect((await deliver(mail('a@two.example'), { to: server.address })).outcome).toBe('refused');
  });

  it('that are wrong to begin with are served to nobody, and nothing is left running', async () => {
    const path = join(scratch(), 'rules.txt');
    writeFileSync(path, 'nonsense');
    await expect(serve(rulesIn(path).pipe(map(senderRules)), { listen: 'inet:0@127.0.0.1' })).rejects.toThrow(
      'rules.txt:1: "nonsense" is no action',
    );
  });
});
