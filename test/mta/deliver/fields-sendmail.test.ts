import { describeSendmail } from '../support/describe-sendmail.js';
import { fieldsLikeTheMta } from './fields-like-the-mta.js';

describeSendmail('deliver() drops and adds the fields that Sendmail does:', (bench) => {
  fieldsLikeTheMta(bench, 'sendmail');
});
