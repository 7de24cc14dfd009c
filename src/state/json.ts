/** JSON that was kept in the state, and may have got damaged there. */

/** Undefined for what is no JSON: whoever asks then takes nothing for known. */
export function jsonOf(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return undefined;
  }
}
