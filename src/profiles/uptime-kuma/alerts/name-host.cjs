/**
 * Has each alert of Uptime Kuma begin with the name of the machine, without changing a file of it. The application's own Node loads this
 * first (`--require`), whichever that is: plain CommonJS, as it stands, in words that Node 14 knows. Where the server is not as expected,
 * it alerts as ever.
 */
'use strict';

const modules = require('module');
const {hostname} = require('os');

const host = process.env.HOSTNAME || hostname();
const named = new WeakSet();

/** All that it sends goes through the static method of this class. */
function nameIn(loaded) {
  if (typeof loaded !== 'object' || loaded === null || !('Notification' in loaded)) return;
  const sender = loaded.Notification;
  if (sender === undefined || typeof sender.send !== 'function' || named.has(sender)) return;
  named.add(sender);
  const {send} = sender;
  sender.send = function (notification, text, ...rest) {
    const said = typeof text === 'string' ? `[${host}] ${text}` : text;
    return send.call(this, notification, said, ...rest);
  };
}

const load = modules._load;
modules._load = function (request, ...rest) {
  const loaded = load.call(this, request, ...rest);
  if (/(?:^|\/)notification(?:\.js)?$/.test(request)) {
    try {
      nameIn(loaded);
    } catch {
      // An alert without a name is better than none.
    }
  }
  return loaded;
};
