#!/usr/bin/env node
import '../common/check-node.js';

import { traceOf } from '../common/call-site.js';
import { plainComplaint } from '../session/complaint.js';
import { main } from './main.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const { stdin, stdout, stderr, env } = process;
const argv = process.argv.slice(2);

// The reader of the output may stop before its end: `rxmilter … | head`.
stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

// An error that the code of a module does not catch.
process.on('uncaughtException', (error: unknown) => {
  stderr.write(`rxmilter: ${plainComplaint(error)}\n`);
  if (argv.includes('--debug')) stderr.write(`${traceOf(error)}\n`);
  process.exit(1);
});

const status = await main(argv, {
  stdin,
  stdout,
  stderr,
  env,
  cwd: process.cwd(),
  onStop: (stop) => {
    for (const signal of SIGNALS) process.on(signal, stop);
    return () => {
      for (const signal of SIGNALS) process.off(signal, stop);
    };
  },
});
// A module may hold timers and connections that would keep the process alive.
stdout.write('', () => process.exit(status));
