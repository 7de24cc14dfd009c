/** Strict UTF-8: bytes that are not valid have no text, rather than one that looks like another. */

const decoder = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});

export function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
