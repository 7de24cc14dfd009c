/** Limits and defaults of reading a database: value, unit and reason. */

/** Columns of a table that has prints: SQLite's functions take 1 000 arguments. */
export const PRINT_COLUMNS_MAX = 1000;
/** Bytes of a chunk that has a print: SQLite holds the whole text of it, twice. */
export const PRINT_BYTES_MAX: number = 1024 * 1024;
/** Bytes of the file of prints: it takes some times that in memory. Of more chunks, some 80 000, none are kept, and rows are read. */
export const PRINTS_FILE_BYTES_MAX: number = 16 * 1024 * 1024;
/** Rows read from a database at a time: one await per page, and a few hundred kB in memory. */
export const PAGE_ROWS = 512;
/** Columns whose cells one call of our sorting function takes; each needs two of the 1 000 arguments that SQLite allows. */
export const SORT_COLUMNS_MAX = 400;
/** Bytes of a database file from which on several threads may read it: starting them takes as long as reading a tenth of that. */
export const PARALLEL_BYTES_MIN: number = 8 * 1024 * 1024;
/** Cells that a thread reads for one answer: some tens of milliseconds, between which signals are heard and ranges are shared out. */
export const PARALLEL_RANGE_CELLS = 262_144;
/** Ranges from which on a table is read by several threads. */
export const PARALLEL_RANGES_MIN = 4;
/** Times as many where chunks are known: to look whether they are what they were takes a fraction of reading them, and a thread 0.1 s to begin. */
export const PARALLEL_KNOWN_FACTOR = 4;
/** Ranges that a thread has on its hands: where it had to ask for the next, it would wait until the one that asks it ends a page. */
export const PARALLEL_RANGES_AHEAD = 2;
/** Threads that read one table at most, with the one that asks: each more takes some 45 MB, and a command shall do with 220. */
export const PARALLEL_THREADS_MAX = 2;
/** Bytes of chunks on their way from one thread, before it waits until they are written. */
export const PARALLEL_BYTES_MAX: number = 2 * 1024 * 1024;
/** MiB of young objects in each such thread, a small part of what V8 would take: with less, rows still being read pass for old, and pile up. */
export const PARALLEL_YOUNG_MIB = 48;
/** KiB of pages that a connection which only reads keeps: it goes through tables from end to end, and the system keeps pages anyway. */
export const READER_CACHE_KIB = 2048;
/** Objects that are looked into before signals are heard: some milliseconds. */
export const OBJECTS_AT_ONCE = 32;
/** Chunks on both sides whose lines are held to count what changed; where more of them follow each other, rows are compared one by one. */
export const COUNT_LINES_CHUNKS_MAX = 16;
/** Changed rows of one table that are held at once, 2 kB each; of more, those that nothing else depends on are compared again when they are written. */
export const HELD_ROWS_MAX = 10_000;
/** Rows read beside each of them, at most, where they are compared again under the write lock: more would cost more than to look each up. */
export const SWEPT_ROWS_PER_CHANGE = 8;
/** Chunks of live rows that are compared with one chunk of a snapshot, or with none, at a time: as many rows are in memory. */
export const SEGMENT_CHUNKS_MAX = 16;
/** Characters of their texts, before and after together, beyond which they are not held either: rows may be long. */
export const HELD_CHARACTERS_MAX: number = 16 * 1024 * 1024;
