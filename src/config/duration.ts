/** Durations as people write them: `500ms`, `2s`, `1.5s`, `15m`, `12h`, `1d`. */

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds, more than none; undefined where the text is no duration. */
export function milliseconds(text: string): number | undefined {
  const [, count, unit] = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/.exec(text.trim()) ?? [];
  const ms = Number(count) * (UNITS[unit ?? ''] ?? NaN);
  return ms > 0 && Number.isFinite(ms) ? ms : undefined;
}

/** In the largest unit of which it is a whole number. */
export function durationText(ms: number): string {
  const whole = Object.entries(UNITS).filter(([, size]) => ms % size === 0);
  const [unit, size] = whole.at(-1) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}
