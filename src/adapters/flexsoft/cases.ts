import { answersWith, freshDigits, jsonRequest } from '../kit/cases.js';
import type { ProviderCase } from '../provider-side.js';
import type { Settings } from './settings.js';

/** What bets, wins and rollbacks do not show: notices, free bets, sessions. */
export function cases({ envelope }: Pick<Settings, 'envelope'>): readonly ProviderCase[] {
  const lists = { aviadroneCashOutCoefficients: '[0,1.5]', aviadroneBets: '[1000,2000]' };
  const close = (attributes: unknown) => {
    const round = `round-${freshDigits()}`;
    const id = `${round}-op1-close-round`;
    return jsonRequest('/deposit', {
      action: 'CLOSE_ROUND',
      amount: 0,
      action_id: round,
      provider_tx_id: id,
      attributes,
    });
  };

  return [
    {
      name: 'the end of a round is acknowledged in either form, and refused when its lists do not fit together',
      steps: () => [
        { what: 'attributes as an object', request: close(lists), problem: answersWith(200) },
        {
          what: 'attributes as a list',
          request: close(Object.entries(lists).map(([name, value]) => ({ name, value }))),
          problem: answersWith(200),
        },
        {
          what: 'one bet too few',
          request: close({ ...lists, aviadroneBets: '[1000]' }),
          problem: answersWith(400, { data: 'null' }),
        },
      ],
    },
    freeBetCase(envelope === 'flat' ? 'new_balance' : 'data.new_balance'),
    {
      name: 'a token that nobody was given is no session',
      steps: ({ currency }) => [
        {
          what: 'auth',
          request: jsonRequest('/auth', {
            user_token: `no-${freshDigits()}`,
            session_token: 'ps_1',
            platform: 'desktop',
            currency,
          }),
          problem: answersWith(401, { data: 'null' }),
        },
      ],
    },
  ];
}

function facts(player: string, currency: string, game: string) {
  const digits = freshDigits();
  return { user_id: player, currency, game, provider_tx_id: `tx-${digits}`, action_id: `round-${digits}` };
}

function freeBetCase(balanceField: string): ProviderCase {
  return {
    name: 'a free bet takes nothing, and its win is real money',
    steps: ({ player, currency, game }) => {
      const [bet, win] = [facts(player, currency, game), facts(player, currency, game)];
      let before = '';
      const keep = (body: string): string => /"new_balance":(\d+)/.exec(body)?.[1] ?? '';
      return [
        {
          what: 'FREE_BET',
          request: jsonRequest('/withdraw', { ...bet, action: 'FREE_BET', amount: 5_000 }),
          problem(answer) {
            before = keep(answer.body);
            return answersWith(200, { [balanceField]: /^\d+$/ })(answer);
          },
        },
        {
          what: 'FREE_BET again, under another id',
          request: jsonRequest('/withdraw', { ...facts(player, currency, game), action: 'FREE_BET', amount: 5_000 }),
          problem: (answer) => answersWith(200, { [balanceField]: before })(answer),
        },
        {
          what: 'FREE_BET_WIN',
          request: jsonRequest('/deposit', {
            ...win,
            action: 'FREE_BET_WIN',
            amount: 2_500,
            withdraw_provider_tx_id: bet.provider_tx_id,
          }),
          problem: (answer) => answersWith(200, { [balanceField]: String(BigInt(before) + 2_500n) })(answer),
        },
      ];
    },
  };
}
