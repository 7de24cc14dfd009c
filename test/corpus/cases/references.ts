/** Foreign keys: the order of replicated rows, and what happens to rows that are not replicated. */
import type {Case, Theme} from '../case.ts';

const parent = 'CREATE TABLE item (id INTEGER PRIMARY KEY, code TEXT UNIQUE)';
const note = (rest: string): string =>
  `${parent}; CREATE TABLE note (id INTEGER PRIMARY KEY, item INT ${rest})`;
const two = "INSERT INTO item VALUES (1, 'amber'), (2, 'beryl')";
const notes = `${two}; INSERT INTO note VALUES (1, 1), (2, 2), (3, 2), (4, NULL)`;
const shared = {tables: ['item'], trap: 29, expect: 'converge'} as const;
/** The primary deleted row 2, to which local rows refer. */
const deleted = {
  ...shared,
  primary: "INSERT INTO item VALUES (1, 'amber')",
  replica: notes,
} as const;
const refusedForNote = {expect: {refuse: 'FOREIGN_KEY', naming: 'note'}} as const;

const deletes: readonly Case[] = [
  {
    ...deleted,
    name: 'ON DELETE CASCADE from a deleted row',
    ddl: note('REFERENCES item ON DELETE CASCADE'),
    local: 'DELETE FROM note WHERE item = 2',
  },
  {
    ...deleted,
    name: 'ON DELETE SET NULL from a deleted row',
    ddl: note('REFERENCES item ON DELETE SET NULL'),
    local: 'UPDATE note SET item = NULL WHERE item = 2',
  },
  {
    ...deleted,
    name: 'ON DELETE SET DEFAULT, where the default is there',
    ddl: note('DEFAULT 1 REFERENCES item ON DELETE SET DEFAULT'),
    local: 'UPDATE note SET item = 1 WHERE item = 2',
  },
  {
    ...deleted,
    ...refusedForNote,
    name: 'ON DELETE SET DEFAULT, where the default is not there',
    ddl: note('DEFAULT 77 REFERENCES item ON DELETE SET DEFAULT'),
  },
  {
    ...deleted,
    ...refusedForNote,
    name: 'ON DELETE SET NULL of a column that is NOT NULL',
    ddl: note('NOT NULL REFERENCES item ON DELETE SET NULL'),
    replica: `${two}; INSERT INTO note VALUES (1, 1), (2, 2)`,
  },
  {
    ...deleted,
    ...refusedForNote,
    name: 'ON DELETE RESTRICT with rows that refer to the deleted one',
    ddl: note('REFERENCES item ON DELETE RESTRICT'),
  },
  {
    ...deleted,
    ...refusedForNote,
    name: 'no action declared, with rows that refer to the deleted one',
    ddl: note('REFERENCES item'),
  },
  {
    ...deleted,
    name: 'ON DELETE RESTRICT without rows that refer to the deleted one',
    ddl: note('REFERENCES item ON DELETE RESTRICT'),
    replica: `${two}; INSERT INTO note VALUES (1, 1), (2, NULL)`,
  },
  {
    ...deleted,
    name: 'ON DELETE CASCADE through three tables, the last of which is set to NULL',
    ddl: `${note('REFERENCES item ON DELETE CASCADE')};
      CREATE TABLE page (id INTEGER PRIMARY KEY, note INT REFERENCES note ON DELETE CASCADE);
      CREATE TABLE mark (id INTEGER PRIMARY KEY, page INT REFERENCES page ON DELETE SET NULL)`,
    replica: `${notes}; INSERT INTO page VALUES (1, 1), (2, 2), (3, 3); INSERT INTO mark VALUES (1, 1), (2, 2), (3, 3)`,
    local: `UPDATE mark SET page = NULL WHERE page IN (2, 3); DELETE FROM page WHERE note IN (2, 3);
      DELETE FROM note WHERE item = 2`,
  },
  {
    ...deleted,
    expect: {refuse: 'FOREIGN_KEY', naming: 'page'},
    name: 'ON DELETE CASCADE into rows that others hold with RESTRICT',
    ddl: `${note('REFERENCES item ON DELETE CASCADE')};
      CREATE TABLE page (id INTEGER PRIMARY KEY, note INT REFERENCES note ON DELETE RESTRICT)`,
    replica: `${notes}; INSERT INTO page VALUES (1, 2)`,
  },
  {
    ...deleted,
    name: 'one local row that follows by two references',
    trap: 74,
    ddl: `${parent}; CREATE TABLE note (id INTEGER PRIMARY KEY,
      a INT REFERENCES item ON DELETE CASCADE, b INT REFERENCES item ON DELETE SET NULL)`,
    replica: `${two}; INSERT INTO note VALUES (1, 2, 2), (2, 1, 2), (3, 2, 1), (4, 1, 1)`,
    local: 'DELETE FROM note WHERE a = 2; UPDATE note SET b = NULL WHERE b = 2',
  },
  {
    ...deleted,
    name: 'a local tree below a deleted row',
    ddl: `${parent}; CREATE TABLE note (id INTEGER PRIMARY KEY,
      item INT REFERENCES item ON DELETE CASCADE, up INT REFERENCES note ON DELETE CASCADE)`,
    replica: `${two}; INSERT INTO note VALUES (1, 2, NULL), (2, NULL, 1), (3, NULL, 2), (4, 1, NULL), (5, NULL, 4)`,
    local: 'DELETE FROM note WHERE id < 4',
  },
  {
    ...deleted,
    name: 'local references of another type than the key',
    ddl: `${parent}; CREATE TABLE note (id INTEGER PRIMARY KEY, item TEXT REFERENCES item ON DELETE CASCADE)`,
    replica: `${two}; INSERT INTO note VALUES (1, '1'), (2, '2'), (3, '2.0'), (4, ' 2')`,
    local: `DELETE FROM note WHERE id IN (2, 3, 4)`,
  },
  {
    ...deleted,
    name: 'local references that spell a deleted NOCASE key otherwise',
    trap: [7, 29],
    ddl: `CREATE TABLE item (k TEXT COLLATE NOCASE PRIMARY KEY);
      CREATE TABLE note (id INTEGER PRIMARY KEY, item TEXT REFERENCES item ON DELETE CASCADE)`,
    primary: "INSERT INTO item VALUES ('amber')",
    replica: `INSERT INTO item VALUES ('amber'), ('beryl'); INSERT INTO note VALUES (1, 'AMBER'), (2, 'Beryl')`,
    local: 'DELETE FROM note WHERE id = 2',
  },
  {
    ...deleted,
    name: 'a composite reference of which one half is NULL',
    ddl: `CREATE TABLE item (a INT, b INT, v, PRIMARY KEY (a, b));
      CREATE TABLE note (id INTEGER PRIMARY KEY, a INT, b INT, FOREIGN KEY (a, b) REFERENCES item ON DELETE CASCADE)`,
    primary: 'INSERT INTO item VALUES (1, 1, 0), (2, 1, 0)',
    replica: `INSERT INTO item VALUES (1, 1, 0), (1, 2, 0); INSERT INTO note VALUES (1, 1, 1), (2, 1, 2), (3, 1, NULL)`,
    local: 'DELETE FROM note WHERE id = 2',
  },
  {
    ...shared,
    name: 'rows that changed in place, whose local dependents stay',
    ddl: note('REFERENCES item ON DELETE CASCADE ON UPDATE CASCADE'),
    primary: "INSERT INTO item VALUES (1, 'onyx'), (2, 'coral')",
    replica: notes,
  },
];

const byCode = (rest: string): string =>
  `${parent}; CREATE TABLE note (id INTEGER PRIMARY KEY, code TEXT REFERENCES item (code) ${rest})`;
/** The primary gave row 2 another code, to which local rows refer. */
const recoded = {
  ...shared,
  primary: "INSERT INTO item VALUES (1, 'amber'), (2, 'coral')",
  replica: `${two}; INSERT INTO note VALUES (1, 'amber'), (2, 'beryl'), (3, NULL)`,
} as const;

const updates: readonly Case[] = [
  {
    ...recoded,
    name: 'ON UPDATE CASCADE of a unique column that is no key',
    ddl: byCode('ON UPDATE CASCADE'),
    local: "UPDATE note SET code = 'coral' WHERE code = 'beryl'",
  },
  {
    ...recoded,
    name: 'ON UPDATE SET NULL of a unique column that is no key',
    ddl: byCode('ON UPDATE SET NULL'),
    local: "UPDATE note SET code = NULL WHERE code = 'beryl'",
  },
  {
    ...recoded,
    ...refusedForNote,
    name: 'no action declared for a referred value that changed',
    ddl: byCode(''),
  },
];

const both = {tables: ['item', 'note'], trap: 28, expect: 'converge'} as const;
const tree = 'CREATE TABLE item (id INTEGER PRIMARY KEY, up INT REFERENCES item)';

const orders: readonly Case[] = [
  {
    ...both,
    name: 'replicated parents and children come and go together',
    tables: ['note', 'item'],
    ddl: note('NOT NULL REFERENCES item ON DELETE RESTRICT'),
    primary:
      "INSERT INTO item VALUES (1, 'amber'), (3, 'coral'); INSERT INTO note VALUES (1, 3), (5, 1), (6, 3)",
    replica: `${two}; INSERT INTO note VALUES (1, 2), (2, 2), (5, 1)`,
  },
  {
    ...both,
    name: 'a tree within one table, children before parents',
    tables: ['item'],
    ddl: tree,
    primary: 'INSERT INTO item VALUES (1, 2), (2, 3), (3, 4), (4, NULL)',
    replica: 'INSERT INTO item VALUES (1, NULL), (7, 6), (6, 5), (5, 1)',
  },
  {
    ...both,
    name: 'rows of one table that refer to each other in a circle',
    tables: ['item'],
    ddl: tree,
    primary: 'INSERT INTO item VALUES (1, 2), (2, 3), (3, 1), (4, 4)',
    replica: 'INSERT INTO item VALUES (1, 1), (5, 6), (6, 5)',
  },
  {
    ...both,
    name: 'two tables that refer to each other in a circle',
    ddl: `CREATE TABLE item (id INTEGER PRIMARY KEY, note INT NOT NULL REFERENCES note);
      CREATE TABLE note (id INTEGER PRIMARY KEY, item INT NOT NULL REFERENCES item)`,
    primary: 'INSERT INTO item VALUES (1, 1), (2, 2); INSERT INTO note VALUES (1, 2), (2, 1)',
    replica: 'INSERT INTO item VALUES (1, 3), (3, 3); INSERT INTO note VALUES (3, 3)',
  },
  {
    ...both,
    name: 'references DEFERRABLE INITIALLY DEFERRED',
    ddl: note('REFERENCES item DEFERRABLE INITIALLY DEFERRED'),
    primary: "INSERT INTO item VALUES (3, 'coral'); INSERT INTO note VALUES (1, 3)",
    replica: notes,
  },
  {
    ...both,
    name: 'a replicated child whose own action would have deleted what the primary keeps',
    ddl: note('REFERENCES item ON DELETE CASCADE'),
    primary: "INSERT INTO item VALUES (1, 'amber'); INSERT INTO note VALUES (2, 1), (3, NULL)",
    replica: notes,
  },
];

const dangling: readonly Case[] = [
  {
    ...both,
    name: 'a dangling reference of the primary',
    trap: 69,
    ddl: note('REFERENCES item'),
    primary: `${two}; INSERT INTO note VALUES (1, 1), (2, 99)`,
    replica: `${two}; INSERT INTO note VALUES (1, 2)`,
  },
  {
    ...both,
    name: 'a reference to a table that neither database has',
    trap: 69,
    tables: ['note'],
    ddl: 'CREATE TABLE note (id INTEGER PRIMARY KEY, item INT REFERENCES nowhere)',
    primary: 'INSERT INTO note VALUES (1, 1), (2, NULL)',
    replica: 'INSERT INTO note VALUES (1, NULL)',
  },
  {
    ...both,
    name: 'a reference to a local row that the replica lacks',
    trap: 30,
    tables: ['note'],
    ddl: note('REFERENCES item'),
    primary: `${two}; INSERT INTO note VALUES (1, 1), (2, 2)`,
    replica: "INSERT INTO item VALUES (1, 'amber'); INSERT INTO note VALUES (1, 1)",
    expect: {refuse: 'FOREIGN_KEY', naming: 'note'},
  },
  {
    ...both,
    name: 'local rows that dangled before',
    trap: 30,
    tables: ['item'],
    ddl: note('REFERENCES item ON DELETE RESTRICT'),
    primary: "INSERT INTO item VALUES (1, 'coral'), (3, 'onyx')",
    replica: `INSERT INTO item VALUES (1, 'amber'); INSERT INTO note VALUES (1, 1), (2, 55), (3, 66)`,
  },
  {
    ...both,
    name: 'replicated rows of the replica that dangled before',
    trap: 30,
    ddl: note('REFERENCES item'),
    primary: `${two}; INSERT INTO note VALUES (1, 1), (2, 2)`,
    replica: `${two}; INSERT INTO note VALUES (1, 55), (2, 2), (3, 66)`,
  },
];

export const references: Theme = {
  title: 'Foreign keys',
  cases: [...deletes, ...updates, ...orders, ...dangling],
};
