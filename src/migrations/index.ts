import { LayTheBooks } from './20261120000000-lay-the-books.js';
import { ReadTheBooks } from './20261120120000-read-the-books.js';

/** Every migration, oldest first. A migration that has run anywhere is never edited. */
export const migrations = [
  { name: '20261120000000-lay-the-books', class: LayTheBooks },
  { name: '20261120120000-read-the-books', class: ReadTheBooks },
];
