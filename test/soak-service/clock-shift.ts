/** Loaded into a service before all else: its wall clock is wrong by as many seconds as the file SOAK_CLOCK says. */
import {readFileSync} from 'node:fs';

const LOOK_MS = 100;
const RealDate = Date;
let shiftMs = 0;

function look(): void {
  const seconds = Number(readFileSync(process.env['SOAK_CLOCK'] ?? '', 'utf8'));
  if (Number.isFinite(seconds)) shiftMs = seconds * 1000;
}

look();
setInterval(look, LOOK_MS).unref();

const now = (): number => RealDate.now() + shiftMs;

globalThis.Date = new Proxy(RealDate, {
  apply: () => new RealDate(now()).toString(),
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as Date,
  get: (target, name) => (name === 'now' ? now : (Reflect.get(target, name) as unknown)),
});
