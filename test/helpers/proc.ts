/** What Linux tells of processes. */
import {execFileSync} from 'node:child_process';
import {readdirSync, readFileSync} from 'node:fs';

/** Processes that one of its threads started and that have not ended, all the way down. */
export function descendants(pid: number): readonly number[] {
  const children = threads(pid).flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  );
  return children.flatMap((child) => [child, ...descendants(child)]);
}

/** Megabytes in RAM now, and at most so far; undefined where the process has ended. */
export function memoryOf(
  pid: number,
): {readonly nowMb: number; readonly mostMb: number} | undefined {
  const status = read(`/proc/${pid}/status`);
  const mb = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  return status.includes('VmRSS') ? {nowMb: mb('VmRSS'), mostMb: mb('VmHWM')} : undefined;
}

/** Seconds of a core that a process used, and those that its children used which have ended. */
export function cpuOf(pid: number): {readonly own: number; readonly children: number} {
  const text = read(`/proc/${pid}/stat`);
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [own = 0, kernel = 0, children = 0, childrenKernel = 0] = fields.slice(11, 15);
  const ticks = (ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'])));
  return {own: (own + kernel) / ticks, children: (children + childrenKernel) / ticks};
}

let ticksPerSecond: number | undefined;

function threads(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** Empty where the process has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
