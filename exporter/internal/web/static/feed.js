// Follows the router: the stream of snapshots while the page is seen, and a look
// every few seconds where there is no room on the stream.

import { set } from './words.js';

const pollPause = 5000, retryStream = 30000;

// follow calls start with all there is and its history, then next for each snapshot,
// which may answer what to say in place of "Live:".
export function follow(path, { start, next }) {
  const root = document.body.dataset.root;
  const state = document.getElementById('state'), time = document.getElementById('time');
  let stream, timer, began = 0;

  function tell(text, well) {
    set(state, text);
    document.documentElement.classList.toggle('lost', !well);
  }

  function show(doc) {
    time.dateTime = doc.time;
    set(time, new Date(doc.time).toLocaleTimeString());
    return next(doc);
  }

  async function ask(what) {
    const response = await fetch(root + what, { headers: { Accept: 'application/json' } });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return response.json();
  }

  async function begin() {
    end();
    const mine = ++began;
    try {
      const doc = await ask(path);
      if (mine !== began) return;
      start(doc);
    } catch {
      if (mine !== began) return;
      tell('Connection lost, trying again. As of', false);
      timer = setTimeout(begin, pollPause);
      return;
    }
    listen();
  }

  function listen() {
    stream = new EventSource(`${root}api/v1/stream`);
    stream.addEventListener('snapshot', (event) => {
      tell(show(JSON.parse(event.data)) ?? 'Live:', true);
    });
    stream.addEventListener('error', () => {
      if (stream.readyState !== EventSource.CLOSED) { // the browser tries again
        tell('Connection lost, trying again. As of', false);
        return;
      }
      poll(Date.now());
    });
  }

  // poll stands in for a stream that was refused.
  async function poll(since) {
    try {
      tell(show(await ask('api/v1/clients')) ?? 'Every 5 seconds, for many are looking:', true);
    } catch {
      tell('Connection lost, trying again. As of', false);
    }
    timer = setTimeout(() => (Date.now() - since > retryStream ? begin() : poll(since)), pollPause);
  }

  function end() {
    began++;
    clearTimeout(timer);
    stream?.close();
  }

  document.addEventListener('visibilitychange', () => (document.hidden ? end() : begin()));
  addEventListener('pagehide', end);
  addEventListener('pageshow', (event) => { if (event.persisted) begin(); });
  if (!document.hidden) begin();
}

// Trail keeps the last slots of a rate, from the router's history and then from
// snapshots.
export class Trail {
  constructor(history) {
    this.rx = history ? history.rx_bytes_per_second : [];
    this.tx = history ? history.tx_bytes_per_second : [];
    this.step = history ? history.step_seconds : 5;
    this.clear();
  }

  clear() { this.seconds = this.sumRX = this.sumTX = 0; }

  // add takes the rate over some seconds, and answers whether a slot is full.
  add(rx, tx, seconds, slots) {
    this.seconds += seconds;
    this.sumRX += rx * seconds;
    this.sumTX += tx * seconds;
    if (this.seconds < this.step) return false;
    this.rx = [...this.rx, this.sumRX / this.seconds].slice(-slots);
    this.tx = [...this.tx, this.sumTX / this.seconds].slice(-slots);
    this.clear();
    return true;
  }
}
