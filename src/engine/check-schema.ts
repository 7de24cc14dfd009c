/** check-schema: whether the newest snapshot, or another database, fits this one. Writes nothing. */
import {newestSnapshot} from './choose-snapshot.ts';
import {noSnapshot} from './choose-target.ts';
import {followed} from './followed.ts';
import {judge, type Judgement} from './judge.ts';
import {withDatabase, withStore} from './open.ts';
import type {EngineOptions} from './options.ts';
import {withScratch} from '../state/scratch.ts';
import {scratchSnapshot} from './scratch-snapshot.ts';

export type CheckSchemaOptions = EngineOptions & {
  /** A database to compare with, instead of the newest snapshot. */
  readonly other?: string | undefined;
};

/** Whether rows can be lowered is known only by trying: it is tried, and nothing is kept of it. */
export async function checkSchema(options: CheckSchemaOptions): Promise<Judgement> {
  const {other} = options;
  return other === undefined ? checkNewest(options) : checkOther(options, other);
}

async function checkNewest(options: EngineOptions): Promise<Judgement> {
  return withStore(options, async ({store, state, reader, keep}) => {
    const position = await state?.position();
    const ref = newestSnapshot(await store.list(), position?.lineage);
    if (ref === undefined) throw noSnapshot();
    const snapshot = followed(await reader.open(ref, position), options);
    return withDatabase(options, options.database, (database) =>
      judge({database, reader, keep, options}, snapshot),
    );
  });
}

async function checkOther(options: EngineOptions, other: string): Promise<Judgement> {
  return withScratch((folder) =>
    withDatabase(options, other, async (theirs) => {
      const {snapshot, reader, keep} = await scratchSnapshot(theirs, folder, options);
      const {tables} = await theirs.view((view) => view.schema());
      return withDatabase(options, options.database, (database) =>
        judge({database, reader, keep, options}, snapshot, tables),
      );
    }),
  );
}
