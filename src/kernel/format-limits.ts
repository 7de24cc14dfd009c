/** Limits of the snapshot format (FORMAT.md), each with its unit and reason. */

/** Cells a chunk holds, about (some 7 % less). Around 100 kB of text: one change re-uploads little, and restic's per-file cost stays small. */
export const CHUNK_CELLS_MEAN = 8192;
/** A chunk has this many times the mean number of rows at most. */
export const CHUNK_ROWS_FACTOR_MAX = 8;
/** Mean number of rows from which on chunks are made of even size: of fewer rows, one that comes or goes would move boundaries as far as the next anchor. */
export const CHUNK_EVEN_ROWS_MIN = 16;
/** Part of the mean number of rows that a chunk of even size holds at least, but before an anchor: with more, moved boundaries would meet those from before later. */
export const CHUNK_EVEN_PART_MIN = 0.75;
/** Times the mean number of rows that it holds at most (chance e^-5 per chunk). */
export const CHUNK_EVEN_FACTOR_MAX = 2;
/** Times the mean number of rows from one anchor to the next, on average. Behind an anchor no boundary depends on rows before it. */
export const CHUNK_ANCHOR_FACTOR = 8;
/** Bytes of one chunk's text. A table whose cells make larger chunks is refused: it would not fit a JavaScript string. */
export const CHUNK_BYTES_MAX: number = 256 * 1024 * 1024;
/** A table with more chunks than this lists them in index pages, so that a manifest stays small. */
export const MANIFEST_CHUNKS_INLINE_MAX = 256;
/** Chunk entries an index page holds on average; pages end at this factor of the mean at the latest. */
export const PAGE_CHUNKS_MEAN = 128;
export const PAGE_CHUNKS_FACTOR_MAX = 8;
/** Files per folder of a snapshot, on average at most; restic pays for each entry of a folder that changes. */
export const FOLDER_FILES_MEAN_MAX = 16;
/** A snapshot of up to this many files keeps them in one folder. */
export const FOLDER_FILES_FLAT_MAX = 48;
/** Folder levels above the objects of a snapshot: enough for more files than there can be. */
export const FOLDER_DEPTH_MAX = 8;
/** Bytes of a manifest or index page that a reader accepts: far above any real one, far below memory. */
export const MANIFEST_BYTES_MAX: number = 64 * 1024 * 1024;
/** Levels that a manifest or index page may nest; real ones need six. Unbounded nesting would end in a stack overflow. */
export const MANIFEST_DEPTH_MAX = 32;
/** Members and elements of a manifest or index page: at 32 characters each all that 64 MiB can mean; a list of `[]` would take gigabytes. */
export const MANIFEST_VALUES_MAX = 2_000_000;
/** Chunks of one snapshot, about 100 GB of rows: their entries take some hundred MB of memory. */
export const SNAPSHOT_CHUNKS_MAX = 1_000_000;
/** Characters of a row from which on its form is looked at before it is parsed; what a shorter one makes of itself is small. */
export const ROW_CHARS_UNCHECKED_MAX: number = 1024 * 1024;
/** Dangling values listed per foreign key of the primary; beyond it only their count is kept, and all are carried. */
export const VIOLATION_VALUES_MAX = 1000;
