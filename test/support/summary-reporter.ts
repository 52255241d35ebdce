import type { Reporter, TestModule } from 'vitest/node';

/** Closes a run with one plain line that any log reader understands. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((each) => [...each.children.allTests()]);
    const count = (state: string): number => tests.filter((each) => each.result().state === state).length;
    const broken = modules.filter(
      (each) => each.state() === 'failed' && [...each.children.allTests()].length === 0,
    ).length;
    process.stdout.write(
      `\n${count('passed')} passed, ${count('failed') + broken} failed, ${count('skipped')} skipped\n`,
    );
  }
}
