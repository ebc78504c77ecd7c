import { describeSendmail } from '../support/describe-sendmail.js';
import { heardLikeTheMta } from './heard-like-the-mta.js';

describeSendmail('a milter hears of a session what Sendmail says', (bench) =>
  heardLikeTheMta(bench, 'sendmail', 'localhost'),
);
