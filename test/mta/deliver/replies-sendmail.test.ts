import { describeSendmail } from '../support/describe-sendmail.js';
import { repliesLikeTheMta } from './replies-like-the-mta.js';

describeSendmail('the replies in a delivery are those of Sendmail', (bench) =>
  repliesLikeTheMta(bench, 'sendmail'),
);
