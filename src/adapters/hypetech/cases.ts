import { answersWith, freshDigits, jsonRequest } from '../kit/cases.js';
import type { ProviderCase } from '../provider-side.js';
import type { Settings } from './settings.js';

/** What bets, wins and rollbacks do not show. */
export function cases({ dialect }: Pick<Settings, 'dialect'>): readonly ProviderCase[] {
  const facts = (player: string, currency: string, game: string) => {
    const digits = freshDigits();
    const round = dialect === 'g4' ? { round_id: `round-${digits}` } : { action_id: `round-${digits}` };
    return { user_id: player, currency, amount: 1, provider: 'hypetech', provider_tx_id: digits, game, ...round };
  };
  const session = { session_token: 'certification' };

  return [
    {
      name: 'a time in the message is kept to: two minutes, and no more',
      steps: ({ player, currency, game }) => {
        const now = Math.floor(Date.now() / 1_000);
        const path = dialect === 'g4' ? '/bet' : '/register';
        return [
          {
            what: 'bet of now',
            request: jsonRequest(path, { ...facts(player, currency, game), ...session, timestamp: now }),
            problem: answersWith(200, { new_balance: /^\d+\.\d\d$/ }),
          },
          {
            what: 'bet of an hour ago',
            request: jsonRequest(path, { ...facts(player, currency, game), ...session, timestamp: now - 3_600 }),
            problem: answersWith(401),
          },
        ];
      },
    },
    ...(dialect === 'g4' ? [] : [lossCase(facts)]),
  ];
}

/** "Not necessary to use it, since you will only need bets and wins." */
function lossCase(
  facts: (player: string, currency: string, game: string) => Readonly<Record<string, unknown>>,
): ProviderCase {
  return {
    name: 'a loss is acknowledged, with the same balance before and after',
    steps: ({ player, currency, game }) => [
      {
        what: 'loss',
        request: jsonRequest('/loses', { ...facts(player, currency, game), session_token: 'certification' }),
        problem(answer) {
          const balances = /"new_balance":"([^"]+)","old_balance":"([^"]+)"/.exec(answer.body);
          if (balances === null || balances[1] !== balances[2]) return 'both balances must be there, and the same';
          return answersWith(200)(answer);
        },
      },
    ],
  };
}
