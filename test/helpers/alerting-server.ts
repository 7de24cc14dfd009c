/** A program that alerts as Uptime Kuma does. */
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

/** A server with the modules by which Uptime Kuma alerts: a class with a static method, in a circle with its user. Gives what is to be started, with the file that it writes. */
export function makeAlertingServer(folder: string): string {
  const files = {
    'notification.js': `const Monitor = require("./model/monitor");
      class Notification {
        static async send(notification, msg, monitorJSON = null, heartbeatJSON = null) {
          if (this !== Notification) throw new Error("called on something else");
          require("fs").appendFileSync(process.argv[2], JSON.stringify([notification, msg, monitorJSON, heartbeatJSON]) + "\\n");
          return "Sent";
        }
      }
      module.exports = { Notification, Monitor };`,
    // It sees nothing of the class yet when it is loaded.
    'model/monitor.js': `const unfinished = require("../notification");
      module.exports = { unfinished, late: () => require("../notification.js").Notification };`,
    'server.js': `const { Notification, Monitor } = require("./notification");
      (async () => {
        const sent = await Notification.send({ type: "ntfy" }, "[shop] [Down] timeout", { id: 1 }, { status: 0 });
        await Monitor.late().send({ type: sent }, "late");
        await Notification.send({}, undefined);
        require("fs").appendFileSync(process.argv[2], "end\\n");
        if (process.argv[3] !== "once") setInterval(() => {}, 1000);
      })();`,
  };
  mkdirSync(join(folder, 'model'), {recursive: true});
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return join(folder, 'server.js');
}

/** What it writes down, one line each, before the line `end`. */
export function alertsSaid(prefix: string): readonly unknown[] {
  return [
    [{type: 'ntfy'}, `${prefix}[shop] [Down] timeout`, {id: 1}, {status: 0}],
    [{type: 'Sent'}, `${prefix}late`, null, null],
    [{}, null, null, null],
  ];
}
