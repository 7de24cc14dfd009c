/** Durations as people write them: `500ms`, `2s`, `1.5s`, `1m`. */

const UNITS: Readonly<Record<string, number>> = {ms: 1, s: 1000, m: 60_000};

/** Milliseconds, more than none; undefined where the text is no duration. */
export function milliseconds(text: string): number | undefined {
  const [, count, unit] = /^(\d+(?:\.\d+)?) ?(ms|s|m)$/.exec(text.trim()) ?? [];
  const ms = Number(count) * (UNITS[unit ?? ''] ?? NaN);
  return ms > 0 && Number.isFinite(ms) ? ms : undefined;
}
