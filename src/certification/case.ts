import type { Conversation } from './conversation.js';

/** One thing a wallet must do, and how that is found out. */
export interface Case {
  /** The rule, as a sentence. */
  readonly name: string;
  readonly group: string;
  /** @throws Finding when the wallet breaks the rule. @returns why it cannot be examined in this protocol, if so. */
  readonly run: (conversation: Conversation) => Promise<string | undefined | void>;
}

/** Ties cases to the name of their group. */
export function group(name: string, cases: readonly (Omit<Case, 'group'> | false)[]): readonly Case[] {
  return cases.flatMap((each) => (each === false ? [] : [{ ...each, group: name }]));
}
