import type { CaseResult, Certificate } from './certify.js';
import type { Exchange } from './conversation.js';

/** The certificate as one page that needs nothing else: what was examined, what was found, and the traffic of each case. */
export function htmlReport(certificate: Certificate): string {
  const { title, provider, url, at, cases, passed, seesBalances } = certificate;
  const count = (outcome: CaseResult['outcome']): number => cases.filter((each) => each.outcome === outcome).length;
  const groups = [...Map.groupBy(cases, (each) => each.group)];
  const unseen = seesBalances
    ? ''
    : '<p class="note">This protocol tells no balance, so what moved was not seen from outside: the answers alone were examined.</p>';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}: certification</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<p class="verdict ${passed ? 'passed' : 'failed'}">${passed ? 'Certified' : 'Not certified'}</p>
<h1>${escape(title)} <small>${escape(provider)}</small></h1>
<p>${escape(url)}<br>${escape(at.toUTCString())}</p>
<ul class="counts">
<li class="passed"><b>${count('passed')}</b> passed</li>
<li class="failed"><b>${count('failed')}</b> failed</li>
<li class="not-applicable"><b>${count('not-applicable')}</b> not applicable</li>
</ul>
${unseen}
</header>
${groups.map(([name, members]) => groupSection(name, members)).join('\n')}
</main>
</body>
</html>
`;
}

function groupSection(name: string, cases: readonly CaseResult[]): string {
  return `<section>
<h2>${escape(name)}</h2>
${cases.map(caseBlock).join('\n')}
</section>`;
}

function caseBlock({ name, outcome, words, exchanges, ms }: CaseResult): string {
  return `<details class="${outcome}"${outcome === 'failed' ? ' open' : ''}>
<summary><span class="mark">${marks[outcome]}</span><span>${escape(capital(name))}</span><time>${ms.toFixed(0)} ms</time></summary>
${words === '' ? '' : `<p class="words">${escape(words)}</p>`}
${exchanges.map(exchangeBlock).join('\n')}
</details>`;
}

const marks: Record<CaseResult['outcome'], string> = { passed: '✓', failed: '✗', 'not-applicable': '–' };

function exchangeBlock({ what, request, url, answer, fault, ms }: Exchange): string {
  const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`);
  const sent = [`${request.method} ${url}`, ...headers, '', request.body.toString()].join('\n');
  const got = answer === undefined ? `(${fault ?? 'no answer'})` : `${answer.status}\n\n${answer.body}`;
  return `<figure>
<figcaption>${escape(what)} <time>${ms.toFixed(1)} ms</time></figcaption>
<pre class="sent">${escape(sent)}</pre>
<pre class="got">${escape(got)}</pre>
</figure>`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

const style = `
:root { color-scheme: light dark; --line: #8884; --good: #1a7f4b; --bad: #c22f2f; --none: #777; }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
header { border-bottom: 1px solid var(--line); margin-bottom: 1.5rem; }
h1 { margin: 0; font-size: 1.7rem; } h1 small { color: var(--none); font-weight: 400; }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
.verdict { display: inline-block; margin: 0 0 .5rem; padding: .15rem .7rem; border-radius: 1rem; color: #fff; font-weight: 600; }
.verdict.passed { background: var(--good); } .verdict.failed { background: var(--bad); }
.counts { display: flex; gap: 1.5rem; list-style: none; padding: 0; } .counts b { font-size: 1.2rem; }
.passed .mark, .counts .passed b { color: var(--good); } .failed .mark, .counts .failed b { color: var(--bad); }
.not-applicable .mark, .counts .not-applicable b { color: var(--none); }
.note, .words { color: var(--none); } details.failed .words { color: var(--bad); font-weight: 600; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .35rem 0; padding: .45rem .8rem; }
summary { display: flex; gap: .7rem; cursor: pointer; } summary time { margin-left: auto; }
time { color: var(--none); font-size: .85em; font-variant-numeric: tabular-nums; } .mark { font-weight: 700; width: 1ch; }
figure { margin: .8rem 0; } figcaption { font-weight: 600; font-size: .9em; }
pre { margin: .25rem 0; padding: .5rem .7rem; border-radius: .35rem; background: #8881; overflow-x: auto; white-space: pre-wrap; word-break: break-all; font-size: 12.5px; }
pre.got { border-left: 3px solid var(--line); }
`;
