package main

import (
	"strings"
	"text/template"

	"github.com/prometheus/common/version"
)

// manFuncs are what manPage needs beside kingpin's own functions.
var manFuncs = template.FuncMap{
	"roff":    strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace, // a bare - is a hyphen that nobody finds or copies
	"version": func() string { return version.Version },
}

// manPage is what --help-man writes, in the language of man(7). kingpin's own
// page has neither a line for apropos nor more than the flags.
const manPage = `.TH NETWORK\-METRICS\-EXPORTER 1 "" "{{.App.Name | roff}} {{version | roff}}" "Router monitoring"
.SH NAME
{{.App.Name | roff}} \- per\-client network metrics of a Linux router for Prometheus
.SH SYNOPSIS
.B {{.App.Name | roff}}
.RI [ flags ]
.br
.B {{.App.Name | roff}} top
.RI [ flags ]
.SH DESCRIPTION
{{.App.Help | roff}}
IPv4 and IPv6 are counted together, and each client is one series however many addresses it has.
.PP
The kernel does the counting, in an nftables table of the exporter's own named network_metrics;
it goes on while the exporter is away, and no rule of anybody else is touched.
That takes Linux 5.8 or later and CAP_NET_ADMIN.
The metrics are at http://127.0.0.1:9101/metrics, and http://127.0.0.1:9101/ shows who uses the line now.
.SH OPTIONS
{{range .App.Flags}}{{if not .Hidden -}}
.TP
\fB{{if .Short}}\-{{.Short | Char}}, {{end}}\-\-{{.Name | roff}}\fR{{if not .IsBoolFlag}}=\fI{{.FormatPlaceHolder | roff}}\fR{{end}}
{{.Help | roff}}
{{end}}{{end -}}
.SH FILES
.TP
.I /etc/network\-metrics\-exporter/config.yml
The configuration: interfaces, names of clients, DHCP lease files, quotas.
Without it every bridge or interface with a private subnet is watched, and the default routes' interfaces are the way to the Internet.
A mistake is answered with file, line, key and remedy. An example:
.IP
.EX
lan: {interfaces: [br\-lan]}
clients:
  \- {name: living room TV, mac: "52:54:00:12:34:56", type: tv}
  \- {name: nas, ip: 192.168.1.10}
.EE
.TP
.I /var/lib/network\-metrics
Totals and names that outlive a restart and a reboot, unless
.B state_dir
in the configuration names another folder.
.SH SIGNALS
.TP
.B SIGHUP
Read the configuration again. One that is not valid leaves the old one in force,
and network_exporter_config_last_reload_successful becomes 0.
.TP
.BR SIGTERM ", " SIGINT
Save totals and names, and end. The kernel goes on counting.
.SH ENVIRONMENT
.TP
.B STATE_DIRECTORY
The folder for totals and names where the configuration names none, as systemd's StateDirectory= sets it.
.TP
.BR NOTIFY_SOCKET ", " WATCHDOG_USEC ", " WATCHDOG_PID
Set by systemd for a service with Type=notify and WatchdogSec=:
the exporter tells when it answers scrapes, what it does and when it reloads or stops,
and is restarted if it hangs.
.TP
.B GOMEMLIMIT
A soft limit of memory, such as 64MiB, instead of the one that follows from
.BR accounting.max_clients .
.SH EXIT STATUS
0 after SIGTERM or SIGINT and for a valid configuration with \-\-config.check; 1 after any error, which is written to standard error.
.SH SEE ALSO
.BR nft (8),
.BR conntrack (8),
.BR systemd.service (5),
.BR prometheus (1)
`
