import { readFileSync } from 'node:fs';
import { isObjectType, OperationTypeNode } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { issueToken, type Role, roles } from '../../src/auth.js';
import { Secret } from '../../src/observability/logger.js';
import { rolesOf, rolesOfField } from '../../src/schema/access.js';
import { buildGraphqlSchema } from '../../src/schema/build-schema.js';
import { codes, openClient, request } from '../schema/client.js';
import { authSecret, startTestApp } from '../support/app.js';
import { createTestPlayer } from '../support/database.js';
import { type Fill, rootFields, smallestSelection, writeArguments } from '../support/schema-walk.js';

const schema = buildGraphqlSchema();
const fields = rootFields(schema);
const table: Readonly<Record<string, readonly Role[] | undefined>> = Object.fromEntries(
  Object.entries(rolesOf).flatMap(([type, entries]) =>
    Object.entries(entries).map(([name, allowed]) => [`${type}.${name}`, allowed]),
  ),
);

let app: Awaited<ReturnType<typeof startTestApp>>;
beforeAll(async () => {
  app = await startTestApp();
  await createTestPlayer(app.database, { externalId: 'player' });
});
afterAll(() => app.close());

/** Something well-formed that exists nowhere, so that whoever may ask gets no further than to the look-up. */
const nothing: Fill = ({ name, type, required, options }) => {
  if (name === 'id') return '"pl_0zzzzzz"';
  if (!required) return undefined;
  // The one status that all who may change any may give.
  if (type === 'PlayerStatus') return 'SELF_EXCLUDED';
  if (options.length > 0) return options[0];
  switch (type) {
    case 'Int':
      return '1';
    case 'Boolean':
      return 'true';
    case 'Decimal':
      return '"1.00"';
    case 'DateTime':
      return name === 'from' ? '"2026-01-01T00:00:00Z"' : '"2026-01-02T00:00:00Z"';
    default:
      return `"${/^(currency|reason|subject|externalId)$/.exec(name)?.[0] === 'currency' ? 'EUR' : 'nothing'}"`;
  }
};

const tokenOf = (granted: readonly Role[]): Promise<string> =>
  issueToken(new Secret(authSecret), { subject: granted.join('-'), brand: 'demo', roles: granted }, 600);

/** The codes of the errors that a token gets for a field. */
async function codesFor(granted: readonly Role[], { operation, field }: (typeof fields)[number]): Promise<unknown[]> {
  const document = `${operation} { ${field.name}${writeArguments(field.args, nothing)} ${smallestSelection(field)} }`;
  const token = await tokenOf(granted);
  if (operation !== OperationTypeNode.SUBSCRIPTION) return codes(await request(app, token, document));
  const client = openClient(app, token);
  try {
    return await new Promise((resolve, reject) => {
      const told = (errors: readonly { extensions?: Record<string, unknown> }[] | undefined): void => {
        if (errors !== undefined) resolve(errors.map(({ extensions }) => extensions?.['code']));
      };
      const sink = {
        next: (result: { errors?: readonly { extensions?: Record<string, unknown> }[] | undefined }) =>
          told(result.errors),
        error: (error: unknown) => (Array.isArray(error) ? told(error) : reject(error)),
        complete: () => undefined,
      };
      client.subscribe({ query: document }, sink);
      // A subscription that is let in may have nothing to tell: whoever is refused hears of it before a later query is answered.
      const settled = { next: () => resolve([]), error: reject, complete: () => undefined };
      client.subscribe({ query: '{ me { id wallets { id } } }' }, settled);
    });
  } finally {
    await client.dispose();
  }
}

describe('the table of roles', () => {
  test('names every field that can be asked, and nothing else', () => {
    expect(fields.map(({ path }) => path).filter((path) => table[path] === undefined)).toEqual([]);
    const known = new Set(fields.map(({ path }) => path));
    expect(Object.keys(table).filter((path) => !known.has(path))).toEqual([]);
  });

  test('names only fields that exist where it says who may read them', () => {
    const missing = Object.keys(rolesOfField).filter((path) => {
      const [typeName = '', fieldName = ''] = path.split('.');
      const type = schema.getType(typeName);
      return !isObjectType(type) || type.getFields()[fieldName] === undefined;
    });
    expect(missing).toEqual([]);
  });

  test('stands in docs/access.md as it is', () => {
    const text = readFileSync(new URL('../../docs/access.md', import.meta.url), 'utf8');
    const [, written = ''] = /<!-- roles -->\n([^]*?)<!-- \/roles -->/.exec(text) ?? [];
    expect(written.trim()).toBe(writeTable());
  });
});

function writeTable(): string {
  const rows = Object.entries({ ...table, ...rolesOfField }).map(([path, allowed = []]) => {
    const marks = roles.map((role) => (allowed.includes(role) ? 'yes' : '–'));
    return `| \`${path}\` | ${marks.join(' | ')} |`;
  });
  return [`| | ${roles.join(' | ')} |`, `|---|${roles.map(() => '---|').join('')}`, ...rows].join('\n');
}

describe.each(fields)('$path', (field) => {
  const allowed = table[field.path] ?? [];
  test.each(roles)('answers as the table says: %s', async (role) => {
    const found = await codesFor([role], field);
    if (allowed.includes(role)) expect(found).not.toContain('FORBIDDEN');
    else expect(found).toEqual(['FORBIDDEN']);
  });
});

test('a token with several roles may do what any of them may', async () => {
  const refused: string[] = [];
  for (const field of fields.filter(({ operation }) => operation !== OperationTypeNode.SUBSCRIPTION)) {
    const allowed = table[field.path] ?? [];
    const one = roles.find((role) => !allowed.includes(role));
    const [other] = allowed;
    if (one === undefined || other === undefined) continue;
    if ((await codesFor([one, other], field)).includes('FORBIDDEN'))
      refused.push(`${field.path} for ${one} and ${other}`);
  }
  expect(refused).toEqual([]);
});
