/** Style of the simulator's pages; fits an iframe from 320 pixels up. */
export const playStyle = `
:root { color-scheme: dark; --ground: #10181c; --card: #1a252b; --line: #2c3a42; --text: #e9eff1; --quiet: #93a4ac;
  --accent: #38c793; --bad: #f0776c; --warn: #e9b949; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
header, main { width: min(860px, 100% - 32px); margin: 0 auto; }
header { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: 4px 16px;
  padding-top: 16px; border-bottom: 1px solid var(--line); }
h1 { font-size: 20px; margin: 0; } h1 small { font-size: 12px; font-weight: 400; color: var(--quiet); }
h2 { font-size: 13px; letter-spacing: .04em; text-transform: uppercase; color: var(--quiet); margin: 20px 0 8px; }
p { margin: 6px 0; } .quiet { color: var(--quiet); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; margin: 8px 0; }
.card h2 { margin-top: 0; }
.row { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }
.grow { flex: 1 1 180px; min-width: 0; }
button, input { font: inherit; color: inherit; border-radius: 8px; border: 1px solid var(--line); padding: 8px 12px;
  background: #223037; min-height: 40px; }
button { cursor: pointer; } button:hover:not(:disabled) { border-color: var(--accent); }
button:disabled { opacity: .5; cursor: default; }
button:focus-visible, input:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
button[aria-pressed=true], #place:not(:disabled) { background: var(--accent); border-color: var(--accent); color: #06251a;
  font-weight: 600; }
.odds { width: 84px; padding: 8px 0; font-variant-numeric: tabular-nums; } .odds span { color: var(--quiet); margin-right: 6px; }
.odds[aria-pressed=true] span { color: inherit; }
label { display: flex; align-items: center; gap: 8px; } #stake { width: 130px; text-align: right; font-variant-numeric: tabular-nums; }
.score { font: 600 20px/1 ui-monospace, monospace; font-variant-numeric: tabular-nums; }
.badge { border-radius: 99px; padding: 1px 10px; font-size: 12px; border: 1px solid var(--line); }
.won { color: var(--accent); border-color: var(--accent); } .void, .refused { color: var(--warn); border-color: var(--warn); }
.unanswered { color: var(--bad); border-color: var(--bad); } #hint { color: var(--bad); }
#hint:empty { display: none; } .card > :last-child { margin-bottom: 0; }
progress { width: 100%; height: 6px; accent-color: var(--accent); }
details { border-top: 1px solid var(--line); padding: 6px 0; } summary { cursor: pointer; overflow-wrap: anywhere; }
pre, code { font: 12.5px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; background: #0b1114; border-radius: 8px; padding: 10px; margin: 6px 0; }
main { padding-bottom: 40px; }
`;
