/** Which top-level domain an address has: that of its host, if it has one that a registry may know. */
import {expect, test} from 'vitest';
import {compileCondition} from '../../../src/compat/condition.ts';
import type {Cell} from '../../../src/kernel/row.ts';

const isCom = compileCondition({topLevelDomain: {in: ['com']}}, 'text');
const isNotCom = compileCondition({topLevelDomain: {notIn: ['COM']}}, 'text');

test.each([
  'example.com',
  'EXAMPLE.Com.',
  'example.com..',
  'com',
  'a_b.x-y.com',
  'пример.com',
  'example.com:443',
  'https://example.com',
  '//example.com/a.de',
  ' https://example.com/a.de ',
  'wss://user:p@ss@example.com:8443/a.de?b#c',
  'my-app+1.x://example.com?a.de',
  'https://example.com#a.de',
  String.raw`https:\\example.com\a.de`,
  String.raw`example.com\a.de`,
])('%s has one', (address) => {
  expect([isCom(address), isNotCom(address)]).toEqual([true, false]);
});

test.each<Cell>([
  null,
  7n,
  '',
  '.',
  'localhost',
  'https://example.de/a.com',
  'https://192.0.2.7/a.com',
  'http://[2001:db8::1]/a.com',
  '2001:db8::com',
  'a..com',
  '.com',
  '-a.com',
  'a-.com',
  '*.example.com',
  'a.com,b.com',
  'a b.com',
  '{{host}}.com',
  'example.com:abc',
  `${'a'.repeat(64)}.com`,
  `${'a.'.repeat(130)}com`,
])('%s has none, or another', (address) => {
  expect([isCom(address), isNotCom(address)]).toEqual([false, true]);
});
