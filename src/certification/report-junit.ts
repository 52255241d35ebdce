import type { CaseResult, Certificate } from './certify.js';

/** The certificate as JUnit XML, which every CI shows. */
export function junitReport(certificate: Certificate): string {
  const { cases, provider, at } = certificate;
  const count = (outcome: CaseResult['outcome']): number => cases.filter((each) => each.outcome === outcome).length;
  const seconds = (ms: number): string => (ms / 1_000).toFixed(3);
  const total = seconds(cases.reduce((sum, each) => sum + each.ms, 0));
  const head =
    `<testsuite name="${escape(`certification.${provider}`)}" tests="${cases.length}" failures="${count('failed')}" ` +
    `skipped="${count('not-applicable')}" errors="0" time="${total}" timestamp="${at.toISOString()}">`;
  const bodies = cases.map((each) => {
    const open = `  <testcase classname="${escape(`${provider}.${each.group}`)}" name="${escape(each.name)}" time="${seconds(each.ms)}">`;
    return `${open}\n${bodyOf(each)}  </testcase>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n${head}\n${bodies.join('\n')}\n</testsuite>\n`;
}

function bodyOf({ outcome, words, exchanges }: CaseResult): string {
  const said = escape(words);
  const verdict = {
    passed: '',
    failed: `    <failure message="${said}"/>\n`,
    'not-applicable': `    <skipped message="${said}"/>\n`,
  };
  const traffic = exchanges.map(({ what, request, url, answer, fault }) => {
    const got = answer === undefined ? `(${fault ?? 'no answer'})` : `${answer.status} ${answer.body}`;
    return `${what}\n  ${request.method} ${url}\n  ${request.body.toString()}\n  ${got}`;
  });
  return `${verdict[outcome]}    <system-out>${escape(traffic.join('\n'))}</system-out>\n`;
}

/** XML 1.0 has no way to write most control characters. */
function escape(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
