/** Values on which a careless copy would stumble, in columns of each kind. */
import Database from 'better-sqlite3';

const columns = ['untyped', 'a_blob', 'a_text', 'an_integer', 'a_real'];
export const oddSchema = `CREATE TABLE odd (
  id INTEGER PRIMARY KEY, untyped, a_blob BLOB, a_text TEXT, an_integer INTEGER, a_real REAL
)`;

/** Each is written as an SQL expression into every column. */
const expressions = [
  'NULL',
  `''`,
  `x''`,
  '0',
  '1',
  '1.0',
  `'1'`,
  `x'31'`,
  '-1',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '-9007199254740993',
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775808.0',
  '4294967296',
  '20.5',
  '33.333333333333336',
  '0.1 + 0.2',
  '1e15',
  '1e21',
  '1e-7',
  '5e-324',
  '2.2250738585072014e-308',
  '1.7976931348623157e308',
  '-1.7976931348623157e308',
  '9e999',
  '-9e999',
  `CAST(x'ff41' AS TEXT)`,
  `CAST(x'eda080' AS TEXT)`,
  `CAST(x'f0908d' AS TEXT)`,
  `x'ff41'`,
  `x'00ff00'`,
  `CAST(x'610062' AS TEXT)`,
  `CAST(x'00' AS TEXT)`,
  'zeroblob(3000)',
];

export const oddTexts: readonly string[] = [
  'emoji 🎉👩‍👩‍👧‍👦 🏳️‍🌈',
  'עברית العربية \u202eRTL\u202c',
  'a\u0000b\u0000',
  'lf\ncrlf\r\ncr\r\n\r\n',
  'INSERT INTO x VALUES (1);\nCOMMIT;\r\n;\n--;',
  'null',
  'NULL',
  'undefined',
  '   leading and trailing   ',
  '\t\n ',
  '\ufffd',
  '\ufeffmark at the start',
  '\u2028\u2029\u0085\u200b\u007f\u001f',
  'é e\u0301 ё \u0435\u0308 Å \u212b ﬁ',
  '007',
  '1e5',
  '-0.0',
  'Infinity',
  'NaN',
  '9007199254740993',
  '{"b":"AA=="}',
  '["a",1]',
  `' " \` \\ \\n % _ $1 ? :x @y {{z}} <b>`,
  `${'{"t":"тело 🎉"},\r\n'.repeat(3_600)}`,
];

export const oddRows: number = expressions.length + oddTexts.length + 1;

/** Makes the table `odd` in a database file, with every value in each of its columns. */
export function fillOdd(path: string): void {
  const db = new Database(path);
  db.exec(oddSchema);
  const list = columns.join(', ');
  for (const expression of expressions) {
    const values = columns.map(() => expression).join(', ');
    db.exec(`INSERT INTO odd (${list}) VALUES (${values})`);
  }
  const places = columns.map(() => '?').join(', ');
  const insert = db.prepare(`INSERT INTO odd (${list}) VALUES (${places})`);
  for (const value of [...oddTexts, -0]) insert.run(columns.map(() => value));
  db.close();
}
