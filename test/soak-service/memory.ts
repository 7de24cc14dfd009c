/** Whether a service takes ever more memory: the longest life of each is looked at. */
import type {Role} from './instance.ts';

export type MemorySample = {
  readonly role: Role;
  readonly pid: number;
  readonly atMs: number;
  readonly mb: number;
};

export type MemoryReport = {
  readonly role: Role;
  /** Of the life that is judged, without its beginning. */
  readonly seconds: number;
  /** Medians of its first and its last third, and the most there was. */
  readonly firstMb: number;
  readonly lastMb: number;
  readonly mostMb: number;
  /** Undefined where it is flat, or was too short to tell. */
  readonly wrong: string | undefined;
};

/** V8 lets its heap grow until it has seen how much of it stays in use. */
const WARM_UP_MS = 180_000;
/** A shorter one is reported and not judged. */
const LIFE_MS_MIN = 300_000;
const GROWTH_SHARE_MAX = 0.15;
const GROWTH_MB_MAX = 16;

export function judgeMemory(samples: readonly MemorySample[]): readonly MemoryReport[] {
  return (['primary', 'replica'] as const).map((role) =>
    judgeOne(
      role,
      samples.filter((sample) => sample.role === role),
    ),
  );
}

function judgeOne(role: Role, samples: readonly MemorySample[]): MemoryReport {
  const lives = [...new Set(samples.map(({pid}) => pid))].map((pid) =>
    samples.filter((sample) => sample.pid === pid),
  );
  const longest = lives.toSorted((a, b) => lasted(b) - lasted(a))[0] ?? [];
  const fromMs = (longest[0]?.atMs ?? 0) + Math.min(WARM_UP_MS, lasted(longest) / 3);
  const warm = longest.filter(({atMs}) => atMs >= fromMs);
  const third = Math.ceil(warm.length / 3);
  const [firstMb, lastMb] = [median(warm.slice(0, third)), median(warm.slice(-third))];
  const bound = firstMb + Math.max(GROWTH_MB_MAX, GROWTH_SHARE_MAX * firstMb);
  const grows = lasted(warm) >= LIFE_MS_MIN && lastMb > bound;
  return {
    role,
    seconds: Math.round(lasted(warm) / 1000),
    firstMb,
    lastMb,
    mostMb: Math.round(Math.max(0, ...longest.map(({mb}) => mb))),
    wrong: grows
      ? `the ${role}'s memory grew from ${firstMb} to ${lastMb} MB within ${Math.round(lasted(warm) / 1000)} s`
      : undefined,
  };
}

function lasted(samples: readonly MemorySample[]): number {
  return (samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0);
}

function median(samples: readonly MemorySample[]): number {
  const sorted = samples.map(({mb}) => mb).toSorted((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0);
}
