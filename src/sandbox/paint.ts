import { styleText } from 'node:util';

/** Emphasis for a terminal; plain text where the output is no terminal or colours are not wanted. */
export function bold(text: string): string {
  return styleText('bold', text, { stream: process.stdout });
}

export function dim(text: string): string {
  return styleText('dim', text, { stream: process.stdout });
}
