import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';

import { activation, missingForActivation } from '../../transport/support/activated.js';
import { describePostfix } from '../support/describe-postfix.js';

const missing = missingForActivation();
if (missing !== undefined) console.log(`Skipped: socket activation behind Postfix, because ${missing}.`);
const { start } = activation();

/** Refuses all senders in the name of its process, until it is told to stop. */
const PROGRAM = `
  const [listen] = await inheritedSockets();
  const server = await serve(on('mail', () => reject('by process ' + process.env.ROUND)), { listen });
  say(server.address);
  await hear();
  await server.close();
  say('closed');`;

describePostfix('socket activation behind Postfix', (bench) => {
  test.skipIf(missing !== undefined)(
    'a process that is started anew refuses nobody a connection: who comes meanwhile waits for the next one',
    async () => {
      const path = bench().milter.unix.slice('unix:'.length);
      // As with SocketMode=0666, which is systemd's default.
      const open = `opened(AF_UNIX, SOCK_STREAM, pack_sockaddr_un('${path}'), 1); chmod 0666, '${path}'; $ENV{LISTEN_FDS} = 1`;
      const rounds = `for (1 .. 3) {
        $ENV{ROUND} = $_;
        my $pid = fork;
        if (!$pid) { $ENV{LISTEN_PID} = $$; exec @ARGV }
        waitpid $pid, 0;
      }`;
      const processes = start(open, PROGRAM, rounds);
      expect(await processes.says()).toBe(bench().milter.unix);
      for (let round = 1; round < 3; round++) {
        const client = await bench().greeted('unix');
        expect(await client.command('MAIL FROM:<alice@src.example>')).toBe(`550 5.7.1 by process ${round}`);
        await client.quit();
        processes.tell('stop');
        expect(await processes.says()).toBe('closed');
        // Postfix connects now, to a socket behind which there is nobody yet.
        const early = await bench().connect('unix');
        const greeting = early.hello();
        expect(await processes.says()).toBe(bench().milter.unix);
        expect(await greeting).toMatch(/^250/);
        expect(await early.command('MAIL FROM:<alice@src.example>')).toBe(
          `550 5.7.1 by process ${round + 1}`,
        );
        await early.quit();
      }
      processes.tell('stop');
      expect(await processes.says()).toBe('closed');
      expect(existsSync(path)).toBe(true);
    },
  );
});
