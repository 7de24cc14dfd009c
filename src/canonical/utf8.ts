/** Strict UTF-8: bytes that are not valid have no text, rather than one that looks like another. */

const decoder = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});

/** How many lines the bytes have, each ended by a line feed; counted no further than `most` + 1. */
export function countLines(bytes: Uint8Array, most: number): number {
  let lines = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) {
    if (++lines > most) break;
  }
  return lines;
}

const LINE_FEED = 0x0a;

export function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
