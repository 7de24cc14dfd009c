/** `--keyless multiset`: tables whose rows no key identifies are compared as multisets of whole rows. */
import type {View} from '../database/port.ts';
import {EngineError} from '../kernel/errors.ts';
import {isWholeRow} from '../schema/locator.ts';
import type {TableSchema} from '../schema/table-schema.ts';
import type {TableRequest, TableShape} from '../schema/table-shape.ts';

/** What is done with tables without a usable key; undefined refuses them. */
export type Keyless = 'multiset' | undefined;

/**
 * Marks the tables to be compared by whole rows: those without a primary key, with one whose equality is not
 * known, or with one that is NULL in a row. The last depends on the rows, so a snapshot says what its source
 * decided, and replicas follow it.
 *
 * @param also Tables that are compared so because the other side of a comparison has to be.
 */
export async function markKeyless(
  view: View,
  requests: readonly TableRequest[],
  keyless: Keyless,
  also: ReadonlySet<string> = new Set(),
): Promise<readonly TableRequest[]> {
  if (keyless === undefined) return requests;
  const {tables} = await view.schema();
  const marked: TableRequest[] = [];
  for (const request of requests) {
    const schema = tables.get(request.table);
    const asked = schema !== undefined && request.key === undefined;
    const wholeRows = asked && (also.has(request.table) || (await lacksKey(view, schema)));
    marked.push(wholeRows ? {...request, wholeRows} : request);
  }
  return marked;
}

async function lacksKey(view: View, schema: TableSchema): Promise<boolean> {
  const {name, primaryKey, keyIsAssigned} = schema;
  if (primaryKey.length === 0 || primaryKey.some(({fold}) => fold === undefined)) return true;
  if (keyIsAssigned) return false;
  for (const {name: column} of primaryKey) {
    const nullable = schema.columns.some((one) => one.name === column && !one.notNull);
    if (nullable && (await view.count(name, [{column, is: null}])) > 0) return true;
  }
  return false;
}

/**
 * The request by which this database compares a table as the snapshot's source did.
 *
 * @throws {EngineError} `NO_KEY`, `KEY_UNUSABLE` where the source compared whole rows and here nobody asked for it.
 */
export function followKeyless(
  theirs: TableShape,
  ours: TableSchema,
  request: TableRequest,
  keyless: Keyless,
): TableRequest {
  if (request.key !== undefined || !isWholeRow(theirs)) return request;
  if (keyless === 'multiset') return {...request, wholeRows: true};
  throw new EngineError(
    ours.primaryKey.length === 0 ? 'NO_KEY' : 'KEY_UNUSABLE',
    `the snapshot cannot be applied: table "${theirs.table}" was captured as a multiset of whole rows`,
    {
      site: {table: theirs.table},
      hint: 'Give --keyless multiset on this instance too (or keyless: multiset in its configuration).',
    },
  );
}
