/** How often each client has asked, for the limiter of requests. */
import {HTTP_CLIENTS_MAX} from '../kernel/http-limits.ts';

type Counted = {readonly current: number; readonly ttl: number};
type Window = {readonly count: number; readonly beganMs: number};

/**
 * Counts by the monotonic clock. The limiter's own store goes by the wall clock: where that is set back, by a server of time or a
 * person, no window would end before the old time has come again, and clients were refused until then.
 */
export class RateStore {
  readonly #windows = new Map<string, Window>();

  /** @param windowMs Milliseconds after which counting begins anew. */
  incr(
    client: string,
    done: (error: Error | null, counted: Counted) => void,
    windowMs: number,
  ): void {
    const nowMs = performance.now();
    const before = this.#windows.get(client);
    const isOver = before === undefined || nowMs - before.beganMs >= windowMs;
    const beganMs = isOver ? nowMs : before.beganMs;
    const count = isOver ? 1 : before.count + 1;
    this.#windows.delete(client); // who asked last stands last
    this.#windows.set(client, {count, beganMs});
    this.#forgetOldest();
    done(null, {current: count, ttl: windowMs - (nowMs - beganMs)});
  }

  /** One of its own for each limit. */
  child(): RateStore {
    return new RateStore();
  }

  #forgetOldest(): void {
    const [oldest] = this.#windows.keys();
    if (this.#windows.size > HTTP_CLIENTS_MAX && oldest !== undefined) this.#windows.delete(oldest);
  }
}
