/** The targets that are not a program of their own, and all that there are. */

/** With all garbage collected again and again, so that what it really needs is seen; for large messages only. */
export const COLLECTING = 'rxmilter-gc';
/** Over TCP without the answer to DATA, where that is there because of TCP alone. */
export const NO_DATA = 'rxmilter-nodata';
export const TARGETS = ['rxmilter', COLLECTING, NO_DATA, 'floor', 'floor-sha256', 'floor-file', 'libmilter'];
/** Another build of rxmilter. */
export const AGAINST = 'against';
/** A filter of the user's. */
export const FILTER = 'filter';
