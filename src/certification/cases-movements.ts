import type { ProviderVoice } from '../adapters/provider-side.js';
import { expectBalanceIn, watchBalance } from './balance.js';
import { type Case, group } from './case.js';
import { accepted, type Conversation, Finding, refused } from './conversation.js';

/** What each message does by itself, and the amounts it may state. */
export function movementCases(voice: ProviderVoice): readonly Case[] {
  const can = (kind: 'win' | 'rollback' | 'balance'): boolean => voice.speaks.includes(kind);
  return group('Movements', [
    can('balance') && {
      name: 'the balance is told, twice the same',
      run: async (talk) => {
        const watch = watchBalance(talk);
        await watch.expectMoved(await watch.now(), '0');
      },
    },
    { name: 'a bet takes its stake', run: (talk) => moves(talk, '1.00', '-1.00') },
    { name: 'a bet of the smallest coin takes exactly that', run: (talk) => moves(talk, '0.01', '-0.01') },
    { name: 'three bets of 0.10 take exactly 0.30', run: threeBets },
    { name: 'a bet beyond the balance is refused for funds, and takes nothing', run: beyondFunds },
    can('win') && { name: 'a win gives its payout', run: (talk) => winGives(talk, '2.50', '1.50') },
    can('win') && { name: 'a win of 0 records a loss', run: (talk) => winGives(talk, '0', '-1.00') },
    can('rollback') && { name: 'the rollback of a bet gives the stake back', run: rollbackGivesBack },
    { name: 'every answer comes in time', run: inTime },
  ]);
}

async function moves(talk: Conversation, amount: string, by: string): Promise<void> {
  const watch = watchBalance(talk);
  const before = await watch.now();
  const told = await talk.tell(talk.movement('bet', { amount }));
  accepted(told);
  expectBalanceIn(told, await watch.now());
  await watch.expectMoved(before, by);
}

async function threeBets(talk: Conversation): Promise<void> {
  const watch = watchBalance(talk);
  const before = await watch.now();
  for (let count = 0; count < 3; count += 1) accepted(await talk.tell(talk.movement('bet', { amount: '0.10' })));
  await watch.expectMoved(before, '-0.30');
}

async function beyondFunds(talk: Conversation): Promise<void> {
  const watch = watchBalance(talk);
  const before = await watch.now();
  refused(await talk.tell(talk.movement('bet', { amount: '900000000.00' })), ['funds']);
  await watch.expectMoved(before, '0');
}

async function winGives(talk: Conversation, payout: string, by: string): Promise<void> {
  const watch = watchBalance(talk);
  const before = await watch.now();
  const bet = talk.movement('bet');
  accepted(await talk.tell(bet));
  const told = await talk.tell(talk.movement('win', { amount: payout, round: bet.round, target: bet }));
  accepted(told);
  expectBalanceIn(told, await watch.now());
  await watch.expectMoved(before, by);
}

async function rollbackGivesBack(talk: Conversation): Promise<void> {
  const watch = watchBalance(talk);
  const before = await watch.now();
  const bet = talk.movement('bet');
  accepted(await talk.tell(bet));
  accepted(await talk.tell(talk.movement('rollback', { round: bet.round, target: bet })));
  await watch.expectMoved(before, '0');
}

async function inTime(talk: Conversation): Promise<void> {
  for (let count = 0; count < 20; count += 1) accepted(await talk.tell(talk.movement('bet', { amount: '0.01' })));
  const slowest = Math.max(...talk.exchanges.map((each) => each.ms));
  const limitMs = talk.examinee.timeoutMs;
  if (slowest > limitMs / 2) {
    throw new Finding(
      `The slowest of 20 bets took ${slowest.toFixed(0)} ms; half of the ${limitMs} ms allowed is safe.`,
    );
  }
}
