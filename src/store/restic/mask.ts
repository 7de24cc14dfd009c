/** Keeps credentials out of names, messages and logs. */

const SECRET_NAME = /PASSWORD|PASSWD|SECRET|TOKEN|_KEY$|_SAS$/;
const NOT_A_SECRET = /_FILE$|_COMMAND$|_PATH$|_ID$/;
/** Shorter values would blot out half of any text, and protect nothing. */
const SECRET_CHARS_MIN = 4;

export type Mask = (text: string) => string;

/**
 * A function that hides, in any text, the user parts of URLs and the literal values of the secrets
 * in the environment and in the repository's address.
 */
export function makeMask(env: NodeJS.ProcessEnv, repository: string): Mask {
  const secrets = [...passwordOfUrl(repository), ...secretsOf(env)]
    .filter((secret) => secret.length >= SECRET_CHARS_MIN)
    .sort((a, b) => b.length - a.length);
  return (text) => {
    let masked = maskUrls(text);
    for (const secret of secrets) masked = masked.replaceAll(secret, '***');
    return masked;
  };
}

/**
 * Hides the password of each URL in a text: `rest:http://user:***@host`. A password with a bare `/`
 * makes an invalid URL, of which an error quotes the first part as a port.
 */
export function maskUrls(text: string): string {
  return text
    .replace(/:\/\/([^\s:/@"]*):[^\s"]*@/g, '://$1:***@')
    .replace(/invalid port "[^"]*"/g, 'invalid port "***"');
}

/** The password as it stands, unescaped, and cut where a URL would be: restic may print any of these. */
function passwordOfUrl(repository: string): readonly string[] {
  const password = /:\/\/[^:/@]*:(.*)@/.exec(repository)?.[1];
  if (password === undefined || password === '') return [];
  const forms = [password, ...password.split(/[/?#:@]/)];
  try {
    return [...forms, decodeURIComponent(password)];
  } catch {
    return forms;
  }
}

function secretsOf(env: NodeJS.ProcessEnv): readonly string[] {
  return Object.entries(env)
    .filter(([name]) => SECRET_NAME.test(name) && !NOT_A_SECRET.test(name))
    .map(([, value]) => value ?? '');
}
