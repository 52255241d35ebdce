import { expect, test } from 'vitest';
import { gather } from '../../src/database/gather.js';

/** Answers when told to, and keeps what it was asked. */
function questions() {
  const asked: { keys: readonly number[]; answer: () => void; fail: (error: Error) => void }[] = [];
  const ask = (keys: readonly number[]): Promise<number[]> =>
    new Promise((resolve, reject) => {
      asked.push({ keys, answer: () => resolve(keys.map((key) => key * 2)), fail: reject });
    });
  return { asked, ask };
}

test('what is asked in one turn is one question, and each gets its own answer', async () => {
  const { asked, ask } = questions();
  const double = gather(ask);
  const answers = Promise.all([double(1), double(2), double(3)]);
  await expect.poll(() => asked.length).toBe(1);
  asked[0]?.answer();
  expect(await answers).toEqual([2, 4, 6]);
  expect(asked.map(({ keys }) => keys)).toEqual([[1, 2, 3]]);
});

test('while as many questions are under way as may be, the next one grows', async () => {
  const { asked, ask } = questions();
  const double = gather(ask, { atOnce: 1, sizeMax: 3 });
  const first = double(1);
  await expect.poll(() => asked.length).toBe(1);
  const others = [2, 3, 4, 5].map((key) => double(key));
  await new Promise(setImmediate);
  expect(asked.length).toBe(1);
  asked[0]?.answer();
  expect(await first).toBe(2);
  await expect.poll(() => asked.length).toBe(2);
  asked[1]?.answer();
  await expect.poll(() => asked.length).toBe(3);
  asked[2]?.answer();
  expect(await Promise.all(others)).toEqual([4, 6, 8, 10]);
  expect(asked.map(({ keys }) => keys)).toEqual([[1], [2, 3, 4], [5]]);
});

test('a question that fails fails for those who asked it, and for nobody else', async () => {
  const { asked, ask } = questions();
  const double = gather(ask);
  const failing = Promise.allSettled([double(1), double(2)]);
  await expect.poll(() => asked.length).toBe(1);
  asked[0]?.fail(new Error('no database'));
  expect((await failing).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  const next = double(3);
  await expect.poll(() => asked.length).toBe(2);
  asked[1]?.answer();
  expect(await next).toBe(6);
});

test('an answer too few is an error, not a wait for ever', async () => {
  const short = gather(async (keys: readonly number[]) => keys.slice(1));
  expect((await Promise.allSettled([short(1), short(2)])).map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
  ]);
});
