/** The script beside this file, among the sources as well as in what is built of them. */
import {extname} from 'node:path';

const kind = extname(import.meta.url).replace('.', '.c');

export const nameHost: URL = new URL(`./name-host${kind}`, import.meta.url);
