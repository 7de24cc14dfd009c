/** Every kind of fault once, some of them at the same time: a soak that takes little more than a minute. */
import type {Fault, FaultKind} from './faults.ts';
import type {Role} from './instance.ts';

export const EVERY_KIND_ONCE: readonly (readonly Fault[])[] = [
  [fault('restic killed', ['primary', 'replica'], 4), fault('clock jumped', ['replica'], 5)],
  [fault('store unreachable', [], 5), fault('service killed', ['replica'], 3)],
  [fault('store full', [], 5), fault('service terminated', ['primary'], 2)],
  [fault('store locked', [], 4), fault('database busy', ['replica'], 7)],
  [fault('restic hung', ['primary', 'replica'], 4), fault('service killed', ['primary'], 2)],
];

function fault(kind: FaultKind, roles: readonly Role[], seconds: number): Fault {
  return {kind, roles, afterMs: 500, lastsMs: seconds * 1000, jump: -3_600};
}
