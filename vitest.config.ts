import {defineConfig} from 'vitest/config';
import {arm64Options} from './test/arm64/project.ts';

export default defineConfig({
  test: {
    passWithNoTests: true,
    // No test measures time; a slow machine only takes longer.
    testTimeout: 60_000,
    maxWorkers: '100%',
    // Explicit, because files of group 0 run last on a machine with a single worker.
    sequence: {groupOrder: 1},
    projects: [
      project('unit', {include: ['test/unit/**/*.test.ts', 'test/tidy.test.ts']}),
      project('laws', {include: ['test/laws/**/*.test.ts'], testTimeout: 180_000}),
      project('model', {include: ['test/model/**/*.test.ts'], testTimeout: 600_000}),
      project('simulation', {
        include: ['test/simulation/**/*.test.ts'],
        testTimeout: 1_800_000,
      }),
      project('golden', {include: ['test/golden/**/*.test.ts']}),
      project('corpus', {include: ['test/corpus/**/*.test.ts']}),
      project('contract', {include: ['test/contract/**/*.test.ts']}),
      project('crash', {
        include: ['test/crash/**/*.test.ts'],
        testTimeout: 900_000,
        maxConcurrency: 2,
        sequence: {groupOrder: 2},
      }),
      // Alone: what an application would notice depends on what else the machine does.
      project('beside', {
        include: ['test/beside/**/*.test.ts'],
        testTimeout: 300_000,
        maxWorkers: 1,
        sequence: {groupOrder: 3},
      }),
      // After the others, and two files at a time: each test runs restic and whole databases.
      project('e2e', {
        include: ['test/e2e/**/*.test.ts'],
        testTimeout: 300_000,
        hookTimeout: 300_000,
        maxWorkers: 2,
        sequence: {groupOrder: 2},
      }),
      project('arm64', {
        ...arm64Options(),
        testTimeout: 300_000,
        hookTimeout: 120_000,
        maxWorkers: 2,
        sequence: {groupOrder: 2},
      }),
    ],
  },
});

function project<T extends object>(name: string, options: T) {
  return {extends: true as const, test: {name, ...options}};
}
