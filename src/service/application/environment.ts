/** What the application may see of the environment. */

/** Addresses hold passwords, too, so that nothing of Rowplica's and of restic's own is passed on. */
const OURS = /^(?:ROWPLICA|RESTIC)_/i;

export function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OURS.test(name)));
}
