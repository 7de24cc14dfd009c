/**
 * A fleet as packaging/compose/in-image.yaml has it, from nothing: what a container would start, in the folders that its volumes would be,
 * with its own environment. A fake Uptime Kuma is in the place of the real one; where containers have a network each, ports differ.
 */
import {existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterEach, expect, test} from 'vitest';
import {parse} from 'yaml';
import {project, rowplica} from '../helpers/cli.ts';
import {freePort} from '../helpers/fake-kuma.ts';
import {eventually, killServices, ServiceProcess} from '../helpers/service-process.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {complaints, countRows, dumpTable, execute} from '../helpers/typed-dump.ts';
import {replicated, withoutOf} from './uptime-kuma-tables.ts';

afterEach(() => {
  killServices();
  for (const container of containers.splice(0)) container.killApplications();
});

const packaging = join(project, 'packaging');
const fake = join(project, 'test', 'helpers', 'fake-uptime-kuma', 'main.ts');

type Environment = Readonly<Record<string, string>>;
type Compose = {
  readonly services: Readonly<Record<string, {readonly environment: Environment}>>;
};

const {services} = parse(readFileSync(join(packaging, 'compose', 'in-image.yaml'), 'utf8'), {
  merge: true,
}) as Compose;

/** After the entry point, which becomes the owner of the data and runs `rowplica` with it. */
const command = JSON.parse(
  /^CMD (.*)$/m.exec(
    readFileSync(join(packaging, 'docker', 'uptime-kuma.Dockerfile'), 'utf8'),
  )?.[1] ?? '[]',
) as readonly string[];

const containers: Container[] = [];

class Container {
  readonly #app = temporaryFolder();
  readonly #environment: Environment;
  readonly #ports: readonly [application: number, http: number];
  #service: ServiceProcess | undefined;

  private constructor(environment: Environment, ports: readonly [number, number]) {
    this.#environment = environment;
    this.#ports = ports;
  }

  /** @param backup The folder that all of them share. */
  static async of(name: string, backup: string): Promise<Container> {
    const own = services[name]?.environment ?? {};
    const environment = Object.fromEntries(
      Object.entries(own).map(([key, value]) => [key, value.replace('/backup', backup)]),
    );
    const container = new Container(environment, [await freePort(), await freePort()]);
    containers.push(container);
    const app = container.#app;
    for (const folder of ['data', 'server']) mkdirSync(join(app, folder));
    const flags = ['--makes', '--database', container.database, '--notes', join(app, 'notes')];
    writeFileSync(
      join(app, 'server', 'server.js'),
      `process.argv.push(...${JSON.stringify(flags)}, "--port", process.env.UPTIME_KUMA_PORT);
       import(${JSON.stringify(fake)});`,
    );
    return container;
  }

  get database(): string {
    return join(this.#app, 'data', 'kuma.db');
  }

  get environment(): NodeJS.ProcessEnv {
    const [port, http] = this.#ports;
    return {
      ...this.#environment,
      RESTIC_PASSWORD: 'a password in .env',
      ROWPLICA_DATABASE: this.database,
      UPTIME_KUMA_PORT: String(port),
      ROWPLICA_HTTP: `127.0.0.1:${http}`,
    };
  }

  up(more: NodeJS.ProcessEnv = {}): void {
    const env = {...this.environment, ...more};
    this.#service = new ServiceProcess(command.slice(1), env, this.#app);
  }

  async down(): Promise<void> {
    expect(await this.#service?.stop()).toMatchObject({exitCode: 0});
  }

  /** A service that is killed leaves what it started. */
  killApplications(): void {
    if (!existsSync(join(this.#app, 'notes'))) return;
    for (const {pid} of this.notes) {
      try {
        if (pid !== undefined) process.kill(pid, 'SIGKILL');
      } catch {
        // It is gone, as it should be.
      }
    }
  }

  get notes(): readonly {readonly call?: string; readonly pid?: number}[] {
    const lines = readFileSync(join(this.#app, 'notes'), 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as {call?: string; pid?: number});
  }

  /** Processes of the application so far. */
  get starts(): number {
    return this.notes.filter(({pid}) => pid !== undefined).length;
  }

  async is(status: string): Promise<void> {
    const env = {...this.environment};
    await eventually(`the status ${status}\n${this.#service?.stderr}`, async () => {
      const {stdout} = await rowplica(['health'], {env});
      return stdout.trim() === status;
    });
  }

  async polls(url: string): Promise<void> {
    await eventually(`${url} to be polled\n${this.#service?.stderr}`, async () => {
      const answer = await fetch(`http://127.0.0.1:${this.#ports[0]}/memory`).catch(
        () => undefined,
      );
      return (await answer?.text())?.includes(JSON.stringify(url));
    });
  }

  async has(where: string): Promise<void> {
    await eventually(where, () => countRows(this.database, 'monitor', where) === 1);
  }
}

const firstUser = "INSERT INTO user (username, password, active) VALUES ('admin', 'a hash', 1)";
const monitor = (name: string): string =>
  `INSERT INTO monitor (name, url, type, user_id) VALUES ('${name}', 'http://${name}.example', 'http', 1)`;

function expectCopies(from: Container, to: Container): void {
  for (const table of replicated) {
    const rows = ({database}: Container) => dumpTable(database, table, {without: withoutOf(table)});
    expect(rows(to), table).toEqual(rows(from));
  }
  expect(complaints(to.database)).toEqual([]);
}

test('from nothing to an edit that is polled on the replicas, a failover, and the way back', async () => {
  const backup = join(temporaryFolder(), 'backup');
  mkdirSync(backup);
  const all = await Promise.all(
    ['primary', 'replica-1', 'replica-2'].map((name) => Container.of(name, backup)),
  );
  const [primary, first, second] = all as [Container, Container, Container];
  for (const container of all) container.up();
  await primary.is('ok');

  // A person sets it up in the browser. The replicas never had a user: theirs start once more, as they only look for one then.
  execute(primary.database, `${firstUser}; ${monitor('shop')}`);
  for (const replica of [first, second]) {
    await replica.polls('http://shop.example');
    expect(replica.starts).toBe(2);
    await replica.is('ok');
    expectCopies(primary, replica);
  }

  execute(primary.database, "UPDATE monitor SET url = 'http://moved.example' WHERE name = 'shop'");
  for (const replica of [first, second]) {
    await replica.polls('http://moved.example');
    expect(replica.notes.map(({call}) => call)).toContain('resumeMonitor');
    expect(replica.starts).toBe(2);
  }

  // docs/operations.md, "When the primary is gone": the first replica takes over with one setting, the other one follows.
  await primary.down();
  await first.down();
  first.up({ROWPLICA_ROLE: 'primary'});
  await first.is('ok');
  execute(first.database, monitor('mail'));
  await second.polls('http://mail.example');
  await second.is('ok');
  expectCopies(first, second);

  // The old one comes back as it was, and is refused; as a replica it follows.
  execute(primary.database, monitor('stray'));
  primary.up();
  await primary.is('fenced');
  await primary.down();
  primary.up({ROWPLICA_ROLE: 'replica'});
  await primary.polls('http://mail.example');
  await primary.is('ok');
  expectCopies(first, primary);
  for (const container of all) await container.down();
}, 240_000);
