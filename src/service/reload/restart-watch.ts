/** Notices that an application which somebody else starts was started anew: for a while nothing listened where it does. */
import {RELOAD_CALL_MS, RELOAD_WATCH_MS} from '../../kernel/limits.ts';
import {connectionFault} from '../../profiles/connecting.ts';
import type {Clock} from '../clock.ts';

export class RestartWatch {
  readonly #isDown: (signal: AbortSignal) => Promise<boolean>;
  readonly #clock: Clock;
  #end: AbortController | undefined;
  #hasSeen = false;

  /** @param isDown Whether nothing listens there now. */
  constructor(isDown: (signal: AbortSignal) => Promise<boolean>, clock: Clock) {
    this.#isDown = isDown;
    this.#clock = clock;
  }

  /** Begins to look; what was seen before does not count. */
  begin(signal: AbortSignal): void {
    this.end();
    const end = new AbortController();
    this.#end = end;
    void this.#look(AbortSignal.any([signal, end.signal]));
  }

  end(): void {
    this.#end?.abort();
    this.#hasSeen = false;
  }

  get hasSeen(): boolean {
    return this.#hasSeen;
  }

  async #look(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#clock.sleep(RELOAD_WATCH_MS, signal);
      if (signal.aborted) return;
      const isDown = await this.#isDown(signal);
      if (signal.aborted) return;
      if (isDown) break;
    }
    this.#hasSeen = true;
  }
}

/** The name of a container that does not run is not known either. What may be a fault of the network says nothing. */
const DOWN: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH']);

/** True where nothing listens at this address. */
export async function isDown(url: string, signal: AbortSignal): Promise<boolean> {
  return DOWN.has((await connectionFault(url, {timeoutMs: RELOAD_CALL_MS, signal})) ?? '');
}
