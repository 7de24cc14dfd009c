/** Order of names: by the bytes of their UTF-8 form, the same on every machine and engine. */
export function compareNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}
