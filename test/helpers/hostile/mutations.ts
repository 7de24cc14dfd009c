/** What an attacker, or a disk, makes of a valid document. */
import stringify from 'fast-json-stable-stringify';
import fc from 'fast-check';

/** Random bytes, the valid documents themselves, and those damaged on the level of bytes or of JSON. */
export function damaged(documents: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const document = fc.constantFrom(...documents);
  return fc.oneof(
    document,
    fc.uint8Array({maxLength: 200}).map((bytes) => Buffer.from(bytes)),
    fc.tuple(document, fc.array(fc.nat(), {minLength: 1, maxLength: 8})).map(flipped),
    fc.tuple(document, fc.nat()).map(([bytes, at]) => bytes.subarray(0, at % bytes.length)),
    fc.tuple(document, document, fc.nat(), fc.nat()).map(spliced),
    {
      weight: 4,
      arbitrary: fc.tuple(document, fc.nat(), fc.nat(), fc.constantFrom(...EVIL)).map(replaced),
    },
  );
}

function flipped([bytes, places]: [Buffer, readonly number[]]): Buffer {
  const copy = Buffer.from(bytes);
  for (const place of places) {
    const at = Math.trunc(place / 8) % copy.length;
    copy[at] = (copy[at] ?? 0) ^ (1 << (place % 8));
  }
  return copy;
}

/** A slice of one document in the place of as much of another, or between. */
function spliced([bytes, other, from, to]: [Buffer, Buffer, number, number]): Buffer {
  const cut = from % bytes.length;
  const slice = other.subarray(to % other.length, (to % other.length) + (from % 64));
  const rest = bytes.subarray(to % 2 === 0 ? cut : Math.min(cut + slice.length, bytes.length));
  return Buffer.concat([bytes.subarray(0, cut), slice, rest]);
}

/** Texts of JSON values that ask for trouble. */
const EVIL: readonly string[] = [
  ['null', 'true', '-1', '-0', '0', '1.5', '1e308', '1e999999', '9007199254740993', '1e-400'],
  ['""', '"\\ud800"', '"../../x"', '"__proto__"', '"\\u0000"', '"\\u001b[2J"', '"A,A"', '"N-zz~"'],
  ['[]', '{}', '[[],[]]', '{"__proto__":{"x":1}}', '{"constructor":1}', '{"i":"1"}', '{"b":"?"}'],
  [`${'['.repeat(12_000)}${']'.repeat(12_000)}`, `"${'x'.repeat(12_000)}"`],
].flat();

/** One value, or the name of one member, of one line of JSON, in canonical form but for what is put there. */
function replaced([bytes, line, place, evil]: [Buffer, number, number, string]): Buffer {
  const lines = bytes.toString('utf8').split('\n');
  const candidates = lines.flatMap((text, at) => (/^[[{]/.test(text) ? [at] : []));
  const at = candidates[line % Math.max(candidates.length, 1)];
  if (at === undefined) return bytes;
  const tree = JSON.parse(lines[at] ?? '') as object;
  const places = placesIn(tree);
  places[place % Math.max(places.length, 1)]?.(place % 5 === 0);
  lines[at] = stringify(tree).replaceAll(`"${HERE}"`, evil);
  return Buffer.from(lines.join('\n'));
}

const HERE = 'put it here';

/** For each value in the tree, how to mark it, or to add a member beside it. */
function placesIn(tree: object): ((beside: boolean) => void)[] {
  return Object.entries(tree).flatMap(([name, value]: [string, unknown]) => {
    const mark = (beside: boolean): void => {
      const place = beside && !Array.isArray(tree) ? HERE : name;
      Object.assign(tree, {[place]: HERE});
    };
    return typeof value === 'object' && value !== null ? [mark, ...placesIn(value)] : [mark];
  });
}
