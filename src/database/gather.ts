/** Asks for one thing; what many ask at the same time becomes one question. */
export type Gathered<Key, Answer> = (key: Key) => Promise<Answer>;

export interface GatherOptions {
  /** Questions under way at the same time; the next one grows meanwhile. */
  readonly atOnce?: number;
  /** Keys of one question. */
  readonly sizeMax?: number;
}

interface Asked<Key, Answer> {
  readonly key: Key;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes one question of all that is asked in the same turn of the event loop, by whomever: under load a hundred requests share
 * a round trip, and alone a request waits for nobody. Nothing is remembered.
 * @param ask answers each key in its place
 */
export function gather<Key, Answer>(
  ask: (keys: readonly Key[]) => Promise<readonly Answer[]>,
  { atOnce = 2, sizeMax = 256 }: GatherOptions = {},
): Gathered<Key, Answer> {
  let waiting: Asked<Key, Answer>[] = [];
  let underWay = 0;
  let scheduled = false;

  function schedule(): void {
    if (scheduled || underWay >= atOnce || waiting.length === 0) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      const batch = waiting.slice(0, sizeMax);
      waiting = waiting.slice(sizeMax);
      void answer(batch);
      schedule();
    });
  }

  async function answer(batch: readonly Asked<Key, Answer>[]): Promise<void> {
    underWay += 1;
    try {
      const answers = await ask(batch.map(({ key }) => key));
      batch.forEach(({ resolve, reject }, index) => {
        const found = answers[index];
        if (index < answers.length) resolve(found as Answer);
        else reject(new Error('A question was not answered'));
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      underWay -= 1;
      schedule();
    }
  }

  return (key) =>
    new Promise((resolve, reject) => {
      waiting.push({ key, resolve, reject });
      schedule();
    });
}
