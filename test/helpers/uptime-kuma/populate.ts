// A made-up configuration and the history that a running server would have written beside it.

import {monitorId, monitorRows, stamp} from './monitors.ts';
import type {KumaVersion} from './tables.ts';
import type {Row, Writer} from './writer.ts';

type Amounts = {readonly monitors: number; readonly heartbeats: number};

export function populate(writer: Writer, version: KumaVersion, amounts: Amounts): void {
  settings(writer);
  notifications(writer);
  localEntities(writer);
  tags(writer);
  const ids = Array.from({length: amounts.monitors}, (_, position) => monitorId(position));
  writer.insertAll('monitor', monitorRows(version, amounts.monitors));
  writer.burn('monitor', monitorId(amounts.monitors + 1), {name: 'deleted', user_id: 1});
  monitorLinks(writer, ids);
  statusPages(writer, ids);
  maintenance(writer, ids);
  history(writer, ids, amounts.heartbeats);
}

function settings(writer: Writer): void {
  const general = {
    checkUpdate: 'false',
    checkBeta: 'false',
    searchEngineIndex: 'false',
    entryPage: '"dashboard"',
    keepDataPeriodDays: '180',
    primaryBaseURL: '"http://127.0.0.1:3001/кума/?a=\\"b\\""',
    tlsExpiryNotifyDays: '[7,14,21.5]',
    trustProxy: 'false',
    disableAuth: 'false',
    steamAPIKey: '"STEAM-🔑"',
    chromeExecutable: '""',
  };
  for (const [key, value] of Object.entries(general)) {
    writer.insert('setting', {key, value, type: 'general'});
  }
  if (writer.has('api_key')) writer.insert('setting', {key: 'apiKeysEnabled', value: 'true'});
}

function notifications(writer: Writer): void {
  const kinds = ['webhook', 'smtp', 'ntfy', 'gotify', 'discord', 'slack', 'matrix'];
  for (const [position, type] of kinds.entries()) {
    const id = position + 1;
    const isDefault = id < 3;
    const name = `${type} 🔔 "${id}" \\ 'x'`;
    const config = JSON.stringify({name, type, isDefault, url: 'http://127.0.0.1:1/', n: id / 8});
    const row = {name, config, active: 1, user_id: 1, is_default: Number(isDefault)};
    if (id === 6) writer.burn('notification', id, row);
    else writer.insert('notification', {id, ...row});
  }
}

function localEntities(writer: Writer): void {
  const own = {user_id: 1};
  const proxy = {...own, host: '127.0.0.1', active: 1, created_date: stamp(0)};
  writer.insertAll('proxy', [
    {id: 1, ...proxy, protocol: 'http', port: 18080, auth: 0},
    {
      id: 2,
      ...proxy,
      protocol: 'socks5',
      port: 18081,
      auth: 1,
      username: 'прокси',
      password: `p'"`,
    },
    {id: 4, ...proxy, protocol: 'https', port: 18443, auth: 0, default: 1},
  ]);
  writer.insertAll('docker_host', [
    {id: 1, ...own, docker_daemon: '/var/run/docker.sock', docker_type: 'socket', name: 'sock'},
    {id: 2, ...own, docker_daemon: 'http://127.0.0.1:1', docker_type: 'tcp', name: 'tcp – 🐳'},
  ]);
  writer.insertAll('remote_browser', [
    {id: 1, name: 'Браузер 🧭', url: 'ws://127.0.0.1:1/?token=a&b=c', ...own},
    {id: 3, name: 'second', url: 'ws://127.0.0.1:2', ...own},
  ]);
  const key = {...own, created_date: stamp(0)};
  writer.insertAll('api_key', [
    {id: 1, ...key, key: hash('first'), name: 'key 🔑', active: 1, expires: '2027-06-01 00:00:00'},
    {id: 2, ...key, key: hash('second'), name: 'no expiry', active: 1, expires: null},
    {id: 3, ...key, key: hash('third'), name: 'disabled', active: 0, expires: '2020-01-01 00:00'},
  ]);
}

function tags(writer: Writer): void {
  const rows = [
    {id: 1, name: 'prod', color: '#DC2626'},
    {id: 2, name: 'тег', color: '#059669'},
    {id: 3, name: '🏷️ emoji', color: '#7C3AED'},
    {id: 5, name: `o'brien "x"`, color: '#4B5563'},
    {id: 6, name: 'unused', color: '#2563EC'},
  ];
  for (const row of rows) writer.insert('tag', {...row, created_date: stamp(row.id)});
  writer.burn('tag', 8, {name: 'deleted', color: '#000000'});
}

function monitorLinks(writer: Writer, ids: readonly number[]): void {
  let link = 1;
  let tagged = 2;
  const tagOf = [1, 2, 3, 5];
  for (const [position, monitor] of ids.entries()) {
    const bases = [1, ...(position % 2 === 0 ? [2] : []), ...(position % 7 === 3 ? [4, 7] : [])];
    for (const notification of bases) {
      writer.insert('monitor_notification', {
        id: link,
        monitor_id: monitor,
        notification_id: notification,
      });
      link += link % 11 === 0 ? 2 : 1;
    }
    const label = {monitor_id: monitor, tag_id: tagOf[position % 4] ?? 1};
    if (position % 3 === 0) writer.insert('monitor_tag', {id: tagged, ...label, value: ''});
    if (position % 3 === 1) {
      // The same tag twice, with different values.
      writer.insert('monitor_tag', {id: tagged, ...label, value: 'x'});
      writer.insert('monitor_tag', {id: tagged + 1, ...label, value: 'значение'});
    }
    tagged += 2;
  }
}

function statusPages(writer: Writer, ids: readonly number[]): void {
  const dates = {created_date: stamp(0), modified_date: stamp(60)};
  const page = {icon: '/icon.svg', theme: 'auto', published: 1, ...dates};
  writer.insertAll('status_page', [
    {
      ...page,
      id: 1,
      slug: 'main',
      title: 'Status – Статус 🟢',
      description: 'Описание **md**\n\n- a',
      show_tags: 1,
      footer_text: '<b>©</b>',
      custom_css: 'body {}\n',
      show_powered_by: 0,
      google_analytics_tag_id: 'G-1',
      analytics_id: 'id-1',
      analytics_type: 'umami',
      analytics_script_url: 'http://127.0.0.1/x.js',
      show_certificate_expiry: 1,
      auto_refresh_interval: 300.5,
      rss_title: 'RSS «тест»',
    },
    {...page, id: 2, slug: 'second', title: 'Second', theme: 'dark'},
    {...page, id: 4, slug: 'empty', title: 'Empty page', search_engine_index: 0},
  ]);
  writer.insertAll('status_page_cname', [
    {id: 1, status_page_id: 1, domain: 'status.example.invalid'},
    {id: 2, status_page_id: 1, domain: 'xn--80aswg.invalid'},
    {id: 4, status_page_id: 4, domain: 'empty.example.invalid'},
  ]);
  const shown = {public: 1, created_date: stamp(0)};
  writer.insertAll('group', [
    {id: 1, ...shown, name: 'Services', weight: 1, status_page_id: 1},
    {id: 2, ...shown, name: 'Группа 🎛️', weight: 2, status_page_id: 1},
    {id: 3, ...shown, name: 'Empty', weight: 3, status_page_id: 1},
    {id: 5, ...shown, name: 'Only', weight: 1, status_page_id: 2},
  ]);
  const members: [group: number, from: number, to: number][] = [
    [1, 0, 10],
    [2, 6, 18],
    [5, 3, 4],
  ];
  for (const [group, from, to] of members) {
    for (const [position, monitor] of ids.slice(from, to).entries()) {
      writer.insert('monitor_group', {
        monitor_id: monitor,
        group_id: group,
        weight: position + 1,
        send_url: position % 2,
        custom_url: position === 1 ? 'http://127.0.0.1/custom?ü' : null,
      });
    }
  }
  const said = {created_date: stamp(0), active: 1};
  writer.insertAll('incident', [
    {
      id: 1,
      ...said,
      title: 'First',
      content: '**b** 🎉\n- a',
      style: 'danger',
      pin: 0,
      status_page_id: 1,
    },
    {
      ...said,
      id: 2,
      title: `Второй — it's`,
      content: 'содержание '.repeat(300),
      style: 'info',
      last_updated_date: stamp(90),
      pin: 1,
      status_page_id: 1,
    },
    {id: 4, ...said, title: 'x', content: 'y', style: 'primary', pin: 1, status_page_id: 4},
  ]);
}

function maintenance(writer: Writer, ids: readonly number[]): void {
  const base = {
    description: '',
    user_id: 1,
    active: 1,
    interval_day: 1,
    timezone: 'SAME_AS_SERVER',
  };
  const hours = {start_time: '02:00', end_time: '03:00', duration: 3600};
  writer.insertAll('maintenance', [
    {id: 1, ...base, title: 'Manual 🛠️', description: 'руками', strategy: 'manual'},
    {
      ...base,
      id: 2,
      title: 'Single',
      strategy: 'single',
      start_date: '2031-05-05 10:00',
      end_date: '2031-05-06 11:30:00',
      timezone: 'Asia/Kathmandu',
    },
    {
      ...base,
      ...hours,
      id: 3,
      title: 'Interval',
      strategy: 'recurring-interval',
      start_date: '2026-01-01 00:00:00',
      interval_day: 3,
      cron: '0 2 * * *',
      last_start_date: stamp(3600),
    },
    {
      ...base,
      ...hours,
      id: 4,
      title: 'Weekday',
      strategy: 'recurring-weekday',
      active: 0,
      weekdays: '[1,3,0]',
      cron: '0 2 * * 0,1,3',
    },
    {
      ...base,
      ...hours,
      id: 6,
      title: 'Day of month',
      strategy: 'recurring-day-of-month',
      days_of_month: '[1,15,"lastDay1"]',
      cron: '0 2 1,15,L * *',
    },
    {id: 7, ...base, title: 'Cron', strategy: 'cron', cron: '* * * * *', duration: 30},
  ]);
  writer.insertAll('maintenance_status_page', [
    {id: 1, status_page_id: 1, maintenance_id: 1},
    {id: 2, status_page_id: 4, maintenance_id: 1},
    {id: 4, status_page_id: 1, maintenance_id: 4},
  ]);
  const windows = [1, 3, 3, 7];
  for (const [position, monitor] of ids.slice(0, 12).entries()) {
    writer.insert('monitor_maintenance', {
      monitor_id: monitor,
      maintenance_id: windows[position % windows.length] ?? 1,
    });
  }
}

function history(writer: Writer, ids: readonly number[], heartbeats: number): void {
  for (const [position, monitor] of ids.entries()) {
    const seen = new Set<string>();
    for (let beat = 0; beat < heartbeats; beat += 1) {
      const seconds = beat * 60 + (position % 60) + 0.125;
      const up = (position + beat) % 9 !== 8;
      const ping = up ? pingOf(position, beat) : null;
      writer.insert('heartbeat', {
        important: beat === 0 ? 1 : 0,
        monitor_id: monitor,
        status: Number(up),
        msg: up ? '200 - OK' : 'connect ECONNREFUSED',
        time: stamp(seconds, true),
        ping,
        duration: beat === 0 ? 0 : 60,
        end_time: stamp(seconds + 0.25, true),
      });
      stats(writer, seen, {monitor, seconds, up, ping: ping ?? 0});
    }
  }
  const [first] = ids;
  if (first === undefined) return;
  for (const monitor of ids.slice(0, 2)) {
    const infoJson = JSON.stringify({
      valid: true,
      certInfo: {subject: {CN: 'localhost'}, days: 30},
    });
    writer.insert('monitor_tls_info', {monitor_id: monitor, info_json: infoJson});
  }
  writer.insert('notification_sent_history', {type: 'certificate', monitor_id: first, days: 7});
  writer.insert('domain_expiry', {domain: 'example.invalid', last_check: stamp(0)});
}

type Beat = {
  readonly monitor: number;
  readonly seconds: number;
  readonly up: boolean;
  readonly ping: number;
};

/** One row per monitor and minute, hour and day. */
function stats(writer: Writer, seen: Set<string>, beat: Beat): void {
  const moment = Date.UTC(2026, 10, 1, 8) / 1000 + beat.seconds;
  const spans = {stat_minutely: 60, stat_hourly: 3600, stat_daily: 86_400};
  for (const [table, span] of Object.entries(spans)) {
    const timestamp = Math.floor(moment / span) * span;
    const key = `${table} ${timestamp}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const {ping} = beat;
    const counts: Row = {up: Number(beat.up), down: Number(!beat.up)};
    writer.insert(table, {
      monitor_id: beat.monitor,
      timestamp,
      ping: ping + 1 / 3,
      ping_min: ping,
      ping_max: ping,
      ...counts,
    });
  }
}

function pingOf(position: number, beat: number): number {
  return position % 10 === 6 ? 1.123456789 : 1 + ((position * 7 + beat * 3) % 90);
}

/** A text in the shape of a bcrypt hash, but of nothing. */
export function hash(seed: string): string {
  return `$2a$10$${seed.padEnd(53, 'x')}`;
}
