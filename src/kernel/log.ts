/** What the engine needs of a logger. Fields carry names and counts, never cell values. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export type Log = {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
};

export const silentLog: Log = {debug: () => {}, info: () => {}, warn: () => {}};

/** Told as long work moves on; `done` and `total` are rows or files, `total` is 0 while unknown. */
export type Progress = (step: string, done: number, total: number) => void;

export const noProgress: Progress = () => {};
