import { describePostfix } from '../support/describe-postfix.js';
import { fieldsLikeTheMta } from './fields-like-the-mta.js';

describePostfix('deliver() drops and adds the fields that Postfix does:', (bench) => {
  fieldsLikeTheMta(bench, 'postfix');
});
