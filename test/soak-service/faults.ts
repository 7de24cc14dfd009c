/** What befalls services, and how it ends. Each lasts for seconds. */
import {pick, type Draw} from '../helpers/drawer.ts';
import {descendants} from '../helpers/proc.ts';
import type {Instance, Role} from './instance.ts';
import type {SoakStore} from './store.ts';

/** Of one family, one happens at a time. */
const FAMILIES = {
  'restic killed': 'restic',
  'restic hung': 'restic',
  'store unreachable': 'store',
  'store locked': 'store',
  'store full': 'store',
  'database busy': 'database',
  'clock jumped': 'clock',
  'service killed': 'service',
  'service terminated': 'service',
} as const;

export type FaultKind = keyof typeof FAMILIES;

const KINDS = Object.keys(FAMILIES) as readonly FaultKind[];

export type Fault = {
  readonly kind: FaultKind;
  /** Whom it befalls, where it is not the store. */
  readonly roles: readonly Role[];
  readonly afterMs: number;
  readonly lastsMs: number;
  /** Seconds that a clock jumps by. */
  readonly jump: number;
};

const ROLES: readonly (readonly Role[])[] = [['primary'], ['replica'], ['primary', 'replica']];
const JUMPS = [90, -90, 3_600, -3_600, 172_800, -172_800] as const;
const FAULTS_AT_ONCE_MAX = 3;
const LASTS_MS_MIN = 2_000;
const LASTS_MS_MAX = 25_000;
/** Beyond that, the age of what a standing restic stores would be all that the soak sees. */
const HANGS_MS_MAX = 12_000;
const BEGINS_MS_MAX = 4_000;
const KILL_EVERY_MS = 150;

/** One to three faults that overlap. @param mayEndServices False: services run on. */
export function drawFaults(draw: Draw, mayEndServices: boolean): readonly Fault[] {
  const count = 1 + Math.floor(draw() * FAULTS_AT_ONCE_MAX);
  const kinds = KINDS.filter((kind) => mayEndServices || FAMILIES[kind] !== 'service');
  const faults: Fault[] = [];
  while (faults.length < count) {
    const kind = pick(draw, kinds);
    if (faults.some((other) => FAMILIES[other.kind] === FAMILIES[kind])) continue;
    faults.push(drawFault(draw, kind));
  }
  return faults;
}

function drawFault(draw: Draw, kind: FaultKind): Fault {
  const longest = kind === 'restic hung' || kind === 'store locked' ? HANGS_MS_MAX : LASTS_MS_MAX;
  return {
    kind,
    roles: pick(draw, ROLES),
    afterMs: draw() * BEGINS_MS_MAX,
    // Short ones are more frequent.
    lastsMs: LASTS_MS_MIN + draw() ** 2 * (longest - LASTS_MS_MIN),
    jump: pick(draw, JUMPS),
  };
}

export function textOf({kind, roles, lastsMs, jump}: Fault): string {
  const who = FAMILIES[kind] === 'store' ? '' : ` (${roles.join(', ')})`;
  const by = kind === 'clock jumped' ? ` by ${jump} s` : '';
  return `${kind}${by}${who} for ${(lastsMs / 1000).toFixed(1)} s`;
}

export type World = {
  readonly instances: readonly Instance[];
  readonly store: SoakStore;
  /** Told what a service that was told to end did. */
  readonly onTerminated: (role: Role, exitCode: number | null, ms: number) => void;
};

type Heal = () => Promise<void> | void;

/** @returns what ends it; undefined where it could not be brought about. */
export async function begin(fault: Fault, world: World): Promise<Heal | undefined> {
  const {store} = world;
  const those = world.instances.filter(({role}) => fault.roles.includes(role));
  switch (fault.kind) {
    case 'restic killed':
      return repeatedly(() => signalRestic(those, 'SIGKILL'));
    case 'restic hung':
      return hang(those);
    case 'store unreachable':
      return store.takeAway();
    case 'store locked':
      return store.lock();
    case 'store full':
      return store.fillUp();
    case 'database busy':
      for (const instance of those) instance.order({do: 'hold', how: 'IMMEDIATE'});
      return () => those.forEach((instance) => instance.order({do: 'release'}));
    case 'clock jumped':
      for (const instance of those) instance.setClock(fault.jump);
      return () => those.forEach((instance) => instance.setClock(0));
    case 'service killed':
      await Promise.all(those.map((instance) => instance.kill()));
      return () => those.forEach((instance) => instance.start());
    case 'service terminated':
      await Promise.all(those.map((instance) => terminate(instance, world)));
      return () => those.forEach((instance) => instance.start());
  }
}

async function terminate(instance: Instance, {onTerminated}: World): Promise<void> {
  const {exitCode, ms} = await instance.terminate();
  onTerminated(instance.role, exitCode, ms);
}

function repeatedly(work: () => void): Heal {
  work();
  const timer = setInterval(work, KILL_EVERY_MS);
  return () => clearInterval(timer);
}

/** Whatever it runs besides itself is restic. @returns those that got the signal. */
function signalRestic(instances: readonly Instance[], signal: NodeJS.Signals): readonly number[] {
  const pids = instances.flatMap(({pid}) => (pid === undefined ? [] : descendants(pid)));
  return pids.filter((pid) => send(pid, signal));
}

/** A restic that stands still goes on at the end, also where its service has died meanwhile. */
function hang(instances: readonly Instance[]): Heal {
  const stopped = new Set<number>();
  const stop = repeatedly(() => {
    for (const pid of signalRestic(instances, 'SIGSTOP')) stopped.add(pid);
  });
  return async () => {
    await stop();
    for (const pid of stopped) send(pid, 'SIGCONT');
  };
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false; // it has ended
  }
}
