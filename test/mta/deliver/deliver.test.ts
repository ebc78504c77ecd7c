import { describePostfix } from '../support/describe-postfix.js';
import { likeTheMta } from './like-the-mta.js';

describePostfix('deliver() does what Postfix does', (bench) => likeTheMta(bench, 'postfix'));
