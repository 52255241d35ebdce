import type { ProviderMovement, ProviderVoice } from '../adapters/provider-side.js';
import type { Policy } from '../ledger/policy.js';
import { watchBalance } from './balance.js';
import { type Case, group } from './case.js';
import { accepted, type Conversation, Finding, notAccepted, refused, type Told } from './conversation.js';

/** Repeats, lost answers and awkward orders: what is right is the provider's policy. */
export function orderCases(voice: ProviderVoice, policy: Policy): readonly Case[] {
  const wins = voice.speaks.includes('win');
  const rollbacks = voice.speaks.includes('rollback');
  return [...repeatCases(policy, wins, rollbacks), ...(rollbacks ? rollbackCases(policy, wins) : [])];
}

function repeatCases(policy: Policy, wins: boolean, rollbacks: boolean): readonly Case[] {
  const answer = policy.duplicate === 'refuse' ? 'is refused as a duplicate' : 'gets the first answer';
  return group('Repeats', [
    { name: `a repeated bet ${answer}, and takes nothing more`, run: (talk) => repeat(talk, policy, ['bet']) },
    wins && {
      name: `a repeated win ${answer}, and gives nothing more`,
      run: (talk) => repeat(talk, policy, ['bet', 'win']),
    },
    rollbacks && {
      name: 'a repeated rollback is accepted or told as known, and gives nothing more',
      run: repeatedRollback,
    },
    { name: 'ten equal bets at once take one stake', run: tenAtOnce },
    { name: 'a bet under a used id with another amount is refused', run: otherAmount },
    wins && { name: 'ten equal wins at once give one payout', run: tenWinsAtOnce },
  ]);
}

async function repeat(talk: Conversation, policy: Policy, kinds: readonly ('bet' | 'win')[]): Promise<void> {
  const watch = watchBalance(talk);
  const bet = talk.movement('bet');
  let last: ProviderMovement = bet;
  let first: Told = await talk.tell(bet);
  accepted(first);
  if (kinds.includes('win')) {
    last = talk.movement('win', { amount: '1.50', round: bet.round, target: bet });
    first = await talk.tell(last);
    accepted(first);
  }
  const before = await watch.now();
  // Something else happens in between: the first answer must not be made anew from today's balance.
  accepted(await talk.tell(talk.movement('bet', { amount: '0.10' })));
  const again = await talk.tell(last, `the same ${last.kind} again`);
  if (policy.duplicate === 'refuse') refused(again, ['duplicate']);
  else {
    accepted(again, 'must get its first answer again');
    if (again.answer?.body !== first.answer?.body) {
      throw new Finding(`The repeat must get the first answer, ${first.answer?.body}; it got ${again.answer?.body}.`);
    }
  }
  await watch.expectMoved(before, '-0.10');
}

async function repeatedRollback(talk: Conversation): Promise<void> {
  const watch = watchBalance(talk);
  const bet = talk.movement('bet');
  accepted(await talk.tell(bet));
  const rollback = talk.movement('rollback', { round: bet.round, target: bet });
  accepted(await talk.tell(rollback));
  const before = await watch.now();
  const again = await talk.tell(rollback, 'the same rollback again');
  if (again.verdict === 'no-answer' || again.verdict.type === 'failed' || again.verdict.type === 'unreadable')
    accepted(again);
  await watch.expectMoved(before, '0');
}

async function tenAtOnce(talk: Conversation): Promise<void> {
  const watch = watchBalance(talk);
  const before = await watch.now();
  const bet = talk.movement('bet');
  const told = await Promise.all(Array.from({ length: 10 }, () => talk.tell(bet)));
  if (!told.some(({ verdict }) => verdict !== 'no-answer' && verdict.type === 'accepted')) {
    throw new Finding('Of ten equal bets at once, one must be accepted; none was.');
  }
  await watch.expectMoved(before, '-1.00');
}

async function tenWinsAtOnce(talk: Conversation): Promise<void> {
  const watch = watchBalance(talk);
  const bet = talk.movement('bet');
  accepted(await talk.tell(bet));
  const before = await watch.now();
  const win = talk.movement('win', { amount: '2.00', round: bet.round, target: bet });
  const told = await Promise.all(Array.from({ length: 10 }, () => talk.tell(win)));
  if (!told.some(({ verdict }) => verdict !== 'no-answer' && verdict.type === 'accepted')) {
    throw new Finding('Of ten equal wins at once, one must be accepted; none was.');
  }
  await watch.expectMoved(before, '2.00');
}

async function otherAmount(talk: Conversation): Promise<void> {
  const watch = watchBalance(talk);
  const bet = talk.movement('bet');
  accepted(await talk.tell(bet));
  const before = await watch.now();
  notAccepted(await talk.tell({ ...bet, amount: '2.00' }, 'the same id with another amount'), 'has a used id');
  await watch.expectMoved(before, '0');
}

function rollbackCases(policy: Policy, wins: boolean): readonly Case[] {
  const unknown = policy.rollbackOfUnknown === 'accept' ? 'accepted' : 'refused as unknown';
  const second = policy.secondRollback === 'accept' ? 'accepted' : 'refused';
  const undoesWins = policy.rollbackTargets.includes('win');
  const reverses = policy.rollbackAfterWin === 'reverse';
  return group('Rollbacks', [
    { name: `the rollback of an unknown bet is ${unknown}, and the late bet takes nothing`, run: lateBet(policy) },
    { name: `a second rollback of a bet is ${second}, and gives nothing more`, run: secondRollback(policy) },
    {
      name: 'the rollback of a bet that was refused for funds gives nothing',
      run: async (talk) => {
        const watch = watchBalance(talk);
        const before = await watch.now();
        const bet = talk.movement('bet', { amount: '900000000.00' });
        refused(await talk.tell(bet), ['funds']);
        const told = await talk.tell(talk.movement('rollback', { amount: bet.amount, round: bet.round, target: bet }));
        if (policy.rollbackOfUnknown === 'accept') accepted(told);
        else refused(told, ['unknown']);
        await watch.expectMoved(before, '0');
      },
    },
    {
      name: "the original's amount is given back, whatever the rollback states",
      run: async (talk) => {
        const watch = watchBalance(talk);
        const before = await watch.now();
        const bet = talk.movement('bet');
        accepted(await talk.tell(bet));
        accepted(await talk.tell(talk.movement('rollback', { amount: '5.00', round: bet.round, target: bet })));
        await watch.expectMoved(before, '0');
      },
    },
    wins && {
      name: `the rollback of a win ${undoesWins ? 'takes the payout back' : 'is refused'}`,
      run: rollbackOfWin(undoesWins),
    },
    wins && {
      name: `the rollback of a bet that a win has paid is ${reverses ? 'accepted' : 'refused'}`,
      run: rollbackAfterWin(reverses),
    },
  ]);
}

function lateBet(policy: Policy): Case['run'] {
  return async (talk) => {
    const watch = watchBalance(talk);
    const before = await watch.now();
    const bet = talk.movement('bet');
    const told = await talk.tell(
      talk.movement('rollback', { round: bet.round, target: bet }),
      'rollback before its bet',
    );
    if (policy.rollbackOfUnknown === 'accept') accepted(told);
    else refused(told, ['unknown']);
    notAccepted(await talk.tell(bet, 'the bet, late'), 'was rolled back before it came');
    notAccepted(await talk.tell(bet, 'the bet, later still'), 'was rolled back before it came');
    await watch.expectMoved(before, '0');
  };
}

function secondRollback(policy: Policy): Case['run'] {
  return async (talk) => {
    const watch = watchBalance(talk);
    const before = await watch.now();
    const bet = talk.movement('bet');
    accepted(await talk.tell(bet));
    accepted(await talk.tell(talk.movement('rollback', { round: bet.round, target: bet })));
    const told = await talk.tell(talk.movement('rollback', { round: bet.round, target: bet }), 'a second rollback');
    if (policy.secondRollback === 'accept') accepted(told);
    else refused(told);
    await watch.expectMoved(before, '0');
  };
}

function rollbackOfWin(undoes: boolean): Case['run'] {
  return async (talk) => {
    const watch = watchBalance(talk);
    const bet = talk.movement('bet');
    accepted(await talk.tell(bet));
    const before = await watch.now();
    const win = talk.movement('win', { amount: '2.00', round: bet.round, target: bet });
    accepted(await talk.tell(win));
    const told = await talk.tell(talk.movement('rollback', { amount: '2.00', round: bet.round, target: win }));
    if (undoes) accepted(told);
    await watch.expectMoved(before, undoes ? '0' : '2.00');
  };
}

function rollbackAfterWin(reverses: boolean): Case['run'] {
  return async (talk) => {
    const watch = watchBalance(talk);
    const before = await watch.now();
    const bet = talk.movement('bet');
    accepted(await talk.tell(bet));
    accepted(await talk.tell(talk.movement('win', { amount: '2.00', round: bet.round, target: bet })));
    const told = await talk.tell(
      talk.movement('rollback', { round: bet.round, target: bet }),
      'rollback of the paid bet',
    );
    if (reverses) accepted(told);
    else refused(told);
    await watch.expectMoved(before, reverses ? '2.00' : '1.00');
  };
}
