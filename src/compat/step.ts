/** Compat steps: what one or more migrations of an application do to columns and rows (docs/migrations-compat.md). */

export const COMPAT_FORMAT = 1;

export type Literal = null | boolean | number | string;
export type TextPart =
  | string
  | {
      readonly column: string;
      readonly split?: string | undefined;
      readonly piece?: number | undefined;
      readonly integer?: true | undefined;
    };
export type Expression =
  | Literal
  | {
      readonly column: string;
      readonly times?: number | undefined;
      readonly plus?: number | undefined;
    }
  | {readonly text: readonly TextPart[]};
export type Test = {
  readonly not?: Literal | readonly Literal[] | undefined;
  readonly atMost?: number | undefined;
  readonly atLeast?: number | undefined;
  readonly like?: string | undefined;
  readonly notLike?: string | undefined;
  readonly json?:
    | {
        readonly member: string;
        readonly is: readonly string[];
        readonly ignoreCase?: boolean | undefined;
      }
    | undefined;
  readonly topLevelDomain?:
    | {readonly in?: readonly string[] | undefined; readonly notIn?: readonly string[] | undefined}
    | undefined;
};
export type Condition = Literal | readonly Literal[] | Test;
export type Where = Readonly<Record<string, Condition>>;
/** How a column is declared. */
type Declared = {readonly type: string; readonly notNull?: boolean | undefined};

type OnColumn<Op extends string> = {
  readonly op: Op;
  readonly table: string;
  readonly column: string;
};
type OnTable<Op extends string> = {readonly op: Op; readonly table: string};

export type Operation =
  | (OnColumn<'addColumn'> &
      Declared & {
        readonly value?: Expression | undefined;
        /** Rows, as the step leaves them, in which the column means nothing to anybody: to lower them loses nothing of it. */
        readonly idle?: readonly Where[] | undefined;
      })
  | (OnColumn<'dropColumn'> & {
      /** What it is again in a database that still has it: needed to lower. */
      readonly restore?: (Declared & {readonly value?: Literal | undefined}) | undefined;
      /** Of an `addColumn` that is taken back. No file says it. */
      readonly idle?: readonly Where[] | undefined;
    })
  | (OnTable<'renameColumn'> & {readonly from: string; readonly to: string})
  | (OnColumn<'changeColumn'> &
      Declared & {
        /** How it was declared before: needed to lower. */
        readonly was?: Declared | undefined;
      })
  | OnTable<'changeTable'>
  | {readonly op: 'renameTable'; readonly from: string; readonly to: string}
  | OnTable<'addTable'>
  | OnTable<'dropTable'>
  | (OnColumn<'mapValues'> & {
      /** Texts, and what becomes of them. */
      readonly map: Readonly<Record<string, Literal>>;
      readonly where?: Where | undefined;
    })
  | (OnColumn<'setColumn'> & {readonly value: Expression; readonly where?: Where | undefined})
  | (OnTable<'deleteRows'> & {
      readonly where: Where;
      /** Rows of other tables that go with them, because their column holds the value of `to` of a deleted row. */
      readonly with?:
        | readonly {readonly table: string; readonly column: string; readonly to: string}[]
        | undefined;
    });

/** Rows, as the step leaves them, that the release before does not understand; without `where` all of the table. */
export type Refusal = {readonly table: string; readonly where?: Where | undefined};

/** What a file says. */
export type StepFile = {
  readonly format: number;
  readonly application: string;
  /** For people: what it is about. */
  readonly summary: string;
  readonly migrations: readonly string[];
  /** Other steps that come before this one; else the order is that of the file names. */
  readonly after?: readonly string[] | undefined;
  /** The release before understands rows that were lowered; whether nothing is lost is checked row by row. */
  readonly reversible?: boolean | undefined;
  /** Where such a row is among those to lower, nothing is. */
  readonly refuse?: readonly Refusal[] | undefined;
  readonly operations: readonly Operation[];
};

/** One file. */
export type Step = {
  /** The file's name without `.yaml`. */
  readonly name: string;
  /** Where it was read from, for messages. */
  readonly file: string;
  readonly migrations: readonly string[];
  readonly after: readonly string[];
  readonly reversible: boolean;
  readonly refuse: readonly Refusal[];
  readonly operations: readonly Operation[];
  /** Line of each operation in the file, from 1. */
  readonly lines: readonly number[];
  /** Line of each refusal. */
  readonly refuseLines: readonly number[];
};
