/** Limits, defaults and time-outs of the project, each with value, unit and reason; those of a kind of their own are in the files beside. */

/** Schemas kept as they were read last: those of a primary and a replica in one process, and of their scratch copies. */
export const SCHEMAS_KEPT_MAX = 8;
/** Values of one reference looked up in one statement; SQLite binds up to 32 766 parameters. */
export const REFERENCES_PER_STATEMENT = 10_000;
/** Values that get a place of their own in a statement; more go as one list, which has no limit and compiles at once. */
export const PLACES_MAX = 100;
/** The same for references by several columns, which become an OR of as many terms; SQLite nests up to 1 000. */
export const COMPOSITE_REFERENCES_PER_STATEMENT = 200;

/** Milliseconds to wait for a lock of the application's database. Uptime Kuma itself waits 1-5 s. */
export const DATABASE_BUSY_MS = 5_000;
/** Milliseconds to wait while the application migrates its database: most migrations take less, and the next run comes soon. */
export const MIGRATION_WAIT_MS = 10_000;
/** Milliseconds between looks at its lock: short beside a migration, and each look is one small read. */
export const MIGRATION_POLL_MS = 250;
/** Milliseconds that two who want the state at one moment stand back for each other: one of them gets it. */
export const STATE_LOCK_MS = 50;
/** How often a plan is made afresh when the application changes a row in between. */
export const REPLAN_ATTEMPTS_MAX = 3;
/** Cells that the full proof digests under the write lock at most: about 25 ms on a small machine. */
export const PROOF_CELLS_MAX = 100_000;

/** Milliseconds that one transaction may hold the write lock: half of what the most impatient application waits. */
export const MAX_WRITE_LOCK_MS = 500;
/**
 * What the write lock is held for, as measured on a busy machine of two cores with SQLite on a local disk,
 * rounded up. Microseconds of a row looked at, written and read back, and of each of its columns ...
 */
export const LOCK_ROW_US = 30;
export const LOCK_CELL_US = 1;
/** ... the same of a row of a table that is empty and is filled from the snapshot, which is read meanwhile ... */
export const LOCK_FILL_ROW_US = 4;
export const LOCK_FILL_CELL_US = 0.5;
/** ... of a dependent row, with four indexes on its table as Uptime Kuma's heartbeats have (1.1 with one) ... */
export const LOCK_CASCADE_DELETED_US = 3;
export const LOCK_CASCADE_UPDATED_US = 5;
/** ... of a cell that the full proof reads and digests ... */
export const LOCK_PROOF_CELL_US = 0.6;
/** ... and milliseconds of each transaction: its checks and the two syncs of its COMMIT. */
export const LOCK_TRANSACTION_MS = 5;

/** Dependent rows of one table from which on they are trimmed before the transaction: it would take 30 ms more. */
export const TRIM_ROWS_MIN = 10_000;
/** Rows that one short transaction deletes: about 10 ms. */
export const TRIM_BATCH_ROWS = 2_000;
/** Rows referred to that each short transaction looks at again: a few milliseconds, even in a wide table. */
export const TRIM_PARENTS = 100;
/** Milliseconds between short transactions, or as long as the last one took: whoever polls for the lock finds it free half the time. */
export const TRIM_PAUSE_MS = 10;

/** The fuse stops a plan that deletes more than this share of a table ... */
export const FUSE_DELETE_SHARE_MAX = 0.5;
/** ... of at least this many rows: of a handful, a share says little. Emptying a table always stops. */
export const FUSE_ROWS_MIN = 10;

/** Values tried for a row that has to be parked, a column. Nearly always the first one serves; CHECKs may demand a search. */
export const PARK_TRIES_MAX = 200;
/** Integers that a column leaves free between those it holds, offered for parking where a CHECK forbids larger ones. */
export const PARK_GAPS_MAX = 16;

/** Undo records kept in the state folder. */
export const UNDO_RECORDS_MAX = 20;
/** Rows of the last applies that are looked up to see whether the database is still the one on record: a few milliseconds. */
export const EVIDENCE_ROWS_MAX = 100;

/** Milliseconds a restic command that only reads metadata may take before it counts as unreachable. */
export const RESTIC_QUICK_MS = 120_000;
/** Milliseconds a restic command that moves data may take. */
export const RESTIC_TRANSFER_MS: number = 6 * 60 * 60 * 1000;
/** Milliseconds restic gets to clean up its lock after SIGINT before it is killed: with the grace below, a service ends within 10 s. */
export const RESTIC_STOP_MS = 5_000;
/** Milliseconds a stop waits for a starting backup to hold its lock, as an interrupt before that leaves the lock behind. */
export const RESTIC_LOCK_GRACE_MS = 3_000;
/** Files asked for by name in one restic restore; more are fetched by restoring the whole snapshot. */
export const RESTIC_INCLUDES_MAX = 2_000;
/** Names of files left out of one restic restore: with so many, comparing takes 0.2 s, and half of what it spares with twice as many. */
export const RESTIC_EXCLUDES_MAX = 2_500;
/** From this share of a snapshot's files on, restoring all of it is quicker than naming them one by one. */
export const RESTIC_WHOLE_SHARE_MIN = 0.8;
/** Snapshots, anyone's, whose list is remembered; of more, restic is asked each time. Looking at so many files takes 0.06 s. */
export const LISTING_KEPT_MAX = 1_000;
/** Milliseconds that a repository's folder has to show them; a disk that does not answer is left to restic, which is stopped in time. */
export const LISTING_LOOK_MS = 2_000;
/** What scrypt is told to recognise a password by: 0.035 s and 16 MB for each that is tried. */
export const PASSWORD_PRINT_COST: number = 2 ** 14;
/** Characters of restic's own text that an error message quotes. */
export const RESTIC_QUOTE_CHARS_MAX = 300;
/** Attempts, and the first pause in milliseconds, when a repository is locked by another command. */
export const STORE_LOCK_ATTEMPTS = 5;
export const STORE_LOCK_PAUSE_MS = 2_000;
/** Files that a store checks or copies at the same time: enough for a network disk, far below the limit of open files. */
export const STORE_FILES_AT_ONCE = 16;
/** Bytes of a file that a store holds at a time while it is copied; with the above, 16 MiB in all. */
export const STORE_PART_BYTES: number = 1024 * 1024;
/** Signs of life of one author that gather before they are removed together: each removal locks the repository. */
export const ALIVE_KEPT_MAX = 4;
/** Of those, how many one removal names: a command line has an end. */
export const ALIVE_FORGOTTEN_MAX = 100;
/**
 * Milliseconds after which unfinished files of other authors in a directory store belong to one that died, and objects of no snapshot
 * to none on its way: one day.
 */
export const STORE_LEFTOVER_MS: number = 24 * 60 * 60 * 1000;

/** Milliseconds after which a passing folder whose lock is free belongs to a process that died. */
export const SCRATCH_SETTLED_MS = 60_000;
/** Bytes of a small file of a directory store, its label or marker: a hundred times a real one. */
export const LABEL_BYTES_MAX: number = 64 * 1024;
/** Bytes of the list of a snapshot's files in a directory store: a million chunks, below as many folders as there can be. */
export const STORE_FILES_BYTES_MAX: number = 128 * 1024 * 1024;
/** Characters of a name in a snapshot's label: ids have 36. */
export const LABEL_CHARS_MAX = 200;
/** Milliseconds between looks at what restic has written so far; no longer than a disk needs for a few hundred MB. */
export const RESTIC_WATCH_MS = 250;

/** Bytes of a configuration file: a thousand table names; reading YAML takes time in the square of its size, here about 1 s. */
export const CONFIG_BYTES_MAX: number = 64 * 1024;
/** Characters of a compat file: a table of a thousand values; reading YAML takes time in the square of its size, here about 1 s. */
export const COMPAT_FILE_CHARS_MAX: number = 64 * 1024;
/** Characters of a LIKE pattern in a compat file: matching takes time in the product of pattern and text. */
export const COMPAT_PATTERN_CHARS_MAX = 200;
/** Values of a column of which a drafted compat step says one by one what becomes of them. */
export const DRAFT_CASES_MAX = 16;
/** Keys named where rows differ; all of them are counted. */
export const KEYS_SHOWN_MAX = 5;
/** Characters of an error's message, and of its hint: names come from snapshots, and may be of any length. */
export const MESSAGE_CHARS_MAX = 2_000;

/** Milliseconds after which a command at a terminal shows its progress. */
export const PROGRESS_AFTER_MS = 1_000;
/** Characters of rows kept as the undo record of one apply; a larger one cannot be undone, and is said so. */
export const UNDO_BYTES_MAX: number = 64 * 1024 * 1024;
/** Characters of such parts that are written at a time: SQLite holds them in memory, and nobody is locked out until they are committed. */
export const UNDO_BATCH_CHARS: number = 4 * 1024 * 1024;
/** Characters of rows that are kept, and read, as one part of such a record: a few milliseconds, and more rows than `EVIDENCE_ROWS_MAX` where they are short. */
export const UNDO_PART_CHARS: number = 256 * 1024;
/** Pages that a copy of a database takes at a time: about a millisecond, after which signals are heard. */
export const COPY_PAGES = 1_000;
/** Milliseconds that a migration may take when it is rehearsed; large histories are rewritten row by row. */
export const MIGRATE_MS: number = 30 * 60 * 1000;
/** Milliseconds between asking a migration's programs to end and ending them. */
export const MIGRATE_STOP_MS = 5_000;
/** Characters kept of what a migration that failed printed: its end. */
export const MIGRATE_OUTPUT_CHARS_MAX = 4_000;

/** Snapshots looked at to find out what was last applied, once the state is lost; each takes restic about a second. */
export const BASE_SEARCH_MAX = 60;
/** Rounds in which rows of a merge give way to each other; each settles at least one row, and real ones need two or three. */
export const SETTLE_ROUNDS_MAX = 100;

/** Milliseconds between a primary's looks at its rows: nearly always one small read, as nothing was written. */
export const RUN_INTERVAL_PRIMARY_MS = 5_000;
/** Milliseconds between a replica's looks at the store, which run restic: about half a second of one core, unless a local folder shows nothing new. */
export const RUN_INTERVAL_REPLICA_MS = 15_000;
/** The same where each look is a handful of requests that a cloud counts, and may charge. */
export const RUN_INTERVAL_CLOUD_MS = 120_000;
/** The shortest of these: a look may take as long. */
export const RUN_INTERVAL_MIN_MS = 1_000;
/** Milliseconds between scans of all rows for local edits: each reads the whole of every table. */
export const RUN_DRIFT_MS: number = 15 * 60 * 1000;
export const RUN_DRIFT_MIN_MS = 10_000;
/** Milliseconds without a look that succeeded after which an instance counts as stale: a reboot or a network fault passes sooner. */
export const RUN_STALE_MS: number = 30 * 60 * 1000;
export const RUN_STALE_MIN_MS = 10_000;
/** Intervals that must fit into it: one look may fail, and the next be slow, without an alarm. */
export const RUN_STALE_INTERVALS_MIN = 3;
/** Milliseconds of the longest rhythm, a leap year: whoever means never says off. */
export const RUN_DURATION_MAX_MS: number = 366 * 24 * 60 * 60 * 1000;
/** Snapshots kept: the way back is dense for two days, and then thins out over a year. */
export const RUN_KEEP = {last: 50, hourly: 48, daily: 30, weekly: 8, monthly: 12} as const;
/** Milliseconds between prunes, checks of the repository, and drills in which a snapshot is restored and read: one day each. */
export const RUN_PRUNE_MS: number = 24 * 60 * 60 * 1000;
export const RUN_CHECK_MS: number = 24 * 60 * 60 * 1000;
export const RUN_DRILL_MS: number = 24 * 60 * 60 * 1000;
/**
 * Snapshots that stay whatever the policy says: the newest ones, and those stored within so many milliseconds. Replicas read without a
 * lock, and may be in the middle of one; what they follow next is nearly always among these.
 */
export const KEEP_NEWEST_MIN = 10;
export const KEEP_YOUNG_MS: number = 60 * 60 * 1000;
/** Snapshots that one command of restic forgets: their ids stay far below what a command line may hold. */
export const RESTIC_FORGET_MAX = 500;
/** Checks in which all contents of a store are read once, a part each: with one a day, a week, and a seventh of the traffic. */
export const RUN_CHECK_PARTS = 7;
/** Milliseconds after which a task of the store's care that failed, or took the process with it, is tried again: it may cost much. */
export const RUN_CARE_RETRY_MS: number = 60 * 60 * 1000;
/** Where the service answers: on this machine alone, until it is told otherwise. */
export const RUN_HTTP = {host: '127.0.0.1', port: 8480} as const;
/** Characters of a bearer token: beyond guessing over a network, if they were drawn at random. */
export const RUN_TOKEN_CHARS_MIN = 16;
/** Share of the staleness limit that one task of store care may take, as no cycle runs meanwhile; and milliseconds that it has at least. */
export const RUN_CARE_LIMIT_SHARE = 0.5;
export const RUN_CARE_LIMIT_MIN_MS: number = 5 * 60 * 1000;
/** Milliseconds that a receiver of notices has to answer. */
export const RUN_NOTIFY_TIMEOUT_MS = 10_000;
/** Times a notice is tried; the pauses between start with `RUN_NOTIFY_RETRY_MS` milliseconds and double. */
export const RUN_NOTIFY_TRIES = 5;
export const RUN_NOTIFY_RETRY_MS = 2_000;
/** Notices that wait for one receiver; of more the oldest is dropped. */
export const RUN_NOTIFY_QUEUE_MAX = 100;
/** Milliseconds that notices under way have when the service ends. */
export const RUN_NOTIFY_CLOSE_MS = 2_000;
/** Milliseconds between looks whether time alone changed the status, to tell of it. */
export const RUN_NOTIFY_LOOK_MS = 5_000;
/** Bytes of a file that holds the value of one variable: the names of a thousand tables. */
export const VARIABLE_FILE_BYTES_MAX: number = 64 * 1024;
/** Share of the staleness limit after which a primary with nothing to store says that it is alive: two signs may get lost. */
export const RUN_ALIVE_SHARE: number = 1 / 3;
/** Share by which pauses between cycles are spread, so that instances started together do not ask the store together. */
export const RUN_JITTER_SHARE = 0.1;
/** Milliseconds between cycles at most, after failures that may be over the next time: a store that is back is used again soon. */
export const RUN_PASSING_PAUSE_MAX_MS: number = 5 * 60 * 1000;
/** The same, while an application makes or migrates its database: a look costs a replica one listing of the store, and it is soon over. */
export const RUN_WAITING_PAUSE_MAX_MS: number = 30 * 1000;
/** The same, after refusals, of which a person who mended what was refused expects to see the end; each try reads all rows. */
export const RUN_REFUSED_PAUSE_MAX_MS: number = 60 * 1000;
/** The same, after what does not change by itself. */
export const RUN_BROKEN_PAUSE_MAX_MS: number = 15 * 60 * 1000;
/** Milliseconds that an application has to end, once it is asked to: what Docker gives a container. */
export const RUN_STOP_MS = 10_000;
export const RUN_STOP_MIN_MS = 1_000;
/** Milliseconds between looks whether an application has started; its version has to be the same at two in a row. */
export const APPLICATION_LOOK_MS = 2_000;
/** Milliseconds that such a look waits for a lock of the database: signals are not heard meanwhile, and there is a next look. */
export const APPLICATION_BUSY_MS = 250;
/** Milliseconds before an application that crashed is started again; doubled with each crash in a row ... */
export const APPLICATION_PAUSE_MS = 1_000;
/** ... up to this: whoever mended what was wrong does not wait long ... */
export const APPLICATION_PAUSE_MAX_MS = 60_000;
/** ... until one start lasted for as long as this. */
export const APPLICATION_STEADY_MS = 60_000;
/** Milliseconds between looks whether all of its processes have ended. */
export const APPLICATION_GONE_POLL_MS = 50;
/** Milliseconds that killed processes have to be gone; one that hangs in a disk is not waited for. */
export const APPLICATION_KILLED_MS = 2_000;
/** Calls that tell a running application of changed rows; each takes some 10 ms, and a restart no longer than so many. */
export const RELOAD_CALLS_MAX = 1_000;
/** Milliseconds that one of them may take, unless it is configured: starting a monitor was measured at 12 ms ... */
export const RELOAD_CALL_MS = 5_000;
/** ... and what may be configured. */
export const RELOAD_CALL_MIN_MS = 100;
/** All calls together may take so many times as long as one of them may: a minute, where a thousand take some 12 s. */
export const RELOAD_TIMEOUTS_MAX = 12;
/** Milliseconds that an application which is started has until it listens, and between looks for that. */
export const RELOAD_LISTEN_MS = 30_000;
export const RELOAD_LISTEN_POLL_MS = 500;
/** Milliseconds between looks whether an application whose restart is due is down: it is for a second or more. */
export const RELOAD_WATCH_MS = 250;
/** Milliseconds that a command of the user's own has to have the application take notice. */
export const RELOAD_COMMAND_MS = 60_000;
/** Milliseconds after which an application that was told is looked at: what it writes back of the old, it writes at once. */
export const RELOAD_SETTLE_MS = 2_000;
/** Times that an application is told again of one snapshot, after it wrote old values back. */
export const RELOAD_ROUNDS_MAX = 3;
/** Milliseconds before an application that could not be told is told again, unless there is something new before. */
export const RELOAD_RETRY_MS: number = 5 * 60 * 1000;
/** Milliseconds after which handlers count as registered where the application does not say so: it takes some 10 ms. */
export const RELOAD_READY_MS = 1_000;
/** Seconds that a token is good for: all calls of a session are made after one login. */
export const RELOAD_TOKEN_S = 300;
/** Milliseconds before a login that was one too many is tried again: twenty a minute are let through, one each three seconds. */
export const RELOAD_LOGIN_PAUSE_MS = 3_500;
/** Rows of the audit of applies that one answer lists, unless it is asked for another number, and at most. */
export const HISTORY_ROWS = 100;
export const HISTORY_ROWS_MAX = 1_000;
/** Characters of an apply's record up to which its rows are listed, and of all records that one answer is made of: about 0.1 s. */
export const HISTORY_BODY_CHARS_MAX: number = 4 * 1024 * 1024;
