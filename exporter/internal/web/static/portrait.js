// One client, once a second.

import { follow, Trail } from './feed.js';
import * as say from './words.js';

const $ = (id) => document.getElementById(id);
const id = document.body.dataset.id;
let recent = new Trail(), hour = new Trail(), told = 0;
document.documentElement.classList.add('scripted');

function chart(name, trail, otherwise) {
  const top = say.draw($(name), trail.rx, trail.tx, say.leastLine);
  say.set($(name).querySelector('.top'), trail.rx.length ? `at most ${say.rate(top)}` : otherwise);
}

function show(doc) {
  const client = doc.clients?.find((c) => c.id === id);
  if (!client) return 'It left, or has another address. As of';
  const now = Date.parse(doc.time), seconds = told ? Math.min(10, (now - told) / 1000) : 0;
  told = now;
  const rx = client.rx_bytes_per_second ?? 0, tx = client.tx_bytes_per_second ?? 0;
  if (recent.add(rx, tx, seconds, say.slots)) chart('recent', recent);
  if (hour.add(rx, tx, seconds, say.slots)) {
    chart('hour', hour);
    minutes(now);
  }
  facts(client, doc.time);
  say.showHealth(doc.health);
  return undefined;
}

function facts(client, time) {
  say.set($('name'), client.name);
  say.set($('what'), say.what(client));
  say.set($('down'), say.rate(client.rx_bytes_per_second));
  say.set($('up'), say.rate(client.tx_bytes_per_second));
  say.showUse(client);
  say.set($('seen'), say.ago(time, client));
  say.set($('total-split'), say.split(client.rx_bytes_total, client.tx_bytes_total));
  say.set($('connections-split'), `${client.connections_tcp} TCP, ${client.connections_udp} UDP, ${client.connections_icmp + client.connections_other} other`);
  const ips = client.ips.length ? client.ips : ['none'];
  if ([...$('ips').children].map((s) => s.textContent).join() !== ips.join()) {
    $('ips').replaceChildren(...ips.map((ip) => Object.assign(document.createElement('span'), { textContent: ip })));
  }
}

// minutes writes the table of the last hour, the newest first.
function minutes(end) {
  const rows = hour.rx.map((rx, i) => {
    const row = document.createElement('tr'), head = document.createElement('th');
    head.scope = 'row';
    head.textContent = new Date(end - (hour.rx.length - i) * 60000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    row.append(head);
    for (const n of [rx, hour.tx[i]]) row.insertCell().textContent = say.rate(n);
    return row;
  });
  if (rows.length) $('minutes').replaceChildren(...rows.reverse());
}

function start({ time, client }) {
  recent = new Trail(client.history.recent);
  hour = new Trail(client.history.hour);
  told = 0;
  chart('recent', recent, '');
  chart('hour', hour, 'no minute is over yet');
  minutes(Date.parse(client.history.hour.end));
  facts(client, time);
}

follow(`api/v1/clients/${encodeURIComponent(id)}`, { start, next: show });
