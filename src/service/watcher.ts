/** Notices what others are to be told: after each cycle, and in between, for time alone makes a service stale. */
import {RUN_NOTIFY_LOOK_MS} from '../kernel/limits.ts';
import {appliedNotice, capturedNotice, statusNotice, type Notice, type Speaker} from './notices.ts';
import type {CycleReport} from './service.ts';
import type {StatusWord, Verdict} from './status.ts';

export class Watcher {
  readonly #speaker: Speaker;
  readonly #tell: (notice: Notice) => void;
  #status: StatusWord | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(speaker: Speaker, tell: (notice: Notice) => void) {
    this.#speaker = speaker;
    this.#tell = tell;
  }

  sees(report: CycleReport): void {
    const news = appliedNotice(this.#speaker, report) ?? capturedNotice(this.#speaker, report);
    if (news !== undefined) this.#tell(news);
    this.looks(report.verdict, report.at);
  }

  /** @param at ISO 8601. */
  looks(verdict: Verdict, at: string): void {
    if (this.#status === undefined && verdict.status === 'waiting') return; // for its first cycle
    const notice = statusNotice({...this.#speaker, at, verdict}, this.#status);
    this.#status = verdict.status;
    if (notice !== undefined) this.#tell(notice);
  }

  /** Looks by itself from now on, also while a cycle takes long. */
  start(verdict: () => Verdict): void {
    const look = (): void => this.looks(verdict(), new Date().toISOString());
    this.#timer = setInterval(look, RUN_NOTIFY_LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
