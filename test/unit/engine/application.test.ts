/** Compat steps of an application that no profile knows: it has a name, and its migrations are recorded by a tool. */
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {makeInstances, typed, write} from '../../helpers/instances.ts';

const ddl = `
  CREATE TABLE kysely_migration (name VARCHAR(255) PRIMARY KEY, timestamp VARCHAR(255));
  INSERT INTO kysely_migration VALUES ('001-first', '');
  CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer, price INTEGER)`;
const second = `
  INSERT INTO kysely_migration VALUES ('002-cents', '');
  ALTER TABLE orders RENAME COLUMN price TO cents; UPDATE orders SET cents = cents * 100;
  ALTER TABLE customer RENAME TO person; ALTER TABLE person ADD COLUMN active BOOLEAN NOT NULL DEFAULT 1`;
const steps = `format: 1
application: shop
summary: Prices are in cents, and customers are persons.
migrations: [002-cents]
operations:
  - {op: renameColumn, table: orders, from: price, to: cents}
  - {op: setColumn, table: orders, column: cents, value: {column: cents, times: 100}}
  - {op: renameTable, from: customer, to: person}
  - {op: addColumn, table: person, column: active, type: BOOLEAN, notNull: true, value: true}
`;

test('an older snapshot of a named application is lifted; without its steps it is refused', async () => {
  const instances = makeInstances({
    ddl,
    primary:
      "INSERT INTO customer VALUES (1, 'Ann'), (2, 'Bob'); INSERT INTO orders VALUES (1, 1, 12), (2, 2, 7)",
    replica: second,
    tables: ['customer', 'orders'],
  });
  const compat = join(instances.folder, 'compat');
  mkdirSync(join(compat, 'shop'), {recursive: true});
  writeFileSync(join(compat, 'shop', '002-cents.yaml'), steps);
  const named = {application: 'shop', tables: ['customer', 'orders']};
  await instances.capture(named);
  const ours = {compat, tables: undefined, allowDeletes: ['person', 'orders']};
  await expect(instances.replicate({...ours, compat: undefined})).rejects.toMatchObject({
    code: 'VERSION_MISMATCH',
    message: expect.stringContaining('002-cents'),
  });
  expect(await instances.replicate(ours)).toMatchObject({applied: true, proof: 'full'});
  expect(typed(instances.replica, 'orders', ['id', 'cents'])).toEqual([
    'integer 1 | integer 1200',
    'integer 2 | integer 700',
  ]);
  expect(typed(instances.replica, 'person', ['name', 'active'])).toEqual([
    "text 'Ann' | integer 1",
    "text 'Bob' | integer 1",
  ]);
  write(instances.replica, 'UPDATE person SET active = 0 WHERE id = 2');
  write(instances.primary, "UPDATE customer SET name = 'Robert' WHERE id = 2");
  await instances.capture(named);
  await instances.replicate(ours);
  expect(typed(instances.replica, 'person', ['name', 'active'])).toEqual([
    "text 'Ann' | integer 1",
    "text 'Robert' | integer 0",
  ]);
});

test.each(['..', '.', 'a/b', '', '-x'])(
  '%o is not a name for an application, and no folder is read by it',
  async (application) => {
    const instances = makeInstances({ddl, primary: '', replica: second, tables: ['customer']});
    await instances.capture({application, tables: ['customer']});
    await expect(
      instances.replicate({compat: join(instances.folder, '..'), tables: undefined}),
    ).rejects.toMatchObject({code: 'VERSION_MISMATCH'});
  },
);
