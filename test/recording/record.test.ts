import fc from 'fast-check';
import { compose, observe, on, reject, addHeader } from 'rxmilter';
import { describeMessage } from 'rxmilter/mta';
import { record, RecordingError, readRecording } from 'rxmilter/recording';
import { describe, expect, it } from 'vitest';

import { readFrame, writeFrame } from '../../src/recording/recording.js';
import { commandCodec } from '../../src/transport/wire/commands.js';
import { replyCodec } from '../../src/transport/wire/replies.js';
import { link } from '../support/session-link.js';
import { COMMAND_VECTORS } from '../support/vectors/command-vectors.js';
import { REPLY_VECTORS } from '../support/vectors/reply-vectors.js';
import { recorded } from './support.js';

const filter = compose(
  on('rcpt', ({ address }) => address.startsWith('mallory@') && reject('No such user')),
  observe('body', () => undefined),
  on('eom', () => addHeader('X-Seen', 'yes')),
);

const HEAD = '{"rxmilter":"recording","version":1,"at":"2026-01-01T00:00:00.000Z"}\n';
const HELO = '{"session":"1","ms":0,"from":"mta","type":"helo","text":"client.example"}\n';

describe('record', () => {
  it('writes every frame, with its fields and its time, as a line of JSON', async () => {
    const { text, session, delivery } = await recorded(filter);
    expect(text.trimStart().split('\n')[0]).toMatch(/^\{"rxmilter":"recording","version":1,"at":"20/);
    expect(text.endsWith('\n')).toBe(true);
    const said = session.frames.map(({ from, message }) => `${from}: ${describeMessage(message)}`);
    const exchanged = delivery.transcript.flatMap(({ sent, received }) => [
      ...sent.map((one) => `mta: ${describeMessage(one)}`),
      ...received.map((one) => `filter: ${describeMessage(one)}`),
    ]);
    expect(said).toEqual(exchanged);
    const times = session.frames.map(({ ms }) => ms);
    expect(times).toEqual([...times].sort((left, right) => left - right));
    expect(times[0]).toBe(0);
  });

  it('is readable where text is text, and keeps the bytes where it is not', () => {
    const line = (value: Buffer): unknown => {
      const data = Buffer.concat([Buffer.from('Subject\0'), value, Buffer.from('\0')]);
      return JSON.parse(
        writeFrame('1', { ms: 1, from: 'mta', message: commandCodec.decode(0x4c, data, 0, data.length) }),
      );
    };
    const common = { session: '1', ms: 1, from: 'mta', type: 'header', name: 'Subject' };
    expect(line(Buffer.from('café'))).toEqual({ ...common, value: 'café' });
    expect(line(Buffer.from('caf\xe9', 'latin1'))).toEqual({ ...common, value: 'café', raw: 'Y2Fm6Q==' });
  });

  it('puts a body frame together that came in parts', () => {
    const lines: string[] = [];
    const mta = link(
      observe('body', () => undefined),
      { trace: record((line) => lines.push(line)) },
    );
    mta.send('C01');
    mta.connection.receive(Buffer.from('0000000842', 'hex'));
    mta.connection.receive(Buffer.from('Hel'));
    mta.connection.receive(Buffer.from('lo\r\n'));
    const [session] = readRecording(lines.join('')).sessions;
    expect(session?.frames.map(({ message }) => message).filter(({ type }) => type === 'body')).toEqual([
      { type: 'body', data: Buffer.from('Hello\r\n') },
    ]);
  });

  it('keeps sessions apart that go on at the same time', () => {
    const lines: string[] = [];
    const trace = record((line) => lines.push(line));
    const [one, two] = [link(filter, { trace }), link(filter, { trace })];
    one.send('C01', 'C03');
    two.send('C01', 'C12');
    one.send('C10');
    expect(
      readRecording(lines.join('')).sessions.map(({ id, frames }) => [
        id,
        frames.filter(({ from }) => from === 'mta').map(({ message }) => message.type),
      ]),
    ).toEqual([
      [one.session.id, ['optneg', 'connect', 'helo']],
      [two.session.id, ['optneg', 'mail']],
    ]);
  });

  it('costs no mail where it cannot be written', () => {
    const mta = link(filter, {
      trace: record(() => {
        throw new Error('disk full');
      }),
    });
    expect(mta.ask('C01')).toHaveLength(1);
    expect(mta.errors.map(({ message }) => message)).toEqual([
      'The trace function failed, and is not called again: disk full',
    ]);
  });
});

describe('a line', () => {
  it.each([...COMMAND_VECTORS, ...REPLY_VECTORS].map((vector) => [vector.id, vector] as const))(
    'gives the frame back that was written: %s',
    (id, vector) => {
      const bytes = Buffer.from(vector.frame.replaceAll(' ', ''), 'hex');
      const from = id.startsWith('C') ? 'mta' : 'filter';
      const codec = from === 'mta' ? commandCodec : replyCodec;
      const message = codec.decode(bytes[4] ?? 0, bytes, 5, bytes.length);
      const line = JSON.parse(writeFrame('7', { ms: 1.5, from, message } as never)) as Record<
        string,
        unknown
      >;
      const { session, frame } = readFrame(line);
      expect([session, frame.ms, frame.from]).toEqual(['7', 1.5, from]);
      expect(frame.message).toEqual(message);
    },
  );

  it('gives the frame back whatever bytes are in a body or a header', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (data) => {
        const line = writeFrame('1', { ms: 0, from: 'mta', message: { type: 'body', data } });
        const { frame } = readFrame(JSON.parse(line) as Record<string, unknown>);
        expect(frame.message).toEqual({ type: 'body', data: Buffer.from(data) });
      }),
    );
  });
});

describe('readRecording', () => {
  it('reads text and bytes, several runs, and empty lines', () => {
    const text = `\n${HEAD}${HELO}\n\n${HEAD}${HELO}`;
    for (const given of [text, Buffer.from(text)]) {
      expect(readRecording(given).sessions.map(({ id, frames }) => [id, frames.length])).toEqual([
        ['1', 1],
        ['2:1', 1],
      ]);
    }
  });

  it('has no sessions of nothing', () => {
    expect(readRecording('')).toEqual({ sessions: [], truncated: [] });
  });

  it('uses all but a last line that is not whole, wherever it was cut', () => {
    for (let length = 1; length < HELO.length - 1; length++) {
      const cut = HELO.slice(0, length);
      const { sessions, truncated } = readRecording(HEAD + HELO + cut);
      expect([sessions[0]?.frames.length, truncated]).toEqual([1, [{ line: 3, text: cut }]]);
    }
  });

  it('uses what was recorded after a crash, too', () => {
    const cut = '{"session":"1","ms":3,"fr';
    const { sessions, truncated } = readRecording(`${HEAD}${HELO}${cut}\n${HEAD}${HELO}`);
    expect(sessions.map(({ id }) => id)).toEqual(['1', '2:1']);
    expect(truncated).toEqual([{ line: 3, text: cut }]);
  });

  it.each([
    ['a broken line in the middle', `${HEAD}{"ses\n${HELO}`, 2, /not an object of JSON/],
    ['a line that is no object', `${HEAD}[]\n${HELO}`, 2, /not an object of JSON/],
    ['another version', '{"rxmilter":"recording","version":2}\n', 1, /its version is 2, and only 1 is known/],
    ['frames without a beginning', HELO, 1, /before the line that begins a recording/],
    ['another file', '<html>\n', 1, /not an object of JSON/],
    ['no session', `${HEAD}{"ms":0,"from":"mta","type":"eoh"}\n`, 2, /it has no session/],
    [
      'no time',
      `${HEAD}{"session":"1","from":"mta","type":"eoh"}\n`,
      2,
      /its time \(ms\) is not a number from 0 on/,
    ],
    ['neither side', `${HEAD}{"session":"1","ms":0,"from":"me","type":"eoh"}\n`, 2, /neither from 'mta' nor/],
    ['no frame', `${HEAD}{"session":"1","ms":0,"from":"mta","type":"ehlo"}\n`, 2, /no frame called "ehlo"/],
    ['a field missing', `${HEAD}{"session":"1","ms":0,"from":"mta","type":"helo"}\n`, 2, /called "helo"/],
  ])('says in which line there is %s', (_what, text, line, problem) => {
    const read = (): unknown => readRecording(text);
    expect(read).toThrow(RecordingError);
    expect(read).toThrow(problem);
    expect(read).toThrow(`Line ${line} of the recording: `);
  });
});
