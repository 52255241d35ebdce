import { z } from 'zod';
import { LANE_COUNT } from '../ledger/lanes.js';
import type { Hint } from './bus.js';

/** What processes write to each other, whatever carries it. Two versions side by side read each other: fields may be added. */

/** The channel of Redis and PostgreSQL, the subject of NATS. */
export const CHANNEL = 'croupier_units';

/** Names every lane at most once: about 2 kB, where NOTIFY carries 7,999 bytes. */
const Message = z.object({
  from: z.string(),
  lanes: z.array(
    z.tuple([
      z
        .int()
        .min(0)
        .max(LANE_COUNT - 1),
      z.string().regex(/^\d{1,19}$/),
    ]),
  ),
});

/** How messages of this sender begin. A busy gateway hears mostly itself, so its own are known without reading them. */
export function beginningOf(from: string): string {
  return `{"from":${JSON.stringify(from)}`;
}

/** @param numbers the highest number of each lane */
export function writeHints(from: string, numbers: ReadonlyMap<number, bigint>): string {
  return JSON.stringify({ from, lanes: [...numbers].map(([lane, number]) => [lane, String(number)]) });
}

/** @returns undefined for what is no message of ours */
export function readHints(text: string): Hint[] | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  return Message.safeParse(json).data?.lanes.map(([lane, number]) => ({ lane, number: BigInt(number) }));
}
