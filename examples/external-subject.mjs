// @ts-check
// npm install rxmilter rxjs libmime
// npx rxmilter serve --listen inet:8891@127.0.0.1 external-subject.mjs
import { BlockList, isIPv6 } from 'node:net';
import { edit, onMessage } from 'rxmilter';

/** @typedef {Pick<import('rxmilter').Message<'none'>, 'auth' | 'client'>} Origin */

/**
 * Marks mail from outside: a tag at the beginning of its subject, for people, and a header, for their programs.
 *
 * Outside is who has neither logged in nor an address that is `inside`. A changed subject breaks DKIM signatures, so
 * whatever verifies those comes before this filter, and whatever signs, after it.
 *
 * @param {{ tag?: string, header?: string, inside?: BlockList }} [options]
 */
export function externalSubject({
  tag = '[external]',
  header = 'X-External-Sender',
  inside = loopback(),
} = {}) {
  return onMessage({ body: 'none' }, (message) =>
    edit(message, ({ headers }) => {
      // Only this filter says who is external. What the client has written under that name is forged, or old.
      headers.delete(header);
      if (isInside(message, inside)) return;
      // There should be one subject. Of several a program may show any, and of none it shows the tag.
      for (let n = 1; n <= Math.max(1, headers.count('Subject')); n++) {
        const subject = headers.text('Subject', n) ?? '';
        if (!isTagged(subject, tag)) headers.setText('Subject', `${tag} ${subject}`.trimEnd(), n);
      }
      headers.append(header, 'yes');
    }),
  );
}

/**
 * Whether the tag can be seen: at the beginning, or behind "Re:", "Fwd:" and their like in other languages. Further
 * behind it may have been pushed out of sight by the sender.
 *
 * @param {string} subject
 * @param {string} tag
 */
function isTagged(subject, tag) {
  const rest = subject.replace(/^\s*(?:\p{L}{1,4}(?:\[\d+\])?\s?[:：]\s*)*/u, '');
  return rest.toLowerCase().startsWith(tag.toLowerCase());
}

/**
 * @param {Origin} origin
 * @param {BlockList} inside
 */
function isInside({ auth, client: { family, address } }, inside) {
  if (auth !== undefined || family === 'unix') return true;
  // Of a client without an address nothing is known.
  return address !== undefined && inside.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

function loopback() {
  const list = new BlockList();
  list.addSubnet('127.0.0.0', 8);
  list.addAddress('::1', 'ipv6');
  return list;
}

/** The filter for `rxmilter serve`. */
export default () => {
  const inside = loopback();
  inside.addSubnet('192.0.2.0', 24); // the network of the office
  return externalSubject({ inside });
};
