// Values on which a careless copy would stumble.

import {stamp} from './monitors.ts';
import type {Row, Writer} from './writer.ts';

/**
 * Monitors of odd values, by name. Columns that a version lacks (`timeout`, `description`,
 * `packet_size` and others in 1.18.5) are left out there, the monitors are not.
 */
const oddMonitors = {
  emoji: 100_001,
  rightToLeft: 100_002,
  nul: 100_003,
  lineEnds: 100_004,
  semicolons: 100_005,
  nullText: 100_006,
  blanks: 100_007,
  empty: 100_008,
  quotes: 100_009,
  longBody: 100_010,
  replacement: 100_011,
  beyond53Bits: 100_012,
  int64: 100_013,
  realInInteger: 100_014,
  hugeInInteger: 100_015,
  emptyInInteger: 100_016,
  negative: 100_017,
  minusZero: 100_018,
  denormal: 100_019,
  maximum: 100_020,
  thirds: 100_021,
  wholeReal: 100_022,
  numericText: 100_023,
  combining: 100_025,
} as const;

/** The rows of other tables that carry odd values all have this id. */
const oddId = 100_001;

const rows: Readonly<Record<keyof typeof oddMonitors, Row>> = {
  emoji: {
    name: 'emoji \u{1f389}\u{1f469}\u200d\u{1f469}\u200d\u{1f467}\u200d\u{1f466} 漢字',
    description: '\u{1f3f3}\ufe0f\u200d\u{1f308} \u{1f1fa}\u{1f1e6}',
    hostname: 'хост.invalid',
  },
  rightToLeft: {
    name: 'עברית العربية \u202eRTL\u202c',
    description: 'zero\u200bwidth \ufeffmark \u2028 separators \u2029',
  },
  nul: {
    name: 'nul\u0000byte',
    description: 'a\u0000b\u0001\u001f\u007f\u0000',
    body: '\u0000',
  },
  lineEnds: {
    name: 'line ends',
    description: 'lf\ncrlf\r\ncr\r\n\r\n\ttab\u0085next',
    body: '\r\n',
  },
  semicolons: {
    name: 'semicolons;',
    description: "INSERT INTO x VALUES ('a');\nCOMMIT;\r\n--;\n;",
    body: '\';\n";\n`;\n',
  },
  nullText: {name: 'null', description: 'NULL', body: 'null', hostname: 'undefined', keyword: null},
  blanks: {name: '   leading and trailing   ', description: '\t\n ', keyword: ' '},
  empty: {name: '', description: '', body: '', keyword: '', hostname: '', headers: ''},
  quotes: {
    name: `' " \` ; -- /* */ \\ \\n % _ $1 ? :x @y {{z}} <b>`,
    keyword: "it's",
    headers: '{not json',
  },
  longBody: {name: 'long body', method: 'POST', body: sized('{"t":"тело 🎉 ', 86_000)},
  replacement: {name: 'lone surrogate \ufffd end', description: '\ufffd\ufffd'},
  beyond53Bits: {
    name: 'bigger than 2^53',
    maxretries: 2n ** 32n,
    resend_interval: 2n ** 53n + 1n,
    port: 2n ** 31n,
  },
  int64: {name: 'limits of int64', maxretries: -(2n ** 63n), resend_interval: 2n ** 63n - 1n},
  realInInteger: {
    name: 'REAL in INTEGER columns',
    interval: 20.5,
    retry_interval: 33.333333333333336,
    maxretries: 2.5,
    maxredirects: 3.7,
    resend_interval: 0.5,
    packet_size: 56.7,
  },
  hugeInInteger: {
    name: 'huge and tiny REAL in INTEGER columns',
    maxretries: 1e21,
    resend_interval: Number.MAX_VALUE,
    retry_interval: 5e-324,
  },
  emptyInInteger: {
    name: 'empty strings in INTEGER columns',
    port: '',
    maxretries: '',
    resend_interval: '',
    packet_size: '',
  },
  negative: {name: 'negative', maxredirects: -5, resend_interval: -1, retry_interval: -0.5},
  // SQLite itself keeps 0.0 of it: no column of these tables can hold -0.0.
  minusZero: {name: 'minus zero', timeout: -0},
  denormal: {name: 'denormal', timeout: 5e-324},
  maximum: {name: 'maximum', timeout: Number.MAX_VALUE},
  thirds: {name: '0.1 + 0.2', timeout: 0.1 + 0.2},
  wholeReal: {name: 'whole REAL', timeout: 1e15},
  numericText: {name: '007', hostname: '1e5', keyword: '9007199254740993', body: '-0.0'},
  combining: {name: 'é and e\u0301', description: 'ё \u0435\u0308 ﬁ Å \u212b'},
};

export function insertOddValues(writer: Writer): void {
  for (const [key, id] of Object.entries(oddMonitors)) {
    writer.insert('monitor', {
      id,
      active: 0,
      user_id: 1,
      type: 'http',
      url: `http://127.0.0.1:18080/${key}`,
      created_date: stamp(0),
      ...rows[key as keyof typeof rows],
    });
  }
  const id = oddId;
  writer.insert('tag', {id, name: ' \u202eтег\u202c\u0000;\n', color: '', created_date: stamp(0)});
  for (const value of [null, '', 'null', 'a\r\nb;\n']) {
    writer.insert('monitor_tag', {monitor_id: oddMonitors.emoji, tag_id: id, value});
  }
  writer.insert('notification', {
    id,
    name: '',
    config: JSON.stringify({name: '', type: 'webhook', text: sized('налаштування 🔔\n', 20_000)}),
    user_id: 1,
  });
  writer.insert('monitor_notification', {
    id,
    monitor_id: oddMonitors.nul,
    notification_id: id,
  });
  writer.insert('status_page', {
    id,
    slug: 'odd',
    title: ' \u{1f7e2} ',
    description: sized('Описание **md** 🎉\n', 3000),
    icon: '',
    theme: 'auto',
    custom_css: sized('.x { content: "é;"; }\r\n', 30_000),
    auto_refresh_interval: 300.5,
    created_date: stamp(0),
    modified_date: stamp(0),
  });
}

/** A text of exactly so many bytes of UTF-8: the piece with a number, over and over. */
function sized(piece: string, bytes: number): string {
  let text = '';
  let length = 0;
  for (let number = 0; ; number += 1) {
    const next = `${piece}${number} `;
    const nextLength = Buffer.byteLength(next);
    if (length + nextLength > bytes) break;
    text += next;
    length += nextLength;
  }
  return text + '.'.repeat(bytes - length);
}
