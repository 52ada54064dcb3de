// Serves the built page, the dashboards and Prometheus from one loopback address.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const here = import.meta.dirname;
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json' };

export async function serve(dashboards, prometheus) {
  const server = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    if (pathname.startsWith('/prometheus/')) { return forward(prometheus + request.url.slice('/prometheus'.length), response); }
    const file = locate(dashboards, pathname);
    if (!fs.existsSync(file)) { return response.writeHead(404).end(); }
    response.writeHead(200, { 'content-type': types[path.extname(file)] ?? 'application/octet-stream' });
    fs.createReadStream(file).pipe(response);
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return server;
}

// A refused query is an answer like any other: the page shows the reason.
async function forward(url, response) {
  const answer = await fetch(url);
  response.writeHead(200, { 'content-type': 'application/json' }).end(await answer.text());
}

// The page's font, under the names that Grafana's styles ask for.
const fonts = { 'Inter-Regular': 400, 'Inter-Medium': 500 };

function locate(dashboards, pathname) {
  if (pathname === '/') { return path.join(here, 'dist/index.html'); }
  if (pathname.startsWith('/dashboards/')) { return path.join(dashboards, path.basename(pathname)); }
  if (pathname.startsWith('/fonts/inter/')) {
    return path.join(here, `node_modules/@fontsource/inter/files/inter-latin-${fonts[path.basename(pathname, '.woff2')]}-normal.woff2`);
  }
  const icons = path.join(here, 'node_modules/@grafana/ui/dist/public', path.normalize(pathname.replace(/^\/(public\/)?build\//, '/')));
  return fs.existsSync(icons) && fs.statSync(icons).isFile() ? icons : path.join(here, 'dist', path.normalize(pathname));
}
