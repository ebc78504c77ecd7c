import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';

import { cpuBetween, familyOf, readCpu, readMemory } from '../../bench/load/proc.mjs';

// A child works, ends and is waited for; another one stays.
const SCRIPT = `
  read go; (i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done); echo done
  sleep 600 & echo $!; read stop; kill $!`;

describe.runIf(process.platform === 'linux')(
  'the CPU time of a server with children',
  { timeout: 60_000 },
  () => {
    let parent: ChildProcess | undefined;
    afterEach(() => {
      parent?.stdin?.end('\n');
    });

    test('has that of those that live and of those that have ended', async () => {
      const shell = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
      parent = shell;
      const pid = shell.pid ?? 0;
      let said = '';
      shell.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
      expect(familyOf(pid)).toEqual([pid]);

      const from = readCpu([pid]);
      shell.stdin.write('\n');
      while (!/^\d+\n/m.test(said)) await once(shell.stdout, 'data');
      const [, child] = said.trim().split('\n');
      const family = familyOf(pid);
      expect(family).toEqual([pid, Number(child)]);
      // Three hundred thousand rounds of a shell are some ticks of the clock on any machine.
      expect(cpuBetween(from, readCpu(family))).toBeGreaterThan(0);
      expect(readMemory(family, 'VmRSS')).toBeGreaterThan(readMemory([pid], 'VmRSS'));
    });

    test('cannot be read of a process that is gone', async () => {
      const gone = spawn(process.execPath, ['--version']);
      await once(gone, 'exit');
      expect(() => readCpu([gone.pid ?? 0])).toThrow(`process ${gone.pid} is gone`);
    });
  },
);
