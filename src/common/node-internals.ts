/**
 * Whether ways of Node without a public name may be taken, where this Node has them. Each has a public way beside it,
 * which is slower. `RXMILTER_NODE_INTERNALS=off` in the environment switches them off.
 */
export const mayUseInternals = process.env.RXMILTER_NODE_INTERNALS !== 'off';
