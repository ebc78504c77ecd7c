import type { Delivery } from '../mta/simulate/delivery.js';

/**
 * A delivery as an object of JSON: all of it, with bytes as `{ "text": … }` where they are UTF-8 and as
 * `{ "base64": … }` where they are not.
 */
export function deliveryJson(delivery: Delivery): Readonly<Record<string, unknown>> {
  const { failure, agreement, ...rest } = delivery;
  return plain({
    ...rest,
    quarantined: delivery.quarantined ?? null,
    agreement: agreement === undefined ? null : { ...agreement, lists: Object.fromEntries(agreement.lists) },
    failure:
      failure === undefined
        ? null
        : {
            kind: failure.kind,
            stage: failure.stage,
            message: failure.message,
            refusal: failure.refusal ?? null,
          },
  }) as Readonly<Record<string, unknown>>;
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return bytes(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
}

function bytes(value: Uint8Array): { readonly text: string } | { readonly base64: string } {
  const buffer = Buffer.from(value);
  const text = buffer.toString('utf8');
  return Buffer.from(text).equals(buffer) ? { text } : { base64: buffer.toString('base64') };
}
