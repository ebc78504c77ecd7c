import type { OperatorFunction } from 'rxjs';

import type { Flow } from '../../session/flow.js';
import type { EndpointInput } from '../../transport/sockets/endpoint.js';

/** A milter as an MTA reaches it: where it listens, or a filter of this process, which needs no socket. */
export type MilterTarget = EndpointInput | OperatorFunction<Flow, Flow>;
