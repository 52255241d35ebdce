import { answersWith, freshDigits, jsonRequest } from '../kit/cases.js';
import type { ProviderCase } from '../provider-side.js';

/** What starts and finishes of an honest provider do not show. */
export function cases({ signedPlayerId }: { signedPlayerId: boolean }): readonly ProviderCase[] {
  const message = (type: string, playerId: string, currency: string, gameId: string) => {
    const id = `game-${freshDigits()}`;
    const game = { id, status: 'win', payout: 2, profit: 2, bet: 1, round: 1 };
    return jsonRequest('', {
      type,
      session: { id: 's1', playerId, gameId, currency },
      game,
      data: {},
      time: Date.now(),
    });
  };
  const forged: ProviderCase = {
    name: 'a player that this casino never launched is refused',
    steps: ({ player, currency, game }) => [
      {
        what: 'start of a forged player',
        request: message('start', `se_1.${player}.AAAAAAAAAAAAAAAAAAAAAA`, currency, game),
        problem: answersWith(404),
      },
    ],
  };
  return [
    {
      name: 'a type that is not in the document is answered with an empty object',
      steps: ({ player, currency, game }) => [
        {
          what: 'unknown type',
          request: message('jackpot', player, currency, game),
          problem: (answer) => (answer.status === 200 && answer.body === '{}' ? undefined : 'the answer must be {}'),
        },
      ],
    },
    ...(signedPlayerId ? [forged] : []),
  ];
}
