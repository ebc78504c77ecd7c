import { describePostfix } from '../support/describe-postfix.js';
import { heardLikeTheMta } from './heard-like-the-mta.js';

describePostfix('a milter hears of a session what Postfix says', (bench) =>
  heardLikeTheMta(bench, 'postfix', '[127.0.0.1]'),
);
