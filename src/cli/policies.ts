import { readFile, writeFile } from 'node:fs/promises';
import { adapters } from '../adapters/registry.js';
import { type Policy, policyQuestions } from '../ledger/policy.js';
import { answerHelp } from './usage.js';

/**
 * `npm run docs:policies`: writes what each provider's protocol wants into docs/policies.md, between two markers. `--check`
 * only says whether the page is up to date (exit code 1 if not).
 */

const file = 'docs/policies.md';
const begin = '<!-- begin of the table: written by "npm run docs:policies" -->';
const end = '<!-- end of the table -->';

const firstPage = `# Policies

Providers' protocols contradict each other: the same event has opposite mandatory answers. What a protocol wants is therefore
data, one row per adapter, and one function of the ledger (\`src/ledger/decide.ts\`) reads it. An integration may override parts
of its adapter's row under \`policy:\` in the configuration; a row that contradicts itself is refused at the start. Some adapters
change their row with the dialect that the settings choose: what holds for an integration in the end is in GraphQL,
\`integrations { id policy { question answer overridden } }\`.

${begin}
${end}
`;

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function answerOf(answer: Policy[keyof Policy]): string {
  const words = typeof answer === 'string' ? [answer] : answer;
  return words.length === 0 ? 'none' : words.map((each) => `\`${each}\``).join(', ');
}

function table(): string {
  const rows = [
    ['Question', 'What it asks', ...adapters.map(({ title }) => title)],
    ['---', '---', ...adapters.map(() => '---')],
    ...policyQuestions.map(({ name, asks }) => [
      `\`${name}\``,
      asks,
      ...adapters.map(({ policy }) => answerOf(policy[name])),
    ]),
  ];
  return rows.map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n');
}

/** @throws Error when the page has no place for the table */
function withTable(page: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${file} lacks the lines "${begin}" and "${end}".`);
  return `${page.slice(0, from + begin.length)}\n${table()}\n${page.slice(to)}`;
}

answerHelp(`Usage: npm run docs:policies [-- --check]
  --check  writes nothing; ends with 1 when ${file} is not up to date`);
const stored = await readFile(file, 'utf8').catch(() => undefined);
const wanted = withTable(stored ?? firstPage);
if (!process.argv.includes('--check')) {
  await writeFile(file, wanted);
} else if (stored !== wanted) {
  process.stderr.write(`${file} is not up to date; run "npm run docs:policies" and commit the file.\n`);
  process.exitCode = 1;
}
