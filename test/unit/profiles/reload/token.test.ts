/** Tokens as Uptime Kuma checks them. */
import {createHmac} from 'node:crypto';
import {expect, test} from 'vitest';
import {mintToken} from '../../../../src/profiles/uptime-kuma/reload/token.ts';

const given = {username: 'адмін', password: '$2a$10$x', secret: '$2a$10$secret', now: 1_000};

test('a token names the user, is bound to the password, and expires', () => {
  const [head = '', body = '', signature] = mintToken(given).split('.');
  const read = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
  expect(read(head)).toEqual({alg: 'HS256', typ: 'JWT'});
  expect(read(body)).toEqual({
    username: 'адмін',
    h: '1a823027927ffc65f663028099e75170', // openssl dgst -shake256 -xoflen 16
    iat: 1_000,
    exp: 1_300,
  });
  const hmac = createHmac('sha256', given.secret).update(`${head}.${body}`);
  expect(signature).toBe(hmac.digest('base64url'));
});

test('another password gives another token, and none an empty digest', () => {
  const bodyOf = (token: string): {readonly h: string} =>
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {h: string};
  const hashes = ['a', 'b', ''].map((password) => bodyOf(mintToken({...given, password})).h);
  expect(new Set(hashes).size).toBe(3);
  expect(hashes[2]).toBe('');
});
