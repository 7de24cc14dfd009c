/** Many real numbers, the same on every run: those that decimal text gets wrong, and bits from everywhere. */
import Database from 'better-sqlite3';

export const realsSchema = `CREATE TABLE reading (id INTEGER PRIMARY KEY, scaled REAL, divided REAL, any_bits);
  CREATE TABLE by_real (k REAL PRIMARY KEY, v) WITHOUT ROWID`;
export const readings = 4_000;

/** Makes the tables `reading` and `by_real` in a database file. */
export function fillReals(path: string): void {
  const db = new Database(path);
  const bits = anyBits();
  db.exec(realsSchema);
  db.transaction(() => {
    const reading = db.prepare('INSERT INTO reading VALUES (?, ?, ?, ?)');
    const byReal = db.prepare('INSERT OR IGNORE INTO by_real VALUES (?, ?)');
    for (let n = 1; n <= readings; n += 1) {
      reading.run(n, n * 0.8, n / 997, bits.next().value);
      if (n % 8 === 0) byReal.run(bits.next().value, n * 0.1);
    }
  })();
  db.close();
}

/** Doubles of every magnitude, without NaN, which SQLite has not. */
function* anyBits(): Generator<number, never> {
  const view = new DataView(new ArrayBuffer(8));
  for (let state = 1n; ;) {
    // The constants of Knuth's MMIX; what matters is that they stay.
    state = BigInt.asUintN(64, state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n);
    view.setBigUint64(0, state);
    const real = view.getFloat64(0);
    if (!Number.isNaN(real)) yield real;
  }
}
