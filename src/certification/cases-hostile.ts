import type { WireRequest } from '../adapters/contract.js';
import type { ProviderVoice } from '../adapters/provider-side.js';
import { watchBalance } from './balance.js';
import { type Case, group } from './case.js';
import { accepted, type Conversation, Finding, notAccepted } from './conversation.js';

/** Forged, broken and nonsensical requests: none may move money, and none may end in a stack trace. */
export function hostileCases(voice: ProviderVoice): readonly Case[] {
  return group('Hostile requests', [
    { name: 'a request without its proof of origin is refused', run: (talk) => forged(talk, withoutProof) },
    { name: 'a request changed after it was signed is refused', run: (talk) => forged(talk, changed) },
    { name: 'an empty body is refused', run: (talk) => signedBody(talk, voice, () => '') },
    { name: 'a body that is no JSON is refused', run: (talk) => signedBody(talk, voice, (body) => body.slice(1)) },
    { name: 'a key given twice is refused', run: (talk) => signedBody(talk, voice, twice) },
    { name: 'a negative amount is refused', run: (talk) => hostileAmount(talk, '-1.00') },
    { name: 'an amount finer than the currency is refused', run: (talk) => hostileAmount(talk, '0.0000000000001') },
    { name: 'an unknown player is refused', run: (talk) => hostileBet(talk, { player: 'nobody_at_all' }) },
    { name: 'a field nobody knows is accepted', run: extraField(voice) },
  ]);
}

/** The request as somebody would send it who does not know the secret: the headers are gone, and so is the path's secret. */
function withoutProof(_signed: WireRequest, unsigned: WireRequest): WireRequest {
  return unsigned;
}

function changed(signed: WireRequest): WireRequest | undefined {
  const text = signed.body.toString();
  // The last digit of the body, so that another amount, id or session is said.
  const other = text.replace(/\d(?=\D*$)/, (digit) => String((Number(digit) + 1) % 10));
  return { ...signed, body: Buffer.from(other) };
}

async function forged(
  talk: Conversation,
  forge: (signed: WireRequest, unsigned: WireRequest) => WireRequest | undefined,
): Promise<string | undefined> {
  const { voice } = talk.examinee;
  const watch = watchBalance(talk);
  const before = await watch.now();
  const bet = talk.movement('bet');
  const unsigned = voice.say(bet);
  const signed = voice.signer.sign(unsigned);
  const request = forge(signed, unsigned);
  if (request === undefined || !coversBody(voice, unsigned, request))
    return 'The proof of origin does not cover the body.';
  notAccepted(await talk.send(request, bet, 'a forged bet'), 'is forged');
  await watch.expectMoved(before, '0');
  return undefined;
}

/** Whether the proof of origin depends on the body: a shared token does not, and cannot notice a changed one. */
function coversBody(voice: ProviderVoice, unsigned: WireRequest, request: WireRequest): boolean {
  if (request === unsigned) return true;
  const proof = (body: Buffer): string => JSON.stringify(voice.signer.sign({ ...unsigned, body }).headers);
  return proof(unsigned.body) !== proof(request.body);
}

async function signedBody(talk: Conversation, voice: ProviderVoice, change: (body: string) => string): Promise<void> {
  const watch = watchBalance(talk);
  const before = await watch.now();
  const bet = talk.movement('bet');
  const request = voice.say(bet);
  const body = Buffer.from(change(request.body.toString()));
  const told = await talk.send(voice.signer.sign({ ...request, body }), bet, 'a broken body, signed');
  notAccepted(told, 'is broken');
  noTrace(told.answer?.body);
  await watch.expectMoved(before, '0');
}

function twice(body: string): string {
  const [, first = '"x":1'] = /^\{("[^"]*":(?:"[^"]*"|[^,{}[\]]+))/.exec(body) ?? [];
  return body.replace('{', `{${first},`).replace(
    first,
    first.replace(/.(?="?$)/, (last) => (last === '1' ? '2' : '1')),
  );
}

async function hostileAmount(talk: Conversation, amount: string): Promise<string | undefined> {
  let request: WireRequest;
  const bet = talk.movement('bet', { amount });
  try {
    request = talk.signed(bet);
  } catch {
    return 'The dialect has no way to say it.';
  }
  const watch = watchBalance(talk);
  const before = await watch.now();
  notAccepted(await talk.send(request, bet, `bet of ${amount}`), 'has an amount that cannot be');
  await watch.expectMoved(before, '0');
  return undefined;
}

async function hostileBet(talk: Conversation, part: { player: string }): Promise<void> {
  const bet = talk.movement('bet', part);
  const told = await talk.tell(bet, 'bet of somebody unknown');
  notAccepted(told, 'is of an unknown player');
  noTrace(told.answer?.body);
}

function extraField(voice: ProviderVoice): Case['run'] {
  return async (talk) => {
    const bet = talk.movement('bet');
    const request = voice.say(bet);
    const body = Buffer.from(request.body.toString().replace(/\}$/, ',"x_added_later":"1"}'));
    accepted(await talk.send(voice.signer.sign({ ...request, body }), bet, 'bet with a further field'));
  };
}

function noTrace(body: string | undefined): void {
  if (body !== undefined && /\bat .+\.(?:js|ts|java|php|py|cs|go|rb)\b|Exception in|Traceback/.test(body)) {
    throw new Finding('The answer shows a stack trace.');
  }
}
