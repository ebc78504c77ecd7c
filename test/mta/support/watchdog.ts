import { spawn, type ChildProcess } from 'node:child_process';

/**
 * Stops that process as soon as its standard input ends: at the latest with this process, however that ends, so that
 * a test run that is broken off leaves no mail server behind.
 */
export function watchdog(pid: number): ChildProcess {
  const script = 'cat > /dev/null; kill -TERM "$1"';
  const child = spawn('/bin/sh', ['-c', script, 'sh', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true, // an interrupt from the keyboard is not for it
  });
  child.unref();
  return child;
}
