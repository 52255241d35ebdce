/** Style of the simulator's pages; fits an iframe from 320 pixels up. */
export const pageStyle = `
:root { color-scheme: dark; --ground: #10181c; --card: #1a252b; --line: #2c3a42; --text: #e9eff1; --quiet: #93a4ac;
  --accent: #38c793; --bad: #f0776c; --warn: #e9b949; }
.slot { --accent: #e9b949; } .mines { --accent: #5aa9f0; } .rocket { --accent: #b78bf0; } .crash { --accent: #f08a5a; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
header, main { width: min(860px, 100% - 32px); margin: 0 auto; }
header { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: 4px 16px;
  padding-top: 16px; border-bottom: 1px solid var(--line); }
h1 { font-size: 20px; margin: 0; } h1 small { font-size: 12px; font-weight: 400; color: var(--quiet); }
h2 { font-size: 13px; letter-spacing: .04em; text-transform: uppercase; color: var(--quiet); margin: 20px 0 8px; }
p { margin: 6px 0; } .quiet { color: var(--quiet); }
#board { margin-top: 16px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; margin: 8px 0; }
.row { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }
.grow { flex: 1 1 180px; min-width: 0; }
button, input, select { font: inherit; color: inherit; border-radius: 8px; border: 1px solid var(--line); padding: 8px 12px;
  background: #223037; min-height: 40px; }
button { cursor: pointer; } button:hover:not(:disabled) { border-color: var(--accent); }
button:disabled { opacity: .5; cursor: default; }
:is(button, input, select, summary):focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
button[aria-pressed=true], #place:not(:disabled), #take:not(:disabled) { background: var(--accent);
  border-color: var(--accent); color: #0b1a14; font-weight: 600; }
.odds { width: 84px; padding: 8px 0; font-variant-numeric: tabular-nums; } .odds span { color: var(--quiet); margin-right: 6px; }
.odds[aria-pressed=true] span { color: inherit; }
label { display: flex; align-items: center; gap: 8px; } select { min-width: 0; max-width: 100%; color: var(--text); }
#stake { width: 130px; text-align: right; font-variant-numeric: tabular-nums; }
.score { font: 600 20px/1 ui-monospace, monospace; font-variant-numeric: tabular-nums; }
.badge { border-radius: 99px; padding: 1px 10px; font-size: 12px; border: 1px solid var(--line); }
.won { color: var(--accent); border-color: var(--accent); } .void, .refused { color: var(--warn); border-color: var(--warn); }
.unanswered { color: var(--bad); border-color: var(--bad); } #hint { color: var(--bad); }
#hint:empty { display: none; } .card > :last-child { margin-bottom: 0; }
progress { width: 100%; height: 6px; accent-color: var(--accent); }
.stage { background: radial-gradient(120% 160% at 50% 0, #22323a, #131d22); border: 1px solid var(--line);
  border-radius: 14px; padding: 20px; text-align: center; }
.reels { display: flex; justify-content: center; gap: 12px; }
.reel { width: 96px; height: 112px; display: grid; place-items: center; font-size: 60px; color: var(--accent); border-radius: 12px;
  background: #0c1316; border: 1px solid var(--line); }
.turning { animation: turn .18s linear infinite; }
@keyframes turn { from { transform: translateY(-5px); } to { transform: translateY(5px); } }
.field { display: grid; grid-template-columns: repeat(5, minmax(40px, 64px)); gap: 6px; justify-content: center; }
.cell { aspect-ratio: 1; padding: 0; font-size: 22px; } .cell.safe { border-color: var(--accent); background: #163042; opacity: 1; }
.cell.mine { border-color: var(--bad); background: #3d2220; opacity: 1; }
.multiplier { font: 700 44px/1.2 ui-monospace, monospace; font-variant-numeric: tabular-nums; margin: 0; }
.multiplier.crashed { color: var(--bad); } .multiplier.taken { color: var(--accent); }
.sky { display: block; width: 100%; height: 180px; } .sky path { fill: none; stroke: var(--accent); stroke-width: 3; }
.sky .tip { fill: var(--accent); stroke: none; }
@media (prefers-reduced-motion: reduce) { .turning { animation: none; } }
details { border-top: 1px solid var(--line); padding: 6px 0; } summary { cursor: pointer; overflow-wrap: anywhere; }
summary .badge { margin-left: 6px; }
pre, code { font: 12.5px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; background: #0b1114; border-radius: 8px; padding: 10px; margin: 6px 0; }
main { padding-bottom: 40px; }
`;
