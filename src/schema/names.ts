/** Order of names: by the bytes of their UTF-8 form, the same on every machine and engine. */
export function compareNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}

/** A name as people read it in a message: quoted, so that odd ones are seen. */
export function quoteName(name: string): string {
  return JSON.stringify(name);
}
