/** Tables of the state file. Migrations that were released never change; a new one is added instead. */
import {sql, type Generated, type Migration} from '../database/sqlite/local.ts';

export type StateTables = {
  /** One row: who this instance is. */
  instance: {
    id: string;
    host: string;
    database: string;
    /** Which file the database is, and which this state itself; '' where an older release wrote it. */
    file: string;
    state_file: Generated<string>;
    created: string;
  };
  /** One row at most: where this database stands, and the manifest that says so. */
  position: {
    one: number;
    lineage: string;
    epoch: number;
    sequence: number;
    digest: string;
    author: string;
    manifest: Uint8Array;
    /** 1 while the rows are known to be those of the manifest; 0 sends the next run to compare all. */
    trusted: number;
    at: string;
    /** 1 while local edits can be told from this manifest: nothing else was merged into the rows since. */
    is_base: Generated<number>;
    /** JSON: which rows of which tables were followed; NULL where an older release wrote it, and followed all. */
    domains: string | null;
  };
  /** What an apply was about to write, and its reverse: intent first, undo record afterwards. */
  changeset: {
    id: Generated<number>;
    /** `preparing` while its parts are written: then nothing is intended yet. */
    status: 'preparing' | 'intended' | 'applied';
    lineage: string;
    epoch: number;
    sequence: number;
    digest: string;
    author: string;
    manifest: Uint8Array;
    at: string;
    /** JSON: touched rows with before and after, as far as they fit into one part, and all else. */
    body: string;
    /** JSON of the position before, `null` for none; NULL where an older release wrote it. */
    previous: string | null;
    /** The change set that this one takes back, where it is an undo. */
    undoes: number | null;
    /** JSON, as in `position`. */
    domains: string | null;
    /** 1 once the database or this state was put back from a copy: what was applied after it is not on record. */
    doubted: Generated<number>;
  };
  /** The other rows of a change set, in order. They go with it. */
  changeset_part: {
    changeset: number;
    part: number;
    /** JSON: touched rows, as in the body. */
    rows: string;
  };
  /** Conflicts that wait for a decision or for it to be carried out. */
  conflict: {
    table: string;
    /** Encoded. */
    key: string;
    /** Of the snapshot that it came with. */
    digest: string;
    /** JSON. */
    body: string;
  };
  /** What a service remembers across restarts, by name. */
  fact: {
    name: string;
    /** JSON. */
    body: string;
  };
  /** One row at most: what was undone. Nothing up to it is applied again unasked. */
  hold: {
    one: number;
    lineage: string;
    epoch: number;
    sequence: number;
    digest: string;
    since: string;
  };
};

export const stateMigrations: Readonly<Record<string, Migration>> = {
  '001-first': {
    up: async (db) => {
      await db.schema
        .createTable('instance')
        .addColumn('id', 'text', (c) => c.notNull())
        .addColumn('host', 'text', (c) => c.notNull())
        .addColumn('database', 'text', (c) => c.notNull())
        .addColumn('file', 'text', (c) => c.notNull())
        .addColumn('created', 'text', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('position')
        .addColumn('one', 'integer', (c) => c.primaryKey().check(sql`one = 1`))
        .addColumn('lineage', 'text', (c) => c.notNull())
        .addColumn('epoch', 'integer', (c) => c.notNull())
        .addColumn('sequence', 'integer', (c) => c.notNull())
        .addColumn('digest', 'text', (c) => c.notNull())
        .addColumn('author', 'text', (c) => c.notNull())
        .addColumn('manifest', 'blob', (c) => c.notNull())
        .addColumn('trusted', 'integer', (c) => c.notNull())
        .addColumn('at', 'text', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('changeset')
        .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
        .addColumn('status', 'text', (c) => c.notNull())
        .addColumn('lineage', 'text', (c) => c.notNull())
        .addColumn('epoch', 'integer', (c) => c.notNull())
        .addColumn('sequence', 'integer', (c) => c.notNull())
        .addColumn('digest', 'text', (c) => c.notNull())
        .addColumn('author', 'text', (c) => c.notNull())
        .addColumn('manifest', 'blob', (c) => c.notNull())
        .addColumn('at', 'text', (c) => c.notNull())
        .addColumn('body', 'text', (c) => c.notNull())
        .execute();
    },
  },
  '002-undo': {
    up: async (db) => {
      await db.schema.alterTable('changeset').addColumn('previous', 'text').execute();
      await db.schema.alterTable('changeset').addColumn('undoes', 'integer').execute();
      await db.schema
        .createTable('hold')
        .addColumn('one', 'integer', (c) => c.primaryKey().check(sql`one = 1`))
        .addColumn('lineage', 'text', (c) => c.notNull())
        .addColumn('epoch', 'integer', (c) => c.notNull())
        .addColumn('sequence', 'integer', (c) => c.notNull())
        .addColumn('digest', 'text', (c) => c.notNull())
        .addColumn('since', 'text', (c) => c.notNull())
        .execute();
    },
  },
  '003-copies': {
    up: async (db) => {
      await db.schema
        .alterTable('instance')
        .addColumn('state_file', 'text', (c) => c.notNull().defaultTo(''))
        .execute();
      await db.schema
        .alterTable('changeset')
        .addColumn('doubted', 'integer', (c) => c.notNull().defaultTo(0))
        .execute();
    },
  },
  '004-policies': {
    up: async (db) => {
      for (const table of ['position', 'changeset'])
        await db.schema.alterTable(table).addColumn('domains', 'text').execute();
      await db.schema
        .alterTable('position')
        .addColumn('is_base', 'integer', (c) => c.notNull().defaultTo(1))
        .execute();
      await db.schema
        .createTable('conflict')
        .addColumn('table', 'text', (c) => c.notNull())
        .addColumn('key', 'text', (c) => c.notNull())
        .addColumn('digest', 'text', (c) => c.notNull())
        .addColumn('body', 'text', (c) => c.notNull())
        .execute();
      // Rows of a multiset that are about to have the same number have one key.
      await db.schema
        .createIndex('conflict_key')
        .on('conflict')
        .columns(['table', 'key'])
        .execute();
    },
  },
  '005-facts': {
    up: async (db) => {
      await db.schema
        .createTable('fact')
        .addColumn('name', 'text', (c) => c.primaryKey())
        .addColumn('body', 'text', (c) => c.notNull())
        .execute();
    },
  },
  '006-parts': {
    up: async (db) => {
      await db.schema
        .createTable('changeset_part')
        .addColumn('changeset', 'integer', (c) => c.notNull())
        .addColumn('part', 'integer', (c) => c.notNull())
        .addColumn('rows', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('changeset_part_key', ['changeset', 'part'])
        .execute();
      const parts = sql`DELETE FROM changeset_part WHERE changeset = OLD.id`;
      await sql`CREATE TRIGGER changeset_gone AFTER DELETE ON changeset BEGIN ${parts}; END`.execute(
        db,
      );
    },
  },
};
