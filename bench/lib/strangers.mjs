import { existsSync } from 'node:fs';

import { parseEndpoint } from './endpoint.mjs';
import { measure } from './measure.mjs';

/**
 * @typedef {object} Stranger a milter that runs already, and of which nothing is known
 * @property {string} name
 * @property {string} endpoint
 * @property {'unix' | 'inet'} transport
 * @property {number} pid
 */

const PATIENCE = 10_000;

/**
 * Reads what `--compare` was given.
 * @param {readonly string[]} texts each `NAME=ENDPOINT,PID`
 * @param {readonly string[]} taken names that are ours
 * @returns {Stranger[]}
 */
export function readStrangers(texts, taken) {
  const names = [...taken];
  return texts.map((text) => {
    const [, name, endpoint, pid] = /^([\w.-]+)=(.+),(\d+)$/.exec(text) ?? [];
    if (name === undefined)
      throw new Error(
        `--compare: ${text} is not NAME=ENDPOINT,PID, such as opendkim=unix:/run/opendkim.sock,4711`,
      );
    if (names.includes(name)) throw new Error(`--compare: the name ${name} is taken, use another`);
    names.push(name);
    try {
      const transport = 'path' in parseEndpoint(endpoint) ? 'unix' : 'inet';
      return { name, endpoint, transport, pid: Number(pid) };
    } catch (error) {
      throw new Error(`--compare ${name}: ${/** @type {Error} */ (error).message}`, { cause: error });
    }
  });
}

/** Makes sure that each is there and negotiates, before anything is measured. @param {readonly Stranger[]} strangers @param {string} directory */
export async function greet(strangers, directory) {
  for (const stranger of strangers) {
    const { name, pid, transport } = stranger;
    if (!existsSync(`/proc/${pid}`)) throw new Error(`--compare ${name}: there is no process ${pid}`);
    /** @type {import('./measure.mjs').Cell} */
    const cell = { mode: 'negotiation', work: 'a', transport, connections: 1 };
    const { protocol } = await measure({ name, stranger }, cell, { directory, limit: PATIENCE });
    process.stderr.write(`${name} negotiates protocol 0x${protocol.toString(16)}\n`);
  }
}
