/** JSON that was kept in the state, and may have got damaged there. */

/** Undefined for no text, and for what is no JSON: nothing is known then. Its own error would quote cells. */
export function jsonOf(text: string | null): unknown {
  try {
    return text === null ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
