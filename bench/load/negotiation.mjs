import { negotiated } from './sessions.mjs';

/** What a filter answers to a full offer, as hex: the floor has to give the same. @param {import('./sessions.mjs').Request} request */
export async function negotiation(request) {
  const { client, answer } = await negotiated(request);
  await client.quit();
  return { answer: answer.toString('hex'), protocol: answer.readUInt32BE(13) };
}
