/** Counts what became of cases, so that a search which finds nothing shows that it looked. */
import type {Outcome} from './run-case.ts';

export class Tally {
  readonly counts: Map<string, number> = new Map<string, number>();

  add({result, facts, reasons, rivalled}: Outcome): void {
    this.#count('cases');
    this.#count(result);
    if (result !== 'converged') {
      const isCertain = reasons.some(({code, certain}) => certain && code === result);
      this.#count(isCertain ? 'had to refuse' : 'refused where it may');
    } else if (reasons.length > 0) {
      this.#count('converged where it may refuse');
    }
    if (facts.ambiguous) this.#count('order of actions decides');
    if (rivalled) this.#count(`overtaken, ${result === 'converged' ? 'converged' : 'refused'}`);
    if (result !== 'converged') return;
    if (facts.inserted + facts.updated + facts.deleted > 0) this.#count('converged with changes');
    if (facts.updated > 0) this.#count('converged with updates');
    if (facts.followed > 0) this.#count('converged with cascades');
    if (facts.triggered) this.#count('converged through a trigger');
  }

  of(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  text(): string {
    const sorted = [...this.counts].sort(([, a], [, b]) => b - a);
    return sorted.map(([name, count]) => `${name}: ${count}`).join(', ');
  }

  #count(name: string): void {
    this.counts.set(name, this.of(name) + 1);
  }
}
