// @ts-check
// npm install rxmilter rxjs mailparser@3.14.2 libmime
import { realpathSync } from 'node:fs';
import { finished } from 'node:stream';
import { finished as end } from 'node:stream/promises';
import libmime from 'libmime';
import { MailParser } from 'mailparser';
import { onMessage, quarantine, reject, serve } from 'rxmilter';

/** Extensions of what runs when it is opened. */
const PROGRAMS =
  'ade adp apk appx appxbundle bat cab chm cmd com cpl diagcab dll dmg ex ex_ exe hta img ins iso isp jar jnlp js jse lib lnk mde mjs msc msi msix msp mst nsh pif ps1 reg scr sct shb sys url vb vbe vbs vhd vhdx vxd wsc wsf wsh xll';
/** Archives are not unpacked: their names are all that is looked at, `setup.exe.zip` for instance. */
const ARCHIVES = '7z arj bz2 gz lz lzh rar tar tgz xz z zip zst';
/** What a client puts together from several mails, or fetches from elsewhere: nobody has seen it here. */
const TYPES = ['message/partial', 'message/external-body'];
/** What begins like this is that, whatever it is called. Text may begin with MZ, but has no zero bytes. */
const CONTENTS = [
  { is: 'a program', begins: /^(?:MZ[^]*\0|\x7fELF)/ },
  { is: 'a ZIP archive', begins: /^PK\x03\x04/, as: /^(zip|jar|docx|xlsx|pptx|odt|ods|odp)$/ },
  { is: 'a RAR archive', begins: /^Rar!\x1a\x07/, as: /^rar$/ },
  { is: 'a 7z archive', begins: /^7z\xbc\xaf\x27\x1c/, as: /^7z$/ },
  { is: 'a PDF document', begins: /^%PDF-/, as: /^(application\/)?pdf$/ },
  { is: 'an image', begins: /^(?:\x89PNG|GIF8|\xff\xd8\xff)/, as: /^(image\/.*|png|gif|jpe?g)$/ },
];
const ENCODINGS = ['', '7bit', '8bit', 'binary'];

/**
 * @typedef {{ key: string, line: string }} Line
 * @typedef {{ contentType: string, headerLines: Line[], headers: Map<string, unknown>, children: Part[] }} Part
 * @typedef {{ verdict: 'refuse' | 'hold' | 'broken', why: string }} Finding
 */

/** A parser for which text is a part like any other: it is not collected in memory, and its name counts. */
class Parts extends MailParser {
  textTypes = [];
  /** @type {Part | undefined} */
  tree;
}
