/** Limits of what a service answers over HTTP, each with its unit and reason; all others are in `limits.ts`. */

/** Bytes of a request's body; no route reads any. */
export const HTTP_BODY_BYTES_MAX = 1_024;
/** Bytes of a request's line and headers. */
export const HTTP_HEADER_BYTES_MAX: number = 8 * 1024;
/** Milliseconds for the headers of a request, and for all of it: a slow network needs one. */
export const HTTP_HEADERS_MS = 5_000;
export const HTTP_REQUEST_MS = 10_000;
/** Milliseconds between looks for requests that take longer. */
export const HTTP_WATCH_MS = 1_000;
/** Milliseconds for which a connection stays open unused ... */
export const HTTP_IDLE_MS = 5_000;
/** ... and without a byte while an answer is made or read: listing a repository may take two minutes. */
export const HTTP_SILENT_MS = 150_000;
/** Connections at the same time; further ones are closed at once. */
export const HTTP_CONNECTIONS_MAX = 256;
/** Clients whose requests are counted; of more, who asked longest ago is forgotten. */
export const HTTP_CLIENTS_MAX = 5_000;
/** Requests per client and minute, probes left out ... */
export const HTTP_REQUESTS_MAX = 600;
/** ... and of those that ask the store, read much, or have a cycle run. */
export const HTTP_COSTLY_REQUESTS_MAX = 60;
/** Milliseconds that a health check waits for an answer: Docker gives the whole check 30 s, and Node takes some of them to start. */
export const HEALTH_TIMEOUT_MS = 10_000;
/** Milliseconds for answers under way when the service ends; a service manager kills after ten seconds. */
export const HTTP_STOP_MS = 2_000;
