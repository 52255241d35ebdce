import { expect, test } from 'vitest';
import { hideInBody, hideInText } from '../../src/callbacks/launch-token.js';

const token = 'lt_1a/b+c==';
const hidden = (body: string | Buffer) => hideInBody(Buffer.from(body), token).toString();

test('a token is hidden wherever it stands in a body, and the rest is kept byte for byte', () => {
  expect(hidden(`{"t":"${token}","again":"x${token}y","n":1}`)).toBe('{"t":"***","again":"x***y","n":1}');
  const bytes = Buffer.concat([Buffer.from([0xff, 0x00]), Buffer.from(token), Buffer.from([0xfe])]);
  expect(hideInBody(bytes, token)).toEqual(
    Buffer.concat([Buffer.from([0xff, 0x00]), Buffer.from('***'), Buffer.from([0xfe])]),
  );
});

test('of a body that may hold the token in other characters nothing is kept', () => {
  expect(hidden('{"t":"lt_1a\\/b+c=="}')).toBe('***');
  expect(hidden(`{"t":"${token}","also":"\\u006ct_1a/b+c=="}`)).toBe('***');
  expect(hidden(`t=${encodeURIComponent(token)}`)).toBe('***');
});

test('a body without a token is kept as it is', () => {
  const body = Buffer.from('{"a":"\\u0041"}');
  expect(hideInBody(body, undefined)).toBe(body);
  expect(hideInBody(body, '')).toBe(body);
});

test('a path or an answer is told without the token, as it is and as a URL writes it', () => {
  expect(hideInText(`/auth/${token}/x`, token)).toBe('/auth/***/x');
  expect(hideInText(`/auth/${encodeURIComponent(token)}`, token)).toBe('/auth/***');
  expect(hideInText('/auth', undefined)).toBe('/auth');
  expect(hideInText('/auth', '')).toBe('/auth');
});
