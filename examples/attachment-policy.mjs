// @ts-check
// npm install rxmilter rxjs mailparser@3.14.2 libmime; copy attachment-findings.mjs beside this file
// npx rxmilter serve --listen inet:8891@127.0.0.1 attachment-policy.mjs
import { onMessage, quarantine, reject } from 'rxmilter';

import { findings } from './attachment-findings.mjs';

/** What is looked for; patterns are for extensions in small letters, and for types such as `text/plain`. */
export const RULES = {
  /** Runs, or changes settings, when it is opened. */
  programs:
    /^(ade|adp|apk|appx|bat|cab|chm|cmd|com|cpl|dll|dmg|exe|hta|img|inf|ins|iso|jar|jnlp|jse?|lib|lnk|md[bez]|ms[cipt]|nsh|pif|ps1|reg|sc[rt]|shb|sys|url|vb[es]?|vhdx?|vxd|ws[cfh]|xll|\{.*\})$/,
  /** Is not unpacked; but its name may tell what is in it: `setup.exe.zip`. */
  archives: /^(7z|arj|bz2|gz|lzh|rar|tar|xz|zip)$/,
  /** Often stands in the middle of an innocent name: `example.com.pdf`, `Node.js.pdf`. */
  innocent: /^(com|js)$/,
  /** Is put together from several mails, or fetched from elsewhere, by the reader's program: nobody has seen it here. */
  types: /^message\/(partial|external-body)$/,
  /** What begins like this is that, whatever it is called. Text may begin with MZ, but has no zero bytes. */
  contents: [
    { is: 'a program', begins: /^(MZ[^]*\0|\x7fELF)/, forbidden: true },
    { is: 'a ZIP file', begins: /^PK\x03\x04/, called: /^(zip|docx|pptx|xlsx|od[pst])$/ },
    { is: 'a RAR file', begins: /^Rar!\x1a\x07/, called: /^rar$/ },
    { is: 'a PDF file', begins: /^%PDF-/, called: /^(application\/)?pdf$/ },
    { is: 'an image', begins: /^(\x89PNG|GIF8|\xff\xd8\xff)/, called: /^(image\/.*|gif|jpe?g|png)$/ },
  ],
  /** How deep messages may be within messages. */
  depth: 5,
};

/**
 * Refuses mail with forbidden attachments. What only looks like that, and mail of which nobody can say what is in it,
 * the MTA holds, for somebody to look at (Postfix: `postqueue -p`, `postcat -q`, `postsuper -H`). All three are options.
 *
 * The mail is looked through while it arrives, and what is forbidden is refused at once. It is not kept in memory; only
 * a part in quoted-printable is, while it is decoded. What is packed (archives, winmail.dat, uuencoded text) or
 * encrypted stays unseen.
 *
 * @typedef {import('./attachment-findings.mjs').Finding['verdict']} Verdict
 * @param {Partial<Record<Verdict, (why: string) => import('rxmilter').Answer<'eom'> | undefined>>} [answers]
 * @param {typeof RULES} [rules]
 */
export function attachmentPolicy(answers = {}, rules = RULES) {
  const answerTo = { forbidden: reject, suspicious: quarantine, broken: quarantine, ...answers };
  return onMessage({ body: 'stream' }, async (message) => {
    /** @type {Partial<Record<Verdict, string>>} */
    const found = {};
    for await (const { verdict, why } of findings(message.source(), rules)) {
      // Strangers choose the names of files: plain characters only, and not too many, go into replies and logs.
      found[verdict] ??= why.replace(/[^ -~]/g, '?').slice(0, 100);
      if (verdict === 'forbidden') break;
    }
    for (const verdict of /** @type {const} */ (['forbidden', 'suspicious', 'broken'])) {
      const why = found[verdict];
      if (why !== undefined) return answerTo[verdict](why);
    }
    return undefined;
  });
}

/** The filter for `rxmilter serve`. */
export default () => attachmentPolicy();
