/** What a replica of Uptime Kuma will not have, or have to be told, so that nobody is surprised. */
import type {View} from '../../database/port.ts';
import {counted} from '../../kernel/counted.ts';
import type {Finding} from '../profile.ts';

export async function findings(view: View): Promise<readonly Finding[]> {
  const all = [await logos(view), await dockerCertificates(view), await settings(view)];
  return all.filter((finding) => finding !== undefined);
}

async function logos(view: View): Promise<Finding | undefined> {
  const icons = await column(view, 'status_page', 'icon');
  const count = icons.filter((icon) => icon.startsWith('/upload/')).length;
  if (count === 0) return undefined;
  return note(
    'status_page.icon',
    `${counted(count, 'status page')} with a logo that is a file (data/upload): copy it by hand.`,
  );
}

async function dockerCertificates(view: View): Promise<Finding | undefined> {
  const hosts = await column(view, 'docker_host', 'docker_daemon');
  const count = hosts.filter((daemon) => /^(https|tcp):/.test(daemon)).length;
  if (count === 0) return undefined;
  return note(
    'docker_host',
    `${counted(count, 'Docker host')} reached over the network; certificates are files (data/docker-tls): copy them by hand.`,
  );
}

async function settings(view: View): Promise<Finding | undefined> {
  const count = await view.count('setting', []);
  if (count === 0) return undefined;
  return note(
    'setting',
    `${counted(count, 'setting')} of each instance's own that stay there (secret for log-ins, base URL, time zone, VAPID keys, ...).`,
  );
}

async function column(view: View, table: string, name: string): Promise<readonly string[]> {
  const {tables} = await view.schema();
  if (!tables.get(table)?.columns.some((candidate) => candidate.name === name)) return [];
  return (await view.select(table, [name])).flatMap(([cell]) =>
    typeof cell === 'string' ? [cell] : [],
  );
}

function note(subject: string, message: string): Finding {
  return {level: 'note', subject, message};
}
