import { describe, expect, test } from 'vitest';
import * as template from '../../src/adapters/_template/index.js';
import { type Certificate, certify } from '../../src/certification/certify.js';
import { htmlReport } from '../../src/certification/report-html.js';
import { junitReport } from '../../src/certification/report-junit.js';
import { type Mistake, openForeignWallet } from './foreign-wallet.js';

const player = 'alice';
const secret = 'canary-signature-secret';
const settings = { apiUrl: 'http://127.0.0.1:1', apiKey: 'canary-api-key', secrets: [secret] };

async function certificateOf(mistakes: readonly Mistake[], timeoutMs = 5_000): Promise<Certificate> {
  const wallet = await openForeignWallet({ secret, player, mistakes });
  try {
    const provider = { adapter: template.adapter, side: { ...template.side, timeoutMs } };
    return await certify({ provider, settings, url: wallet.url, player, currency: 'EUR' });
  } finally {
    await wallet.close();
  }
}

function failuresOf(certificate: Certificate): string[] {
  return certificate.cases.filter((each) => each.outcome === 'failed').map((each) => each.name);
}

test('a wallet that keeps the rules is certified, whoever wrote it', async () => {
  const certificate = await certificateOf([]);
  expect(failuresOf(certificate)).toEqual([]);
  expect(certificate.passed).toBe(true);
});

describe('a mistake costs the certificate, and the case that finds it says so', () => {
  test.for<[Mistake, RegExp]>([
    ['takes unsigned requests', /without its proof of origin/],
    ['debits repeats', /a repeated bet gets the first answer/],
    ['answers repeats anew', /a repeated bet gets the first answer/],
    ['ignores other facts', /under a used id with another amount/],
    ['lets the balance go below zero', /beyond the balance/],
    ['takes late bets', /the late bet takes nothing/],
    ['gives rollbacks twice', /a second rollback/],
    ['gives what the rollback states', /the original's amount is given back/],
    ['counts in cents', /the smallest coin/],
    ['takes negative amounts', /a negative amount/],
    ['takes the last of two equal keys', /a key given twice/],
    ['shows its stack', /no JSON/],
    ['refuses unknown fields', /a field nobody knows/],
    ['is slow', /in time/],
  ])('a wallet that %s', async ([mistake, name]) => {
    const certificate = await certificateOf([mistake], mistake === 'is slow' ? 700 : undefined);
    expect(certificate.passed).toBe(false);
    expect(failuresOf(certificate).some((each) => name.test(each))).toBe(true);
  });
});

test('the reports hold the traffic of every case, no secret, and nothing that a body could break out with', async () => {
  const certificate = await certificateOf(['shows its stack']);
  const [html, xml] = [htmlReport(certificate), junitReport(certificate)];
  for (const report of [html, xml]) {
    expect(report).not.toContain('canary');
    expect(report).toContain('/balance');
    for (const { name } of certificate.cases)
      expect(report.toLowerCase()).toContain(name.replaceAll("'", "'").toLowerCase());
  }
  expect(xml).toMatch(/<testsuite [^>]*failures="\d+"/);
  const spiked = { ...certificate, title: '<script>alert(1)</script>' };
  expect(htmlReport(spiked)).not.toContain('<script>');
});
