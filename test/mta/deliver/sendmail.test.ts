import { describeSendmail } from '../support/describe-sendmail.js';
import { likeTheMta } from './like-the-mta.js';

describeSendmail('deliver() does what Sendmail does', (bench) => likeTheMta(bench, 'sendmail'));
