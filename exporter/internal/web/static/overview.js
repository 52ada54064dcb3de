// The table of all clients, once a second.

import { follow, Trail } from './feed.js';
import * as say from './words.js';

const maxRows = 250;
const $ = (id) => document.getElementById(id);
const body = $('clients').tBodies[0], blank = $('blank').content.firstElementChild;
const filter = $('q'), select = $('sort');
document.documentElement.classList.add('scripted');

const rate = (n) => n ?? 0;
const address = (ip) => (ip.includes(':') ? [1, ip] : [0, ip.split('.').map((n) => n.padStart(3, '0')).join('.')]);
const text = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

// The same orders as in order.go. Those with a value begin with the largest.
const orders = {
  down: { value: (v) => v.smoothRX, calm: true },
  up: { value: (v) => v.smoothTX, calm: true },
  name: { compare: (a, b) => text(a.client.name.toLowerCase(), b.client.name.toLowerCase()) },
  address: { compare: (a, b) => { const [x, y] = [address(a.client.ip), address(b.client.ip)]; return x[0] - y[0] || text(x[1], y[1]); } },
  connections: { value: (v) => rate(v.client.connections) },
  today: { value: (v) => say.today(v.client) },
  period: { value: (v) => say.period(v.client) },
  seen: { value: (v) => Date.parse(v.client.last_seen) || 0 },
};

let views = new Map(); // by id, in the order of the API
let shown = [];        // views in the order of the table
let latest, line = new Trail(), lineTime = 0;
let sort = 'down', reversed = false;

class View {
  constructor(client) {
    this.client = client;
    this.trail = new Trail(client.history?.recent);
    this.smoothRX = rate(client.rx_bytes_per_second);
    this.smoothTX = rate(client.tx_bytes_per_second);
  }

  update(client, seconds) {
    this.client = client;
    const rx = rate(client.rx_bytes_per_second), tx = rate(client.tx_bytes_per_second);
    this.smoothRX = (this.smoothRX + rx) / 2; // so that rows do not dance
    this.smoothTX = (this.smoothTX + tx) / 2;
    this.stale = this.trail.add(rx, tx, seconds, say.slots) || this.stale;
  }

  matches(words) {
    const c = this.client;
    const all = [c.name, c.mac, c.interface, c.vendor, c.type, ...c.ips].join(' ').toLowerCase();
    return words.every((word) => all.includes(word));
  }

  // make takes over the row that the server wrote, or makes one.
  make() {
    this.row = body.querySelector(`tr[data-id="${CSS.escape(this.client.id)}"]`) ?? blank.cloneNode(true);
    this.row.dataset.id = this.client.id;
    this.cells = {};
    for (const cell of this.row.cells) this.cells[cell.className] = cell;
    this.stale = true;
  }

  draw(tops) {
    if (!this.row) this.make();
    const c = this.client, cells = this.cells;
    const value = (name, text) => say.set(cells[name].querySelector('.value'), text);
    const link = cells.name.firstElementChild;
    say.set(link, c.name);
    say.attribute(link, 'href', `client/${encodeURIComponent(c.id)}`);
    say.set(cells.name.querySelector('.what'), say.what(c));
    say.set(cells.address.querySelector('.ip'), c.ip);
    say.set(cells.address.querySelector('.mac'), c.mac);
    value('down', say.rate(c.rx_bytes_per_second));
    value('up', say.rate(c.tx_bytes_per_second));
    say.bar(cells.down, rate(c.rx_bytes_per_second) / tops.down * 100);
    say.bar(cells.up, rate(c.tx_bytes_per_second) / tops.up * 100);
    value('connections', say.count(c.connections));
    value('today', say.size(say.today(c)));
    value('period', say.size(say.period(c)));
    say.set(cells.period.querySelector('.quota'), c.quota_bytes === null ? '' : `of ${say.size(c.quota_bytes)}`);
    say.bar(cells.period, say.percent(say.period(c), c.quota_bytes));
    value('seen', say.ago(latest.time, c));
    this.row.classList.toggle('away', !c.online);
    if (this.stale) {
      say.draw(cells.recent, this.trail.rx, this.trail.tx, Math.max(say.leastLine, tops.down / 50));
      this.stale = false;
    }
  }
}

// settle sorts anew, but where the order is by rates that go up and down it lets
// a row pass another only if it is clearly ahead.
function settle(all) {
  const { value, compare, calm } = orders[sort], sign = reversed ? -1 : 1;
  const by = compare ?? ((a, b) => value(b) - value(a));
  const before = new Map(shown.map((view, place) => [view, place]));
  if (!calm || reversed || before.size === 0) return all.sort((a, b) => sign * by(a, b));
  all.sort((a, b) => (before.get(a) ?? Infinity) - (before.get(b) ?? Infinity) || 0);
  for (let i = 1; i < all.length; i++) {
    const view = all[i], enough = value(view) / 1.1 - 1000;
    let to = i;
    while (to > 0 && value(all[to - 1]) < enough) to--;
    if (to < i) all.splice(to, 0, ...all.splice(i, 1));
  }
  return all;
}

function arrange() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [...views.values()].filter((view) => view.matches(words));
  shown = settle(found);
  const hidden = Math.max(0, shown.length - maxRows);
  say.set($('found'), `${found.length} ${found.length === 1 ? 'client' : 'clients'}${hidden ? `, ${hidden} of them not shown: use the filter` : ''}`);
  const tops = { down: say.leastBar, up: say.leastBar };
  for (const { client, trail } of views.values()) {
    tops.down = say.peak(tops.down, rate(client.rx_bytes_per_second), trail.rx);
    tops.up = say.peak(tops.up, rate(client.tx_bytes_per_second), trail.tx);
  }
  const rows = shown.slice(0, maxRows).map((view) => { view.draw(tops); return view.row; });
  place(rows);
}

// place puts the rows in order and moves as few as it can. Who moves keeps the
// keyboard's focus.
function place(rows) {
  const focus = document.activeElement, kept = new Set(rows);
  for (const row of [...body.rows]) if (!kept.has(row)) row.remove();
  rows.forEach((row, i) => { if (body.rows[i] !== row) body.insertBefore(row, body.rows[i] ?? null); });
  if (body.contains(focus) && document.activeElement !== focus) focus.focus({ preventScroll: true });
}

function show(doc) {
  latest = doc;
  const seconds = lineTime ? Math.min(10, (Date.parse(doc.time) - lineTime) / 1000) : 0;
  lineTime = Date.parse(doc.time);
  const next = new Map();
  for (const client of doc.clients) {
    const view = views.get(client.id) ?? new View(client);
    view.update(client, seconds);
    next.set(client.id, view);
  }
  views = next;
  const sums = doc.totals;
  say.set($('line-down'), say.rate(sums.rx_bytes_per_second));
  say.set($('line-up'), say.rate(sums.tx_bytes_per_second));
  say.set($('most-down'), say.most(doc.clients, sums.rx_bytes_per_second, (c) => c.rx_bytes_per_second));
  say.set($('most-up'), say.most(doc.clients, sums.tx_bytes_per_second, (c) => c.tx_bytes_per_second));
  if (line.add(rate(sums.rx_bytes_per_second), rate(sums.tx_bytes_per_second), seconds, say.slots)) say.draw($('line'), line.rx, line.tx, say.leastLine);
  say.set($('online'), String(sums.online));
  say.set($('known'), String(sums.clients));
  say.showUse(sums);
  say.showHealth(doc.health);
  arrange();
}

function start(doc) {
  views = new Map(doc.clients.map((client) => [client.id, new View(client)]));
  for (const row of [...body.rows]) if (!views.has(row.dataset.id)) row.remove();
  shown = [];
  line = new Trail(doc.totals.history.recent);
  lineTime = 0;
  say.draw($('line'), line.rx, line.tx, say.leastLine);
  show(doc);
}

// chosen puts the order into force, and into the address so that it can be kept.
function chosen(by) {
  reversed = by.startsWith('-');
  sort = by.replace('-', '');
  if (!orders[sort]) [sort, reversed] = ['down', false];
  for (const head of document.querySelectorAll('th[data-sort]')) {
    const here = head.dataset.sort === sort;
    const rises = Boolean(orders[head.dataset.sort].compare) !== reversed;
    if (here) head.setAttribute('aria-sort', rises ? 'ascending' : 'descending');
    else head.removeAttribute('aria-sort');
  }
  select.value = sort;
  keep();
  shown = [];
  if (latest) arrange();
}

function keep() {
  const query = new URLSearchParams();
  if (sort !== 'down' || reversed) query.set('sort', (reversed ? '-' : '') + sort);
  if (filter.value) query.set('q', filter.value);
  history.replaceState(null, '', query.size ? `?${query}` : location.pathname);
}

for (const head of document.querySelectorAll('th[data-sort]')) {
  head.querySelector('a').addEventListener('click', (event) => {
    event.preventDefault();
    const key = head.dataset.sort;
    chosen(key === sort && !reversed ? `-${key}` : key);
  });
}
select.addEventListener('change', () => chosen(select.value));
filter.addEventListener('input', () => { keep(); if (latest) arrange(); });
$('tools').addEventListener('submit', (event) => event.preventDefault());

chosen(new URLSearchParams(location.search).get('sort') ?? 'down');
follow('api/v1/clients?history=true', { start, next: show });
