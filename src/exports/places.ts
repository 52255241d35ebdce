import { ExportError } from './errors.js';

/** Who may export at the same moment. Whoever finds no place is told so at once, and comes again. */
export interface Places {
  /** @throws TOO_MANY_EXPORTS */
  take(who: { readonly brand: string; readonly subject: string; readonly isPlayer: boolean }): () => void;
}

/** @param max exports at once; players, of whom there are many, get half of them at most, and nobody more than two */
export function createPlaces(max: number): Places {
  const taken = new Set<{ readonly name: string; readonly isPlayer: boolean }>();
  const playersMax = Math.max(1, Math.floor(max / 2));
  const count = (condition: (each: { name: string; isPlayer: boolean }) => boolean): number =>
    [...taken].filter(condition).length;

  return {
    take({ brand, subject, isPlayer }) {
      const place = { name: JSON.stringify([brand, isPlayer, subject]), isPlayer };
      const own = count(({ name }) => name === place.name);
      const full = taken.size >= max || (isPlayer && count((each) => each.isPlayer) >= playersMax);
      if (full || own >= (isPlayer ? 1 : OWN_MAX)) {
        throw new ExportError('TOO_MANY_EXPORTS', 'Too many exports run at this moment; try again in a while.');
      }
      taken.add(place);
      return () => void taken.delete(place);
    },
  };
}

const OWN_MAX = 2;
