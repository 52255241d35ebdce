import { answersWith, freshDigits, jsonRequest } from '../kit/cases.js';
import type { ProviderCase } from '../provider-side.js';
import type { Settings } from './settings.js';

/** "Callback Requests": what bets, wins and cancels do not show. */
export function cases({ dialect }: Pick<Settings, 'dialect'>): readonly ProviderCase[] {
  const idKey = dialect === 'trans-guid' ? 'trans_guid' : 'trans_id';
  const idOf = (digits: string): string | number => (dialect === 'trans-guid' ? `guid-${digits}` : Number(digits));
  const say = (command: string, data: Readonly<Record<string, unknown>>, check: string) =>
    jsonRequest('', { command, data, timestamp: String(Math.floor(Date.now() / 1_000)), check });
  const ok = answersWith(200, { result: '0', status: 'OK' });
  const told = (result: string) => answersWith(200, { result, status: 'ERROR' });

  return [
    {
      name: 'authenticate tells account and balance, and an unknown account is told as 21',
      steps: ({ player }) => [
        {
          what: 'authenticate',
          request: say('authenticate', { account: player }, '21'),
          problem: answersWith(200, { result: '0', 'data.account': player, 'data.balance': /^\d+(\.\d+)?$/ }),
        },
        {
          what: 'authenticate of nobody',
          request: say('authenticate', { account: 'nobody_at_all' }, '21'),
          problem: told('21'),
        },
      ],
    },
    {
      name: 'status tells a bet as OK, a cancelled one as CANCELED, and an unknown one as 42',
      steps: ({ player: account, game }) => {
        const [bet, cancel] = [freshDigits(), freshDigits()];
        const facts = { account, amount: 1, round_id: `r-${bet}`, game_code: game };
        const target =
          dialect === 'trans-guid' ? { cancel_trans_guid: idOf(bet), [idKey]: idOf(cancel) } : { [idKey]: idOf(bet) };
        const status = (digits: string) => say('status', { account, [idKey]: idOf(digits) }, '21,42');
        return [
          { what: 'bet', request: say('bet', { ...facts, [idKey]: idOf(bet) }, '21,22,41,31'), problem: ok },
          {
            what: 'status',
            request: status(bet),
            problem: answersWith(200, { result: '0', 'data.trans_status': 'OK' }),
          },
          { what: 'cancel', request: say('cancel', { ...facts, ...target }, '21,22'), problem: ok },
          {
            what: 'status after the cancel',
            request: status(bet),
            problem: answersWith(200, { result: '0', 'data.trans_status': 'CANCELED' }),
          },
          { what: 'status of nothing', request: status(freshDigits()), problem: told('42') },
        ];
      },
    },
    {
      name: 'a repeat is told as 41 where the check is asked for, and accepted without effect where it is not',
      steps: ({ player: account, game }) => {
        const facts = { account, amount: 1, round_id: 'r', game_code: game, [idKey]: idOf(freshDigits()) };
        return [
          { what: 'bet', request: say('bet', facts, '21,22,41,31'), problem: ok },
          { what: 'the same with check 41', request: say('bet', facts, '21,22,41,31'), problem: told('41') },
          { what: 'the same without check 41', request: say('bet', facts, '21,22,31'), problem: ok },
        ];
      },
    },
  ];
}
