// What words.go and draw.go say, for what comes later than the page.

export const nothing = '–';

function digits(v) { return v.toFixed(v >= 100 ? 0 : v >= 10 ? 1 : 2); }

// rate is bytes a second in bits, as lines are sold.
export function rate(n) {
  if (n === null || n === undefined) return nothing;
  const bits = n * 8;
  if (bits >= 1e9) return `${digits(bits / 1e9)} Gbit/s`;
  if (bits >= 1e6) return `${digits(bits / 1e6)} Mbit/s`;
  return bits === 0 ? '0' : `${digits(bits / 1e3)} kbit/s`;
}

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

export function size(n) {
  let unit = 0, v = n;
  for (; v >= 1000 && unit < units.length - 1; unit++) v /= 1000;
  return unit === 0 ? `${n} B` : `${digits(v)} ${units[unit]}`;
}

export function count(n) { return n === null ? nothing : String(n); }

export function ago(now, client) {
  if (client.online) return 'online';
  if (!client.last_seen) return 'never seen';
  const s = (Date.parse(now) - Date.parse(client.last_seen)) / 1000;
  if (s < 3600) return `${Math.max(1, Math.floor(s / 60))} min ago`;
  if (s < 48 * 3600) return `${Math.floor(s / 3600)} h ago`;
  return `${Math.floor(s / 86400)} days ago`;
}

export function what(client) {
  return [client.type, client.vendor, client.random_mac ? 'private address' : ''].filter(Boolean).join(' · ');
}

export function today(use) { return use.today_rx_bytes + use.today_tx_bytes; }
export function period(use) { return use.period_rx_bytes + use.period_tx_bytes; }
// split tells both directions apart; a line may break between them only.
export function split(rx, tx) { return [`↓ ${size(rx)}`, `↑ ${size(tx)}`].map((s) => s.replaceAll(' ', '\u00a0')).join(' '); }

// most names the client with the largest share of the line.
export function most(clients, of, rate) {
  const top = clients.reduce((a, b) => ((rate(b) ?? 0) > (rate(a) ?? 0) ? b : a), clients[0]);
  if (!top || !rate(top) || !of) return '';
  return `${top.name} ${Math.min(100, rate(top) / of * 100).toFixed(0)} %`;
}

// percent of a quota, 100 at most.
export function percent(n, of) { return of ? Math.min(100, n / of * 100) : 0; }

export function health(h) {
  const answers = Object.values(h.sources);
  const parts = h.ok ? ['All is well'] : [...h.problems];
  parts.push(`${answers.filter(Boolean).length} of ${answers.length} sources answer`);
  if (h.accounting === 'off') return [...parts, 'bytes are not counted'].join(' · ');
  const missing = Math.abs(h.audit.rx_difference_bytes) + Math.abs(h.audit.tx_difference_bytes);
  return [...parts, `audit: ${size(missing)} missing`, `counted at the ${h.accounting} hook`].join(' · ');
}

// Scales never go below these rates, in bytes a second.
export const leastBar = 1e6 / 8, leastLine = 1e5 / 8;

const width = 120, height = 30;
export const slots = 60;

// line is the path of rates in SVG, from the middle of slot to slot and flat to the
// ends; an area down to the ground where it is closed.
export function line(rates, top, closed) {
  if (rates.length === 0) return '';
  const step = width / slots, left = width - step * rates.length;
  const point = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`, high = (n) => height * (1 - Math.min(1, n / top));
  const points = [point(left, high(rates[0])), ...rates.map((n, i) => point(left + step * (i + 0.5), high(n))), point(width, high(rates.at(-1)))];
  return closed ? `M${point(left, height)}L${points.join('L')}L${point(width, height)}Z` : `M${points.join('L')}`;
}

export function peak(least, ...lists) { return Math.max(least, ...lists.flat()); }

// set and attribute touch the page only where something changed.
export function set(node, text) { if (node.textContent !== text) node.textContent = text; }
export function attribute(node, name, value) { if (node.getAttribute(name) !== value) node.setAttribute(name, value); }

export function draw(box, rx, tx, least) {
  const top = peak(least, rx, tx);
  attribute(box.querySelector('path.down'), 'd', line(rx, top, true));
  attribute(box.querySelector('path.up'), 'd', line(tx, top, false));
  return top;
}

export function bar(box, share) { attribute(box.querySelector('rect'), 'width', Math.min(100, share).toFixed(1)); }

// showUse fills in what all clients and one have in common.
export function showUse(use) {
  const $ = (id) => document.getElementById(id);
  set($('connections'), count(use.connections));
  set($('today'), size(today(use)));
  set($('today-split'), split(use.today_rx_bytes, use.today_tx_bytes));
  set($('used'), size(period(use)));
  if ($('period-split')) set($('period-split'), split(use.period_rx_bytes, use.period_tx_bytes));
  else bar($('period'), percent(period(use), use.quota_bytes));
}

export function showHealth(h) {
  const node = document.getElementById('health');
  set(node, health(h));
  node.classList.toggle('amiss', !h.ok);
}
