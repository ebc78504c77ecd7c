// @ts-check
import { addHeader, on } from 'rxmilter';

/** Says in each message which process had it. */
export default on('eom', () => addHeader('X-Filtered', `by ${process.pid}`));
