import { describe, expect, test } from 'vitest';

import { readOptions } from '../../bench/lib/options.mjs';

describe('the switches of the benchmark', () => {
  test.each([
    ['--works z', '--works: there is no z, only a, b, c'],
    ['--targets sendmail', '--targets: there is no sendmail, only rxmilter'],
    ['--growth words', '--growth: there is no words, only headers, recipients, body, messages'],
    ['--rounds 0', '--rounds: not a number in 0'],
    ['--messages many', '--messages: not a number in many'],
    ['--nonsense', "Unknown option '--nonsense'"],
    ['--filter /nowhere/filter.mjs', '--filter: there is no file /nowhere/filter.mjs'],
    ['--filter /', '--filter: there is no file /'],
    ['--compare milter', '--compare: milter is not NAME=ENDPOINT,PID'],
    ['--compare =unix:/sock,1', '--compare: =unix:/sock,1 is not NAME=ENDPOINT,PID'],
    ['--compare x=unix:/sock', '--compare: x=unix:/sock is not NAME=ENDPOINT,PID'],
    ['--compare x=unix:/sock,pid', '--compare: x=unix:/sock,pid is not NAME=ENDPOINT,PID'],
    [
      '--compare x=/sock,1',
      '--compare x: /sock is not an endpoint: write unix:/absolute/path or inet:port@host',
    ],
    ['--compare x=unix:sock,1', '--compare x: unix:sock is not an endpoint'],
    ['--compare x=inet:8891,1', '--compare x: inet:8891 is not an endpoint'],
    ['--compare x=inet:0@127.0.0.1,1', '--compare x: inet:0@127.0.0.1 is not an endpoint'],
    ['--compare x=inet:65536@127.0.0.1,1', '--compare x: inet:65536@127.0.0.1 is not an endpoint'],
    ['--compare floor=unix:/sock,1', '--compare: the name floor is taken, use another'],
    ['--compare filter=unix:/sock,1', '--compare: the name filter is taken'],
    ['--compare x=unix:/a,1 --compare x=unix:/b,2', '--compare: the name x is taken'],
    [
      '--compare x=unix:/a,1 --transports inet',
      '--compare x: it listens on unix, and --transports has only inet',
    ],
  ])('%s is refused in words', (line, message) => {
    expect(() => readOptions(line.split(' '))).toThrow(message);
  });

  test('take other milters in the spellings of libmilter, too', () => {
    const line = '--compare a=unix:/a,1 --compare b=local:/b,c,2 --compare c=inet:8891@127.0.0.1,3';
    expect(readOptions(line.split(' ')).compare).toEqual([
      { name: 'a', endpoint: 'unix:/a', transport: 'unix', pid: 1 },
      { name: 'b', endpoint: 'local:/b,c', transport: 'unix', pid: 2 },
      { name: 'c', endpoint: 'inet:8891@127.0.0.1', transport: 'inet', pid: 3 },
    ]);
  });

  test.each([
    ['', { works: 13, idle: 2, memory: 5, growth: 0 }],
    ['--quick', { works: 13, idle: 1, memory: 5, growth: 4 }],
    ['--works j,l', { works: 2, idle: 0, memory: 0, growth: 0 }],
    ['--memory whole', { works: 0, idle: 0, memory: 1, growth: 0 }],
    ['--growth body,messages', { works: 0, idle: 0, memory: 0, growth: 2 }],
    ['--growth body --connections 4', { works: 0, idle: 0, memory: 0, growth: 1 }],
    ['--connections 4', { works: 13, idle: 0, memory: 0, growth: 0 }],
  ])('"%s" selects what it names, and nothing else', (line, selected) => {
    const { works, idle, memory, growth } = readOptions(line.split(' ').filter(Boolean));
    const found = { works: works.length, idle: idle.length, memory: memory.length, growth: growth.length };
    expect(found).toEqual(selected);
  });
});
