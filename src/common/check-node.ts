import { unsupportedNode } from './supported-node.js';

// The entry points load this file first, for its effect: an older Node would fail later, and not say why. Debian 12 comes
// with Node 18, where `import.meta.filename` is missing and a program ends at once as if all were well.
const problem = unsupportedNode(process.versions.node);
if (problem !== undefined) throw new Error(problem);
