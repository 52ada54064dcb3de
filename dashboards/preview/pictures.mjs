// node pictures.mjs DASHBOARDS OUT [NAME…]: takes the pictures of the dashboards in
// a folder, or those named, with the data of the Prometheus at $PROMETHEUS, at the
// time $NOW in seconds. Fails if a panel is empty, a query is refused or the page
// reports an error.
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import sharp from 'sharp';
import { serve } from './serve.mjs';

const DESK = 1600, PHONE = 390;
// What services did is recorded for minutes, at an interval of its own. The end of such
// a short time has to be where no label stands, which the edge would cut off.
const minutes = `from=now-${process.env.SPAN}&scrape=${process.env.SCRAPE}`;
const now = process.env.SPAN ? Math.floor((process.env.NOW - 7.5) / 15) * 15 + 7.5 : Number(process.env.NOW);
const pictures = [
  { name: 'router-now', dashboard: 'router', theme: 'dark', width: DESK, top: 920 },
  { name: 'router-dark', dashboard: 'router', theme: 'dark', width: DESK },
  { name: 'router-light', dashboard: 'router', theme: 'light', width: DESK },
  { name: 'router-phone', dashboard: 'router', theme: 'dark', width: PHONE, scale: 2 },
  { name: 'client-dark', dashboard: 'client', theme: 'dark', width: DESK, query: 'var-client=tv-livingroom' },
  { name: 'client-light', dashboard: 'client', theme: 'light', width: DESK, query: 'var-client=tv-livingroom' },
  { name: 'router-latency', dashboard: 'latency', theme: 'dark', width: DESK, query: minutes },
  { name: 'router-speedtest', dashboard: 'speedtest', theme: 'dark', width: DESK, query: 'from=now-145s&scrape=1' },
  { name: 'router-shaping', dashboard: 'shaping', theme: 'dark', width: DESK, query: minutes },
  { name: 'router-ports-dhcp', dashboard: 'ports-dhcp', theme: 'dark', width: DESK, query: minutes },
  { name: 'router-dns', dashboard: 'dns', theme: 'dark', width: DESK, query: minutes },
  { name: 'router-services-light', dashboard: 'services', theme: 'light', width: DESK, query: minutes },
  { name: 'router-services-phone', dashboard: 'services', theme: 'dark', width: PHONE, query: minutes },
];

const [dashboards, out, ...only] = process.argv.slice(2);
const server = await serve(dashboards, process.env.PROMETHEUS);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  chromiumSandbox: process.getuid() !== 0, // root has none
  args: ['--disable-gpu', '--disable-background-networking'],
});
fs.mkdirSync(out, { recursive: true });
let failed = false;
const wanted = ({ name, dashboard }) => fs.existsSync(path.join(dashboards, `${dashboard}.json`)) && (!only.length || only.includes(name));
for (const picture of pictures.filter(wanted)) {
  const started = Date.now();
  const problems = await take(picture);
  console.log(`${picture.name}: ${((Date.now() - started) / 1000).toFixed(1)} s, ${Math.round(fs.statSync(file(picture)).size / 1024)} KiB`);
  for (const p of problems) { console.error(`  ${p}`); }
  failed ||= problems.length > 0;
}
await browser.close();
server.close();
process.exitCode = failed ? 1 : 0;

function file({ name }) { return path.join(out, `${name}.png`); }

async function take(picture) {
  const page = await browser.newPage({ viewport: { width: picture.width, height: 300 }, deviceScaleFactor: picture.scale ?? 1, timezoneId: 'UTC', locale: 'en-GB' });
  const problems = [];
  page.on('pageerror', (e) => problems.push(`page error: ${String(e.stack).slice(0, 600)}`));
  page.on('response', (r) => r.status() >= 400 && problems.push(`${r.status()} ${r.url()}`));
  page.on('console', (m) => m.type() === 'error' && !m.text().startsWith('Failed to load resource') && problems.push(`console: ${m.text().slice(0, 400)}`));
  await page.clock.setFixedTime(now * 1000); // for what is told relative to now
  await page.goto(`http://127.0.0.1:${server.address().port}/?dashboard=${picture.dashboard}&theme=${picture.theme}&${picture.query ?? ''}`);
  await page.waitForFunction('window.ready', null, { timeout: 60000 });
  problems.push(...await page.evaluate('window.problems'));
  // Tables draw no cells outside the window, so it grows to hold the whole page.
  const height = await page.evaluate('document.documentElement.scrollHeight');
  await page.setViewportSize({ width: picture.width, height });
  await page.waitForTimeout(500);
  const png = await page.screenshot({ clip: { x: 0, y: 0, width: picture.width, height: picture.top ?? height } });
  await page.close();
  fs.writeFileSync(file(picture), await sharp(png).png({ palette: true, effort: 10, quality: 100, dither: 0 }).toBuffer());
  return problems;
}
