import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { checkOrigins } from './integrations.js';
import type { Problems } from './problems.js';
import { GraphqlEntry } from './shape.js';
import type { GraphqlConfig } from './types.js';

/** Reads the part `graphql` of the configuration. @returns undefined after noting what is wrong with it */
export function readGraphql(
  entry: unknown,
  { production, directory }: { readonly production: boolean; readonly directory: string },
  problems: Problems,
): GraphqlConfig | undefined {
  const read = problems.check(GraphqlEntry, entry ?? {}, 'graphql');
  if (!read) return undefined;
  for (const key of ['introspection', 'explorer'] as const) {
    if (production && read[key] === true) problems.add(`graphql.${key}`, 'must be off in production; remove the line.');
  }
  const { origins, costPerMinute, trustedDocuments: file } = read;
  if (production) checkOrigins(origins, 'graphql.origins', problems);
  return {
    introspection: read.introspection ?? !production,
    explorer: read.explorer ?? !production,
    origins,
    costPerMinute,
    trustedDocuments: file === undefined ? undefined : readTrustedDocuments(resolve(directory, file), problems),
  };
}

const Documents = z.record(z.string().regex(/^[0-9a-f]{64}$/), z.string().min(1));

/** As code generators write them: each document under the SHA-256 of its text. */
function readTrustedDocuments(file: string, problems: Problems): ReadonlyMap<string, string> | undefined {
  const path = 'graphql.trustedDocuments';
  let documents: Record<string, string>;
  try {
    documents = Documents.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    problems.add(path, `"${file}" is not a JSON file of documents, each under its SHA-256 in small hex.`);
    return undefined;
  }
  const wrong = Object.entries(documents).filter(([hash, text]) => hashOfDocument(text) !== hash);
  for (const [hash] of wrong.slice(0, 5)) problems.add(path, `the document under ${hash} has another SHA-256.`);
  if (Object.keys(documents).length === 0) problems.add(path, 'holds no document; nothing could be asked.');
  return new Map(Object.entries(documents));
}

/** What a trusted document is known by. */
export function hashOfDocument(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
