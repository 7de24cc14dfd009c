/** Operations of steps in the order in which they run, forward or backward. */
import type {Literal, Operation, Refusal, Step} from './step.ts';

type Refuse = Refusal & {readonly op: 'refuse'};

/** An operation with where it stands, for messages. */
export type Located = {
  readonly step: Step;
  readonly line: number;
  readonly operation: Operation | Refuse;
};

/**
 * Steps are in their order; to lower, they and their operations run from the last to the first, each turned round, and
 * what a step refuses is refused before.
 */
export function operationsOf(
  steps: readonly Step[],
  direction: 'lift' | 'lower',
): readonly Located[] {
  if (direction === 'lift') return steps.flatMap(forward);
  return steps.toReversed().flatMap((step) => [
    ...step.refuse.map((refusal, at) => {
      const operation: Refuse = {op: 'refuse', ...refusal};
      return {step, line: step.refuseLines[at] ?? 1, operation};
    }),
    ...forward(step).toReversed().flatMap(backward),
  ]);
}

type Forward = Located & {readonly operation: Operation};

function forward(step: Step): readonly Forward[] {
  return step.operations.map((operation, at) => ({step, line: step.lines[at] ?? 1, operation}));
}

function backward(located: Forward): readonly Located[] {
  const operation = inverse(located.operation);
  return operation === undefined ? [] : [{...located, operation}];
}

/** Why a step cannot be taken back, undefined where it can. */
export function whyIrreversible({reversible, operations, name}: Step): string | undefined {
  if (!reversible && operations.length > 0) return `step ${name} is not declared reversible`;
  const stuck = operations.find(
    (operation) =>
      (operation.op === 'dropColumn' && operation.restore === undefined) ||
      (operation.op === 'changeColumn' && operation.was === undefined) ||
      (operation.op === 'mapValues' && inverseMap(operation.map) === undefined),
  );
  return stuck && `step ${name} does not say what ${stuck.op} is before it`;
}

/** Undefined for what leaves rows as they are: that lifting brings the same back is checked row by row. */
function inverse(operation: Operation): Operation | undefined {
  switch (operation.op) {
    case 'addColumn': {
      const {table, column, idle} = operation;
      return {op: 'dropColumn', table, column, idle};
    }
    case 'dropColumn': {
      const {table, column, restore = {type: ''}} = operation;
      return {op: 'addColumn', table, column, ...restore};
    }
    case 'changeColumn': {
      const {table, column, was = {type: ''}} = operation;
      return {op: 'changeColumn', table, column, ...was};
    }
    case 'renameColumn':
      return {...operation, from: operation.to, to: operation.from};
    case 'renameTable':
      return {...operation, from: operation.to, to: operation.from};
    case 'addTable':
      return {op: 'dropTable', table: operation.table};
    case 'dropTable':
      return {op: 'addTable', table: operation.table};
    case 'mapValues':
      return {...operation, map: inverseMap(operation.map) ?? {}};
    case 'changeTable':
      return operation;
    case 'setColumn':
    case 'deleteRows':
      return undefined;
  }
}

/** Undefined where a value has no way back: it is no text, or several lead to it. */
function inverseMap(map: Readonly<Record<string, Literal>>): Record<string, Literal> | undefined {
  const entries = Object.entries(map);
  const back = new Map<string, string>();
  for (const [from, to] of entries) {
    if (typeof to !== 'string' || back.has(to)) return undefined;
    back.set(to, from);
  }
  return Object.fromEntries(back);
}
