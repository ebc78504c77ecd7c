import { Observable, asyncScheduler, type Subscription } from 'rxjs';

import { DEFAULT_OFFER } from '../mta/client/agreement.js';
import type { ConnectionIo } from '../session/connection/boundary.js';
import { Connection } from '../session/connection/connection.js';
import type { Mail, MilterEvent } from '../session/flow.js';
import { tagsFor } from '../session/negotiation/tags.js';
import { resolveOptions } from '../session/options.js';
import { ALL_STAGES } from '../session/stage.js';
import { TURN } from '../session/turn.js';
import { commandCodec } from '../transport/wire/commands.js';
import { SMFIP } from '../transport/wire/flags.js';
import type { RecordedSession } from './recording.js';

/** Replies are dropped: those of the recording count. */
const NO_IO: ConnectionIo = {
  write: () => true,
  pause: () => undefined,
  resume: () => undefined,
  end: () => undefined,
  destroy: () => undefined,
};

/**
 * Emits the events of a recorded session, with the recorded pauses between them.
 *
 * @remarks
 * It is cold: each subscription plays the session from its beginning, and unsubscribing stops it. It completes after its
 * last event, which is `close`. Pauses are rounded to milliseconds, and run in virtual time under RxJS's
 * `TestScheduler`. The events are those that the MTA sent then: a filter that wants others does not get them. Replies of
 * the filter go nowhere.
 *
 * @see compareReplies to play a session as an MTA does
 * @example replay(session).pipe(filter).subscribe((flow) => console.log(flow.stage));
 */
export function replay({ frames }: RecordedSession): Observable<MilterEvent> {
  return new Observable((subscriber) => {
    const commands = frames.flatMap(({ ms, from, message }) =>
      from === 'mta' ? [{ ms: Math.round(ms), message }] : [],
    );
    const answer = frames.find(
      ({ from, message }) => from === 'filter' && message.type === 'optneg',
    )?.message;
    const agreed = answer?.type === 'optneg' ? answer.protocol : 0;
    const connection = new Connection(
      NO_IO,
      resolveOptions({
        leadingSpace: (agreed & SMFIP.HDR_LEADSPC) !== 0,
        rejectedRecipients: (agreed & SMFIP.RCPT_REJ) !== 0,
      }),
      { watched: () => false, outcome: () => undefined, ended: () => undefined },
    );
    const detach = detacher();
    connection.attach(
      {
        next: (flow) => {
          if (flow.stage !== 'reply') subscriber.next(detach(flow));
        },
        complete: () => undefined,
      },
      // It observes only, so that each event is over when it was emitted, and the next one can come.
      tagsFor(0, ALL_STAGES),
    );
    // A recording from the middle of a session on has no offer.
    if (commands[0]?.message.type !== 'optneg')
      connection.receive(commandCodec.encode({ type: 'optneg', ...DEFAULT_OFFER, lists: [] }));
    let at = 0;
    let now = 0;
    let timer: Subscription | undefined;
    const play = (): void => {
      for (;;) {
        const command = commands[at];
        if (subscriber.closed) return;
        if (command === undefined) {
          connection.eof();
          subscriber.complete();
          return;
        }
        const pause = command.ms - now;
        if (pause > 0) {
          now = command.ms;
          timer = asyncScheduler.schedule(play, pause);
          return;
        }
        at++;
        connection.receive(commandCodec.encode(command.message));
      }
    };
    play();
    return () => {
      timer?.unsubscribe();
      connection.destroy();
    };
  });
}

/** Detaches events from their connection, for which they are over before a filter has answered. */
function detacher(): (event: MilterEvent) => MilterEvent {
  // The recipients of a message have the same mail.
  const mails = new WeakMap<Mail, Mail>();
  const mailOf = (mail: Mail): Mail => {
    const copy = mails.get(mail) ?? without(mail);
    mails.set(mail, copy);
    return copy;
  };
  return (event) => {
    if (event.stage === 'mail') return mailOf(event);
    return event.stage === 'rcpt' ? { ...without(event), mail: mailOf(event.mail) } : without(event);
  };
}

function without<E extends MilterEvent>(event: E): E {
  const copy = { ...event };
  Reflect.deleteProperty(copy, TURN);
  return copy;
}
