/** The names of the rules that `contract()` checks. */
export type ContractRule =
  'identity' | 'one-outcome' | 'after-abort' | 'no-state' | 'modifications' | 'no-errors' | 'returned';

/** A filter broke a rule: the message says at which event, what happened, and what the rule is. */
export class ContractError extends Error {
  override readonly name = 'ContractError';
  readonly rule: ContractRule;

  constructor(rule: ContractRule, where: string, what: string, why: string, options?: ErrorOptions) {
    super(`At ${where}: ${what}\nThe rule: ${why}`, options);
    this.rule = rule;
  }
}
