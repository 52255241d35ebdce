import type { PageKind } from '../../adapters/provider-side.js';
import { betSlip } from './bet-slip.js';
import { flight } from './flight.js';
import type { Game } from './game.js';
import { mines } from './mines.js';
import { slot } from './slot.js';

export const games: Record<PageKind, Game> = { 'bet-slip': betSlip, slot, mines, rocket: flight, crash: flight };
