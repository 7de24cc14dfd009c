/** Prints a line, which the person who runs the tests is to see although they pass. */
export function sayLine(text: string): void {
  process.stdout.write(`${text}\n`);
}
