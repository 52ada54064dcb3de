#!/usr/bin/env python3
"""Stands in for Grafana, which Debian does not have, on the VM tests' router.

It draws nothing. It does with its configuration what Grafana does: takes the ini
file and command line of the unit, reads secrets through $__file{}, reads the
provisioned data sources and dashboards, and answers the parts of Grafana's HTTP API
that the tests ask for, to those who may ask.

    grafana server -homepath DIR -config FILE
"""

import argparse
import base64
import configparser
import http.server
import json
import pathlib
import re
import urllib.parse


def expand(value):
    """Replaces $__file{PATH} by what the file says, without white space around it."""
    return re.sub(r"\$__file\{(.*?)\}", lambda m: pathlib.Path(m[1]).read_text().strip(), value)


def load(path):
    ini = configparser.RawConfigParser()
    ini.read_string(pathlib.Path(path).read_text())
    return {name: {key: expand(value) for key, value in ini[name].items()} for name in ini.sections()}


def provisioned(folder, kind):
    """Reads what is provisioned, as JSON, which YAML includes."""
    for file in sorted(pathlib.Path(folder, kind).iterdir()):
        yield json.loads(file.read_text())


class Provisioning:
    def __init__(self, folder):
        self.sources = {
            source["uid"]: source for f in provisioned(folder, "datasources") for source in f["datasources"]
        }
        self.dashboards = {}
        for provider in (p for f in provisioned(folder, "dashboards") for p in f["providers"]):
            for file in pathlib.Path(provider["options"]["path"]).glob("*.json"):
                dashboard = json.loads(file.read_text())
                self.dashboards[dashboard["uid"]] = {
                    "dashboard": dashboard,
                    "meta": {"provisioned": True, "folderTitle": provider.get("folder", "General")},
                }

    def search(self):
        return [
            {"uid": uid, "title": d["dashboard"]["title"], "folderTitle": d["meta"]["folderTitle"], "type": "dash-db"}
            for uid, d in self.dashboards.items()
        ]


def handler(ini, provisioning):
    admin = f"{ini['security']['admin_user']}:{ini['security']['admin_password']}"
    anonymous = ini.get("auth.anonymous", {}).get("enabled") == "true"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path = urllib.parse.urlparse(self.path).path
            kind, _, uid = path.rpartition("/")
            given = self.headers.get("Authorization", "")
            is_admin = given == "Basic " + base64.b64encode(admin.encode()).decode()
            if given and not is_admin:
                self.answer(401, {"message": "Invalid username or password"})
            elif path == "/api/health":
                self.answer(200, {"database": "ok"})
            elif not (is_admin or anonymous):
                self.answer(401, {"message": "Unauthorized"})
            elif path == "/api/search":
                self.answer(200, provisioning.search())
            elif kind == "/api/dashboards/uid":
                self.found(provisioning.dashboards.get(uid))
            elif kind == "/api/datasources/uid" and is_admin:
                self.found(provisioning.sources.get(uid))
            else:
                self.answer(403 if kind == "/api/datasources/uid" else 404, {"message": "no"})

        def found(self, thing):
            self.answer(200 if thing else 404, thing or {"message": "Not found"})

        def answer(self, status, body):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

    return Handler


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["server"])
    parser.add_argument("-homepath")
    parser.add_argument("-config")
    ini = load(parser.parse_args().config)
    for key in "secret_key", "admin_password":
        if not ini["security"][key]:
            raise SystemExit(f"security.{key} is empty")
    where = (ini["server"]["http_addr"], int(ini["server"]["http_port"]))
    server = http.server.ThreadingHTTPServer(where, handler(ini, Provisioning(ini["paths"]["provisioning"])))
    server.serve_forever()


main()
