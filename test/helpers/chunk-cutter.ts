/** The rule of chunks, asked key by key in order. */
import {chunkRule} from '../../src/snapshot/mix.ts';

/** Tells of each key whether its row begins a chunk. The first does. */
export function chunkCutter(columns: number): (key: string) => boolean {
  const begins = chunkRule(columns);
  let rows = 0;
  return (key) => {
    const cuts = begins(key, rows);
    rows = cuts ? 1 : rows + 1;
    return cuts;
  };
}
