import { createContext, runInContext } from 'node:vm';

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const fails = (): never => {
  throw new Error('of the value itself');
};

const TRAPS = [
  'get',
  'has',
  'getPrototypeOf',
  'ownKeys',
  'getOwnPropertyDescriptor',
  'set',
  'defineProperty',
];

function hostile(): object {
  return new Proxy({}, Object.fromEntries(TRAPS.map((trap) => [trap, fails])));
}

function ownCause(): Error {
  const error = new Error('its own cause');
  error.cause = error;
  return error;
}

/** An error with a property of another kind than it should be. */
function errorWith(name: 'message' | 'stack' | 'name', descriptor: PropertyDescriptor): Error {
  return Object.defineProperty(new Error('changed'), name, descriptor);
}

function values(): [name: string, make: () => unknown][] {
  return [
    ['undefined', () => undefined],
    ['null', () => null],
    ['a string', () => 'broken'],
    ['a number', () => NaN],
    ['a symbol', () => Symbol('broken')],
    ['a bigint', () => 10n],
    ['an object without a prototype', () => Object.create(null) as unknown],
    ['the groups of a match', () => /(?<user>.*)/.exec('bob')?.groups],
    ['an object whose toString throws', () => ({ toString: fails })],
    ['an object whose conversion throws', () => ({ [Symbol.toPrimitive]: fails })],
    ['an object whose toJSON throws', () => ({ toJSON: fails })],
    ['an error whose message is a symbol', () => errorWith('message', { value: Symbol('message') })],
    ['an error whose message throws', () => errorWith('message', { get: fails })],
    ['an error whose stack throws', () => errorWith('stack', { get: fails })],
    ['an error whose name throws', () => errorWith('name', { get: fails })],
    ['an error without a stack', () => Object.create(Error.prototype) as unknown],
    ['an error that is its own cause', ownCause],
    ['a frozen error', () => Object.freeze(new Error('frozen'))],
    ['a DOMException', () => new DOMException('aborted', 'AbortError')],
    [
      'an error of another realm',
      () => runInContext('new TypeError("elsewhere")', createContext({})) as unknown,
    ],
    ['a revoked proxy', revoked],
    ['a proxy all of whose traps throw', hostile],
    ['a proxy of an error', () => new Proxy(new Error('behind'), { get: fails, getPrototypeOf: fails })],
    ['a function', () => Object.assign(() => undefined, { toString: fails })],
    ['a promise that rejects', () => Promise.reject(new Error('not waited for'))],
    ['an object whose then throws', () => Object.defineProperty({}, 'then', { get: fails })],
  ];
}

/** What JavaScript lets code throw, reject with, and return: each made anew. */
export const THROWN: readonly (readonly [name: string, make: () => unknown])[] = values();
