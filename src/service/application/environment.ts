/** What the application may see of the environment. */
import {fileURLToPath} from 'node:url';

/** Addresses hold passwords, too, so that nothing of Rowplica's and of restic's own is passed on. */
const OURS = /^(?:ROWPLICA|RESTIC)_/i;

export function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OURS.test(name)));
}

/** Has each Node that is started load these scripts first, after those that it loads already. */
export function withScripts(env: NodeJS.ProcessEnv, scripts: readonly URL[]): NodeJS.ProcessEnv {
  // Where its options hold blanks, Node takes them apart as a shell would with double quotes.
  const asked = scripts.map((script) => `--require ${JSON.stringify(fileURLToPath(script))}`);
  const options = [env['NODE_OPTIONS'] ?? '', ...asked].filter((text) => text !== '').join(' ');
  return options === '' ? env : {...env, NODE_OPTIONS: options};
}
