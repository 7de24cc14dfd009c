/** Numbers as people read them. */

/** A count with its noun: `1 row`, `2,400 rows`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${grouped(count)} ${count === 1 ? noun : plural}`;
}

/** To three decimals, with commas between thousands. Node's own way loads every language first, which takes longer than a small capture. */
export function grouped(value: number): string {
  const rounded = Number.isInteger(value) ? value : Math.round(value * 1000) / 1000;
  const [whole = '', ...fraction] = String(rounded).split('.');
  return [whole.replace(/\B(?=(\d{3})+$)/g, ','), ...fraction].join('.');
}
