/** The names of the rules that `contract()` checks. */
export type ContractRule =
  | 'identity'
  | 'one-outcome'
  | 'after-abort'
  | 'no-state'
  | 'modifications'
  | 'no-errors'
  | 'returned'
  | 'protocol';

/** The name of the check of each rule, and the reason for it, in the order of the checks. */
export const RULES: Readonly<Record<ContractRule, { readonly name: string; readonly reason: string }>> = {
  // First: the other checks would add to a state.
  'no-state': {
    name: 'carries nothing over from one message to the next',
    reason:
      'the same message gets the same answers, whatever came before it. A variable beside on() lives as long as the process: what belongs to a message is made in perMessage(() => …). (A filter that remembers on purpose leaves this check out.)',
  },
  identity: {
    name: 'passes on, as they are, the events that it does not decide',
    reason:
      'an event that is not decided travels on as the object that it came as; only eom may become a copy with more modifications.',
  },
  'one-outcome': {
    name: 'makes exactly one thing of each event',
    reason:
      'of each event comes one thing, in time: itself, or the reply to it. An event that is not decided is passed on, abort and close included; one that filter, debounceTime and their like swallow stays without an answer. A filter does not end before its source.',
  },
  'after-abort': {
    name: 'says nothing more of a message that was aborted',
    reason:
      'what is still pending when its message is aborted or its connection lost is cancelled, and nothing is answered any more: hand context.signal on, or use takeUntil.',
  },
  modifications: {
    name: 'changes messages at their end only',
    reason:
      'a message can be changed only at eom. Remember what there is to change (in perMessage), and return it there.',
  },
  'no-errors': {
    name: 'fails at no event',
    reason:
      'a filter deals with every event that it may get: null senders, empty bodies, unknown commands, bytes that are no UTF-8. An error in it costs a message the failure decision.',
  },
  returned: {
    name: 'returns every answer that it makes',
    reason:
      'a project returns the decisions and edits that it makes; one that it only makes reaches no mail server, and the mail passes.',
  },
  protocol: {
    name: 'keeps to the protocol, whatever a mail server offers and says',
    reason:
      'what goes over the wire is right for each mail server, in time, and of the message that it is about (see check() in rxmilter/mta).',
  },
};

/** A filter broke a rule: the message has the event, the fault and the rule. */
export class ContractError extends Error {
  override readonly name = 'ContractError';
  readonly rule: ContractRule;

  constructor(rule: ContractRule, where: string, what: string, options?: ErrorOptions) {
    super(`At ${where}: ${what}\nThe rule: ${RULES[rule].reason}`, options);
    this.rule = rule;
  }
}
