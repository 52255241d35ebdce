import { Field, ObjectType } from 'type-graphql';
import { type Policy, policyQuestions, type PolicyOverrides } from '../ledger/policy.js';

@ObjectType('PolicyAnswer', { description: "What an integration's protocol wants where protocols differ: one rule." })
export class PolicyAnswerObject {
  @Field(() => String, { description: 'Name of the rule, as in the configuration.' })
  readonly question: string;

  @Field(() => String, { description: 'What it is about, in a sentence.' })
  readonly asks: string;

  @Field(() => String, { description: 'What holds for the integration; several words are divided by ", ".' })
  readonly answer: string;

  @Field(() => Boolean, { description: "Whether the configuration says so, in place of the adapter's own row." })
  readonly overridden: boolean;

  constructor(question: string, asks: string, answer: string, overridden: boolean) {
    this.question = question;
    this.asks = asks;
    this.answer = answer;
    this.overridden = overridden;
  }
}

export function policyAnswers(policy: Policy, overrides: PolicyOverrides): PolicyAnswerObject[] {
  return policyQuestions.map(
    ({ name, asks }) => new PolicyAnswerObject(name, asks, answerText(policy[name]), overrides[name] !== undefined),
  );
}

function answerText(answer: Policy[keyof Policy]): string {
  if (typeof answer === 'string') return answer;
  return answer.length === 0 ? 'none' : answer.join(', ');
}
