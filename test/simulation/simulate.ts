/** A fleet of one primary and five replicas through a storm of faults, and the promises that hold in it. */
import {HEALTHY} from '../../src/http/routes.ts';
import {comparePositions, type Position} from '../../src/kernel/position.ts';
import {Bucket, CALM} from './bucket.ts';
import {SimNode, TIMES} from './node.ts';
import {World} from './world.ts';

const REPLICAS = 5;
const STORM_MS = 400_000;
const CALM_MS = 180_000;
/** How long something that was stored may take to be seen: shown late, a slow look, the pause between looks. */
const SIGHT_MS = 60_000;
const LIMIT_MS = TIMES.staleMs * 1.02 + SIGHT_MS;

/** A promise that was not kept; the message names it. */
class Broken extends Error {}

export type Tally = (what: string) => void;

/** @param folder An empty one. @throws {Broken} */
export async function simulate(seed: number, folder: string, tell: Tally): Promise<void> {
  const simulation = new Simulation(seed, folder, tell);
  try {
    await simulation.run();
  } catch (error) {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Broken(`seed ${seed}, at ${simulation.seconds} s: ${why}`, {cause: error});
  } finally {
    simulation.close();
  }
}

class Simulation {
  readonly #world: World;
  readonly #bucket: Bucket;
  readonly #primary: SimNode;
  readonly #replicas: readonly SimNode[];
  readonly #tell: Tally;
  /** What the primary held, one after the other. */
  readonly #history = ['[[],[]]'];
  readonly #positions = new Map<SimNode, Position>();
  /** What was found at the last look, and since when. */
  readonly #found = new Map<string, {readonly found: unknown; readonly sinceMs: number}>();
  /** Replicas whose rows were edited by hand. */
  readonly #edited = new Set<SimNode>();
  #isStorm = true;
  #isLost = false;
  /** A replica that was started as a primary. */
  #second: SimNode | undefined;
  /** Whose rows count in the end. */
  #winner: SimNode | undefined;
  #edits = 0;

  constructor(seed: number, folder: string, tell: Tally) {
    this.#tell = tell;
    this.#world = new World(seed);
    this.#bucket = new Bucket(this.#world);
    const make = (name: string, role: 'primary' | 'replica'): SimNode =>
      new SimNode(this.#world, this.#bucket, folder, {name, role});
    this.#primary = make('primary', 'primary');
    this.#replicas = Array.from({length: REPLICAS}, (_, at) => make(`replica${at}`, 'replica'));
  }

  get seconds(): number {
    return Math.round(this.#world.nowMs / 1000);
  }

  get #nodes(): readonly SimNode[] {
    return [this.#primary, ...this.#replicas];
  }

  async run(): Promise<void> {
    // Rows that stay, as the fuse looks at shares.
    this.#primary.write(
      `INSERT INTO t SELECT value, 'stays' FROM json_each('[100,101,102,103,104,105,106,107]'); INSERT INTO u SELECT value, value, value FROM json_each('[100,101,102,103,104,105,106,107]')`,
    );
    for (let count = 0; count < 6; count++) this.#edit();
    for (const node of this.#nodes) node.start();
    this.#repeat([2_000, 25_000], () => this.#edit());
    this.#repeat([5_000, 40_000], () => this.#disturb());
    if (this.#world.chance(0.4)) this.#loseThePrimary();
    if (this.#world.chance(0.4)) this.#makeASecond();
    await this.#world.runUntil(STORM_MS, () => this.#check());
    this.#isStorm = false;
    this.#bucket.weather = CALM;
    this.#bucket.awayUntilMs = 0;
    for (const node of this.#nodes) {
      node.start();
      node.trigger();
    }
    let endMs = STORM_MS + CALM_MS;
    await this.#world.runUntil(endMs, () => this.#check());
    if (this.#second !== undefined) {
      this.#checkTwo(this.#second);
      this.#decide(this.#second);
      endMs += CALM_MS;
      await this.#world.runUntil(endMs, () => this.#check());
    }
    this.#checkEnd();
    for (const node of this.#nodes) node.stop(false);
    await this.#world.runUntil(endMs + SIGHT_MS, () => {});
  }

  /** Somebody starts a replica as a primary, and does not stop the other one. */
  #makeASecond(): void {
    const node = this.#world.pick(this.#replicas.slice(0, -1));
    this.#world.spawn(this.#world.between(30_000, 250_000), () => {
      this.#tell('second primary');
      node.stop(true);
      node.role = 'primary'; // from its next start on
      this.#second = node;
      this.#positions.delete(node);
      this.#world.spawn(this.#world.between(5_000, 20_000), () => {
        node.start();
        if (this.#world.chance(0.5)) return;
        // Both store something while neither sees what the other one does.
        this.#bucket.weather = {failing: 0, lateness: 1, delayMs: 1_000};
        this.#write(this.#primary, "UPDATE t SET v = 'both' WHERE id = 100");
        this.#primary.trigger();
      });
    });
  }

  /** Once all is calm, two primaries know of each other: one of them goes on at most, and none where both went on from one. */
  #checkTwo(second: SimNode): void {
    const both = [this.#primary, second];
    const well = both.filter((node) => node.told?.verdict.status === 'ok');
    const isForked = this.#isForked();
    this.#tell(isForked ? 'forked' : 'taken over');
    if (well.length > (isForked ? 0 : 1))
      throw new Broken(
        `two primaries are well, or one beside a fork: ${well.map(({name}) => name).join(' and ')}`,
      );
    if (!isForked) return;
    const unaware = this.#nodes.find((node) => node.told?.verdict.status === 'ok');
    if (unaware !== undefined) throw new Broken(`${unaware.name} is ok beside a fork`);
  }

  /** Told by what is stored, shown or not. */
  #isForked(): boolean {
    const refs = this.#bucket.snapshots.map(({ref}) => ref);
    const top = Math.max(...refs.map(({epoch}) => epoch));
    return refs.some(({parent, author, epoch}) =>
      refs.some((ref) => ref.parent === parent && ref.author !== author && epoch === top),
    );
  }

  /** A person lets one of them count, and makes the other one a replica. */
  #decide(second: SimNode): void {
    const world = this.#world;
    const isForked = this.#isForked();
    const newest = this.#bucket.snapshots
      .map(({ref}) => ref)
      .toSorted((a, b) => comparePositions(b, a))[0];
    const both = [this.#primary, second];
    const author = this.#bucket.authors.get(newest?.author ?? '');
    const winner = isForked ? world.pick(both) : both.find(({name}) => name === author);
    if (winner === undefined) throw new Broken('nobody is the primary');
    for (const node of both) node.stop(false);
    this.#winner = winner;
    world.spawn(10_000, async () => {
      if (isForked) await winner.takeOver();
      for (const node of both) {
        node.role = node === winner ? 'primary' : 'replica';
        this.#positions.delete(node);
        if (node !== winner) this.#edited.add(node);
        node.start();
      }
      for (const node of this.#nodes) node.trigger();
    });
  }

  /** It dies, and nobody starts it again until the storm is over. */
  #loseThePrimary(): void {
    this.#world.spawn(this.#world.between(20_000, 150_000), () => {
      this.#tell('lost');
      this.#isLost = true;
      this.#primary.stop(true);
    });
  }

  close(): void {
    for (const node of this.#nodes) node.close();
  }

  /** Until the storm is over. */
  #repeat([from, to]: readonly [number, number], work: () => void): void {
    this.#world.spawn(this.#world.between(from, to), () => {
      if (!this.#isStorm) return;
      work();
      this.#repeat([from, to], work);
    });
  }

  /** What the primary's application writes; others write beside it, and concern nobody. */
  #edit(): void {
    const world = this.#world;
    const [id, other] = [world.between(1, 12), world.between(1, 12)];
    const value = `'${this.#edits++}'`;
    const second = this.#second?.role === 'primary' ? this.#second : this.#primary;
    const node = world.chance(0.5) ? this.#primary : second;
    this.#write(
      node,
      world.pick([
        `INSERT OR IGNORE INTO t VALUES (${id}, ${value})`,
        `UPDATE t SET v = ${value} WHERE id = ${id}`,
        `INSERT OR IGNORE INTO u VALUES (${id}, 'n${other}', ${other})`,
        `UPDATE OR IGNORE u SET name = 'n${other}' WHERE id = ${id}`,
        `UPDATE u SET name = CASE id WHEN ${id} THEN 'x' ELSE name END; UPDATE t SET v = v`,
        ...(this.#edits > 12 ? [`DELETE FROM t WHERE id = ${id}`] : []),
      ]),
    );
  }

  #write(node: SimNode, sql: string): void {
    node.write(sql);
    const rows = node.rows();
    if (rows === this.#history.at(-1)) return;
    this.#history.push(rows);
    this.#tell('edits');
  }

  #disturb(): void {
    const world = this.#world;
    const node = world.pick(this.#nodes);
    const what = world.pick([
      'killed',
      'stopped',
      'away',
      'weather',
      'clock',
      'asked',
      'local edit',
    ] as const);
    this.#tell(what);
    switch (what) {
      case 'killed':
      case 'stopped':
        node.stop(what === 'killed');
        // Some are away for longer than anyone waits.
        return world.spawn(world.between(1_000, world.chance(0.2) ? 300_000 : 40_000), () => {
          if (node !== this.#primary || !this.#isLost) node.start();
        });
      case 'away':
        this.#bucket.awayUntilMs = world.nowMs + world.between(1_000, 60_000);
        return;
      case 'weather':
        this.#bucket.weather = world.chance(0.3)
          ? CALM
          : {
              failing: 0.3 * world.random(),
              lateness: world.random(),
              delayMs: world.between(0, 4_000),
            };
        return;
      case 'clock':
        return node.setClock(world.between(-1e9, 1e9));
      case 'asked':
        return node.trigger();
      case 'local edit': {
        const last = this.#replicas.at(-1);
        if (last === undefined) return;
        this.#edited.add(last);
        return last.write(
          `UPDATE t SET v = 'local' WHERE id = ${world.between(1, 12)}; DELETE FROM u WHERE id = ${world.between(1, 12)}`,
        );
      }
    }
  }

  #check(): void {
    for (const node of this.#replicas) {
      this.#checkRows(node);
      this.#checkPosition(node);
      this.#checkSilence(node);
    }
    this.#checkPosition(this.#primary);
  }

  /** P1, P2: at any moment a replica holds what the primary held at some moment, as a whole. */
  #checkRows(node: SimNode): void {
    if (this.#edited.has(node)) return;
    const rows = node.rows();
    if (!this.#history.includes(rows))
      throw new Broken(`P1: ${node.name} holds rows that the primary never held: ${rows}`);
  }

  /** P8. */
  #checkPosition(node: SimNode): void {
    const position = node.told?.facts.position;
    if (position === undefined) return;
    const before = this.#positions.get(node);
    this.#positions.set(node, position);
    if (before === undefined) return;
    if (before.lineage !== position.lineage)
      throw new Broken(`P8: ${node.name} changed its history`);
    if (comparePositions(position, before) < 0) throw new Broken(`P8: ${node.name} went back`);
  }

  /** P9: whatever happened, nobody goes on being green (as `/healthz` is) for longer than the limit. */
  #checkSilence(node: SimNode): void {
    if (node.told?.verdict.status === 'ok') this.#tell('ok');
    const isWell = isGreen(node);
    if (this.#second !== undefined) return; // who is heard then is for checkTwo
    const primary = this.#primary.told;
    const isAlone = isWell && primary === undefined;
    if (this.#lasts(`${node.name} alone`, isAlone ? 'well' : undefined))
      throw new Broken(`P9: ${node.name} goes on being green while the primary is dead`);
    const missing = this.#edited.has(node) ? undefined : this.#missing(node);
    const bothWell = isWell && isGreen(this.#primary);
    if (this.#lasts(`${node.name} lacks`, bothWell ? missing : undefined))
      throw new Broken(`P9: ${node.name} and the primary are green, and an edit does not arrive`);
  }

  /** True where the same is found for longer than the limit. */
  #lasts(what: string, found: string | number | undefined): boolean {
    const before = this.#found.get(what);
    if (before?.found !== found) this.#found.set(what, {found, sinceMs: this.#world.nowMs});
    const sinceMs = this.#found.get(what)?.sinceMs ?? this.#world.nowMs;
    return found !== undefined && this.#world.nowMs - sinceMs > LIMIT_MS;
  }

  /** The first state of the primary after the one that the replica holds. */
  #missing(node: SimNode): number | undefined {
    const at = this.#history.lastIndexOf(node.rows());
    return at === this.#history.length - 1 ? undefined : at + 1;
  }

  #checkEnd(): void {
    const winner = this.#winner ?? this.#primary;
    const expected = winner.rows();
    for (const node of this.#nodes) {
      if (node.rows() !== expected)
        throw new Broken(
          `P1: ${node.name} did not converge: ${JSON.stringify(node.told?.verdict)}\n${node.rows()}\n${expected}`,
        );
      this.#checkWell(node);
    }
    this.#tell('converged');
  }

  #checkWell(node: SimNode): void {
    const verdict = node.told?.verdict;
    if (verdict?.status !== 'ok')
      throw new Broken(`${node.name} is not well again: ${JSON.stringify(verdict)}`);
  }
}

/** One that still waits for its first rows promises nothing. */
function isGreen({told}: SimNode): boolean {
  if (told === undefined) return false;
  const {status} = told.verdict;
  return HEALTHY.includes(status) && !(status === 'waiting' && told.facts.position === undefined);
}
