/** A role that does nothing while the application is starting: it would meet a database that is being made, or migrated. */
import type {EngineError} from '../../kernel/errors.ts';
import type {Done, RoleCycle, RoleFacts} from '../cycle.ts';

export class Gated implements RoleCycle {
  readonly #cycle: RoleCycle;
  readonly #whyNot: () => EngineError | undefined;

  constructor(cycle: RoleCycle, whyNot: () => EngineError | undefined) {
    this.#cycle = cycle;
    this.#whyNot = whyNot;
  }

  async cycle(signal: AbortSignal, isAsked: boolean): Promise<Done> {
    const reason = this.#whyNot();
    if (reason !== undefined) throw reason;
    return this.#cycle.cycle(signal, isAsked);
  }

  facts(): RoleFacts {
    return this.#cycle.facts();
  }

  get troubles(): readonly string[] {
    return this.#cycle.troubles ?? [];
  }

  async close(): Promise<void> {
    await this.#cycle.close();
  }
}
