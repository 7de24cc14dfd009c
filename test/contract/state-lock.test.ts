import {fork, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {join} from 'node:path';
import {expect, onTestFinished, test} from 'vitest';
import type {RaceCall} from '../helpers/lock-racer.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';

const ROUNDS = 300;

function startRacer(): ChildProcess {
  const racer = fork(join(import.meta.dirname, '..', 'helpers', 'lock-racer.ts'));
  onTestFinished(() => void racer.kill());
  return racer;
}

async function tell(racer: ChildProcess, call: RaceCall): Promise<boolean> {
  const answer = once(racer, 'message');
  racer.send(call);
  return (await answer)[0] as boolean;
}

test('of two who want the state at the same moment, one gets it and one is refused', async () => {
  const folder = temporaryFolder();
  const racers = [startRacer(), startRacer()];
  const winners = [0, 0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    const at = Date.now() + 2;
    const got = await Promise.all(racers.map((racer) => tell(racer, {folder, at})));
    const count = got.filter(Boolean).length;
    winners[count] = (winners[count] ?? 0) + 1;
    await Promise.all(racers.map((racer) => tell(racer, 'release')));
  }
  expect(winners).toEqual([0, ROUNDS, 0]);
});
