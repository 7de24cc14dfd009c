// Writes migrations-compat/schema.json, by which editors complete and check compat files.

import {writeFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {format, resolveConfig} from 'prettier';
import {stepJsonSchema} from '../src/compat/json-schema.ts';

const path = fileURLToPath(new URL('../migrations-compat/schema.json', import.meta.url));
const style = await resolveConfig(path);
writeFileSync(path, await format(JSON.stringify(stepJsonSchema()), {...style, filepath: path}));
