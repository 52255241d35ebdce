import { expect, test } from 'vitest';
import { describeProblems } from '../src/config.js';

test('a port that is taken is described with what to do', () => {
  const error = Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE', port: 4_000 });
  expect(describeProblems(error)).toContain('port 4000 is taken');
});
