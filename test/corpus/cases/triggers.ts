/** Triggers of the replica, which write on their own while rows are applied. */
import type {Case, Theme} from '../case.ts';

const plain = 'CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT)';
const audit = 'CREATE TABLE audit (id INTEGER PRIMARY KEY, item INT)';
const shared = {
  tables: ['item'],
  trap: 31,
  primary: "INSERT INTO item VALUES (1, 'amber'), (2, 'coral')",
  replica: "INSERT INTO item VALUES (1, 'amber'), (2, 'beryl'), (3, 'onyx')",
  expect: 'converge',
} as const;

/** Only the replica has it. */
function onReplica(trigger: string, more = ''): Case['ddl'] {
  return {primary: `${plain}; ${more}`, replica: `${plain}; ${more}; ${trigger}`};
}

const writes = 'AFTER UPDATE ON item BEGIN INSERT INTO audit (item) VALUES (new.id); END';

const elsewhere: readonly Case[] = [
  {
    ...shared,
    name: 'a trigger that writes another table, without leave',
    ddl: onReplica(`CREATE TRIGGER watch ${writes}`, audit),
    expect: {refuse: 'TRIGGER', naming: 'watch'},
  },
  {
    ...shared,
    name: 'a trigger that writes another table, with leave',
    ddl: onReplica(`CREATE TRIGGER watch ${writes}`, audit),
    options: {allowTriggers: true},
    local: 'INSERT INTO audit (item) VALUES (2)',
  },
  {
    ...shared,
    name: 'a trigger of a local table into which a delete cascades',
    trap: [29, 31],
    ddl: onReplica(
      'CREATE TRIGGER watch AFTER DELETE ON note BEGIN INSERT INTO audit (item) VALUES (old.item); END',
      `${audit}; CREATE TABLE note (id INTEGER PRIMARY KEY, item INT REFERENCES item ON DELETE CASCADE)`,
    ),
    replica: `${shared.replica}; INSERT INTO note VALUES (1, 3)`,
    expect: {refuse: 'TRIGGER', naming: 'watch'},
  },
  {
    ...shared,
    name: 'a trigger that writes another replicated table, with leave',
    tables: ['item', 'total'],
    ddl: onReplica(
      'CREATE TRIGGER counts AFTER DELETE ON item BEGIN UPDATE total SET n = n - 1; END',
      'CREATE TABLE total (id INTEGER PRIMARY KEY, n INT)',
    ),
    primary: `${shared.primary}; INSERT INTO total VALUES (1, 3)`,
    replica: `${shared.replica}; INSERT INTO total VALUES (1, 3)`,
    options: {allowTriggers: true},
    expect: {refuse: 'PROOF_FAILED', naming: 'total'},
  },
];

const interfering: readonly Case[] = [
  {
    ...shared,
    name: 'a trigger that stamps each row it sees',
    ddl: onReplica(
      `CREATE TRIGGER stamp AFTER UPDATE ON item WHEN new.v NOT LIKE '%!' BEGIN
        UPDATE item SET v = new.v || '!' WHERE id = new.id; END`,
    ),
    expect: {refuse: 'PROOF_FAILED', naming: 'item'},
  },
  {
    ...shared,
    name: 'a trigger that adds a row to its own table',
    ddl: onReplica(
      `CREATE TRIGGER copies AFTER UPDATE ON item BEGIN
        INSERT INTO item VALUES (new.id + 100, 'copied'); END`,
    ),
    expect: {refuse: 'PROOF_FAILED', naming: 'item'},
  },
  {
    ...shared,
    name: 'a trigger that changes a row nobody wrote',
    ddl: onReplica(
      `CREATE TRIGGER meddles AFTER DELETE ON item BEGIN
        UPDATE item SET v = 'meddled' WHERE id = 1; END`,
    ),
    expect: {refuse: 'PROOF_FAILED', naming: 'item'},
  },
  {
    ...shared,
    name: 'a trigger that ignores what is written',
    ddl: onReplica('CREATE TRIGGER ignores BEFORE UPDATE ON item BEGIN SELECT RAISE(IGNORE); END'),
    expect: {refuse: 'TRIGGER', naming: 'item'},
  },
  {
    ...shared,
    name: 'a trigger that forbids what is written',
    trap: [31, 33],
    ddl: onReplica(
      "CREATE TRIGGER forbids BEFORE UPDATE ON item BEGIN SELECT RAISE(ABORT, 'closed'); END",
    ),
    expect: {refuse: 'CONSTRAINT', naming: 'item'},
  },
  {
    ...shared,
    name: 'a trigger that rolls back what is written',
    trap: [31, 33],
    ddl: onReplica(
      "CREATE TRIGGER forbids BEFORE UPDATE ON item BEGIN SELECT RAISE(ROLLBACK, 'closed'); END",
    ),
    expect: {refuse: 'CONSTRAINT', naming: 'item'},
  },
  {
    ...shared,
    name: 'a trigger that deletes the row it sees inserted',
    ddl: onReplica(
      'CREATE TRIGGER refuses AFTER INSERT ON item BEGIN DELETE FROM item WHERE id = new.id; END',
    ),
    replica: "INSERT INTO item VALUES (1, 'amber')",
    expect: {refuse: 'PROOF_FAILED', naming: 'item'},
  },
];

const harmless: readonly Case[] = [
  {
    ...shared,
    name: 'a trigger that finds nothing to mend',
    ddl: onReplica(
      'CREATE TRIGGER lowers AFTER UPDATE ON item BEGIN UPDATE item SET v = lower(new.v) WHERE id = new.id; END',
    ),
  },
  {
    ...shared,
    name: 'a trigger of another table',
    ddl: onReplica('CREATE TRIGGER other AFTER INSERT ON audit BEGIN DELETE FROM item; END', audit),
  },
  {
    ...shared,
    name: 'a trigger that only looks',
    ddl: onReplica(
      "CREATE TRIGGER looks BEFORE UPDATE ON item WHEN new.v = '' BEGIN SELECT RAISE(ABORT, 'empty'); END",
    ),
  },
  {
    ...shared,
    name: 'a view with a trigger INSTEAD OF',
    ddl: onReplica(
      `CREATE VIEW shown AS SELECT * FROM item; CREATE TRIGGER instead INSTEAD OF UPDATE ON shown
        BEGIN INSERT INTO audit (item) VALUES (new.id); END`,
      audit,
    ),
  },
];

export const triggers: Theme = {
  title: 'Triggers',
  cases: [...elsewhere, ...interfering, ...harmless],
};
