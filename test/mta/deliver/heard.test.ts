import { describePostfix } from '../support/describe-postfix.js';
import { heardLikeTheMta } from './heard-like-the-mta.js';

describePostfix('a milter hears of a session what Postfix says', (bench) => {
  // From 3.10 on the whole line of an unknown command is told, and not its first word.
  const changed = (frame: string): string =>
    bench().postfix.version.atLeast('3.10') ? frame.replace(/^unknown FROBNICATE$/, '$& all of it') : frame;
  heardLikeTheMta(bench, 'postfix', '[127.0.0.1]', changed);
});
