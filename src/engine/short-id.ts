/** As much of an id or a digest as people need. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
