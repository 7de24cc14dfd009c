/** What was measured, run by run, and what it comes to beside what people would use instead. */
import {median} from './measure.ts';

export type Figures = {
  readonly ms?: number;
  /** Most memory of the process, restic not counted. */
  readonly peakMb?: number;
  /** Added to the repository. */
  readonly bytes?: number;
};

/** Work of ours beside that of a peer; `most` is the ratio, or the figure, that it may have. */
type Bar = {readonly work: string; readonly peer?: string; readonly most: number};

const BARS: readonly Bar[] = [
  {work: 'look, nothing committed', most: 5},
  {work: 'capture, another table written', peer: '.dump | sha256sum', most: 0.6},
  {work: 'capture, another table written', peer: 'sqldiff, equal', most: 1},
  {work: 'replicate, 100 changes, without restic', peer: 'sqldiff, 100 changes', most: 0.3},
  {work: 'round trip, 100 changes', peer: 'the old tool, 100 changes', most: 0.35},
  {work: 'replicate, into an empty table', peer: 'sqlite3 < dump', most: 1.2},
  {work: '16 × 500 rows: cycle, one change', most: 20},
];

export type Line = {
  readonly work: string;
  readonly runs: number;
  readonly ms: number | null;
  readonly peakMb: number | null;
  readonly bytes: number | null;
};

export type Ratio = Bar & {readonly ratio: number};

export class Sheet {
  readonly #figures = new Map<string, Figures[]>();

  add(work: string, figures: Figures): void {
    this.#figures.set(work, [...(this.#figures.get(work) ?? []), figures]);
  }

  get lines(): readonly Line[] {
    return [...this.#figures].map(([work, all]) => ({
      work,
      runs: all.length,
      ms: middle(all.map(({ms}) => ms)),
      peakMb: middle(all.map(({peakMb}) => peakMb)),
      bytes: middle(all.map(({bytes}) => bytes)),
    }));
  }

  /** Of medians, beside what each may be. */
  get ratios(): readonly Ratio[] {
    const ms = (name: string | undefined): number | undefined =>
      this.lines.find(({work}) => work === name)?.ms ?? undefined;
    return BARS.flatMap((bar) => {
      const [own, peer] = [ms(bar.work), bar.peer === undefined ? 1 : ms(bar.peer)];
      return own === undefined || peer === undefined ? [] : [{...bar, ratio: own / peer}];
    });
  }
}

function middle(values: readonly (number | undefined)[]): number | null {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? null : median(known);
}
