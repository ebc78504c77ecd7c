import { describePostfix } from '../support/describe-postfix.js';
import { repliesLikeTheMta } from './replies-like-the-mta.js';

describePostfix('the replies in a delivery are those of Postfix', (bench) =>
  repliesLikeTheMta(bench, 'postfix', () => bench().postfix.version.atLeast('3.10')),
);
