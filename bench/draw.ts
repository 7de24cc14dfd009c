/** docs/bench.svg: how far each work is from what it may take, and how its time grows with the rows. */
import type {Line, Ratio} from './sheet.ts';

export type Measured = {
  readonly rows: number | null;
  readonly lines: readonly Line[];
  readonly ratios: readonly Ratio[];
};

const WIDTH = 900;
const BAR = {left: 420, width: 360, height: 26} as const;
const PLOT = {left: 80, width: 480, height: 320, legend: 580} as const;
const COLOURS = [
  '#0b6e99',
  '#d9730d',
  '#0f7b6c',
  '#ad1a72',
  '#6940a5',
  '#9b9a97',
  '#dfab01',
  '#e03e3e',
];

/** Works whose growth is shown: ours, and with dashes what people would use instead. */
const OURS: readonly string[] = [
  'capture, another table written',
  'replicate, 100 changes, without restic',
  'round trip, 100 changes',
  'replicate, into an empty table',
];
const GROWING: readonly string[] = [
  ...OURS,
  '.dump | sha256sum',
  'sqldiff, 100 changes',
  'the old tool, 100 changes',
  'sqlite3 < dump',
];

/** Both plots, as the text of an SVG file. The first is of the largest number of rows. */
export function draw(all: readonly Measured[]): string {
  const sized = all
    .filter((one): one is Measured & {rows: number} => one.rows !== null)
    .toSorted((a, b) => a.rows - b.rows);
  const largest = sized.at(-1);
  if (largest === undefined) return '';
  const ratios = ratioPlot(largest.rows, largest.ratios);
  const growth = growthPlot(sized, ratios.height + 60);
  const height = ratios.height + 60 + PLOT.height + 70;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    ...ratios.parts,
    ...growth,
    '</svg>',
    '',
  ].join('\n');
}

function ratioPlot(
  rows: number,
  ratios: readonly Ratio[],
): {readonly parts: readonly string[]; readonly height: number} {
  const title = `Time beside that of the peer, ${rows.toLocaleString('en')} rows × 12 columns (line: what it may take)`;
  const compared = ratios.filter(({peer}) => peer !== undefined);
  const most = Math.max(1, ...compared.flatMap(({ratio, most: bar}) => [ratio, bar]));
  const x = (value: number): number => BAR.left + (BAR.width * value) / most;
  const parts = compared.flatMap(({work, peer, ratio, most: bar}, at) => {
    const top = 40 + at * BAR.height;
    const colour = ratio <= bar ? COLOURS[2] : COLOURS[1];
    return [
      text({x: BAR.left - 8, y: top + 14, anchor: 'end'}, `${work} : ${peer}`),
      `<rect x="${BAR.left}" y="${top}" width="${x(ratio) - BAR.left}" height="18" fill="${colour}"/>`,
      `<path d="M${x(bar)} ${top - 3}v24" stroke="black" stroke-width="2"/>`,
      text({x: Math.max(x(ratio), x(bar)) + 6, y: top + 14}, `${ratio.toFixed(2)} ×`),
    ];
  });
  return {
    parts: [text({x: 20, y: 20}, title), ...parts],
    height: 40 + compared.length * BAR.height,
  };
}

function growthPlot(sized: readonly (Measured & {rows: number})[], top: number): readonly string[] {
  const series = GROWING.map((work) => ({work, points: pointsOf(sized, work)})).filter(
    ({points}) => points.length > 0,
  );
  const times = series.flatMap(({points}) => points.map(({ms}) => ms));
  const [x, y] = [
    scale(
      sized.map(({rows}) => rows),
      [PLOT.left, PLOT.left + PLOT.width],
    ),
    scale(times, [top + PLOT.height, top]),
  ];
  const lines = series.flatMap(({work, points}, at) => {
    const colour = COLOURS[at % COLOURS.length] ?? 'black';
    const path = points.map(({rows, ms}) => `${x.at(rows)},${y.at(ms)}`).join(' ');
    const legend = top + 10 + at * 20;
    const dashes = OURS.includes(work) ? '' : ' stroke-dasharray="6 4"';
    return [
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>`,
      ...points.map(
        ({rows, ms}) => `<circle cx="${x.at(rows)}" cy="${y.at(ms)}" r="3" fill="${colour}"/>`,
      ),
      `<path d="M${PLOT.legend} ${legend}h20" stroke="${colour}" stroke-width="3"${dashes}/>`,
      text({x: PLOT.legend + 26, y: legend + 4}, work),
    ];
  });
  const ticks = [
    ...x.decades.map((rows) =>
      text({x: x.at(rows), y: top + PLOT.height + 20, anchor: 'middle'}, rows.toLocaleString('en')),
    ),
    ...y.decades.flatMap((ms) => [
      `<path d="M${PLOT.left} ${y.at(ms)}h${PLOT.width}" stroke="#ddd"/>`,
      text(
        {x: PLOT.left - 8, y: y.at(ms) + 4, anchor: 'end'},
        ms < 1000 ? `${ms} ms` : `${ms / 1000} s`,
      ),
    ]),
  ];
  return [text({x: 20, y: top - 18}, 'Time by rows (both scales logarithmic)'), ...ticks, ...lines];
}

type Point = {readonly rows: number; readonly ms: number};

function pointsOf(sized: readonly (Measured & {rows: number})[], work: string): readonly Point[] {
  return sized.flatMap(({rows, lines}) => {
    const ms = lines.find((line) => line.work === work)?.ms ?? null;
    return ms === null ? [] : [{rows, ms}];
  });
}

type Scale = {readonly at: (value: number) => number; readonly decades: readonly number[]};

/** A logarithmic scale from the power of ten below all values to the one above. */
function scale(values: readonly number[], [from, to]: readonly [number, number]): Scale {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    at: (value) => Math.round(from + ((Math.log10(value) - low) / (high - low)) * (to - from)),
    decades: Array.from({length: high - low + 1}, (_, at) => 10 ** (low + at)),
  };
}

type Place = {readonly x: number; readonly y: number; readonly anchor?: 'middle' | 'end'};

function text({x, y, anchor}: Place, content: string): string {
  const at = anchor === undefined ? '' : ` text-anchor="${anchor}"`;
  return `<text x="${x}" y="${y}"${at}>${content.replaceAll('<', '&lt;')}</text>`;
}
