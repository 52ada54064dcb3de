# `make` lists the targets. Needed are Go and git; other programs come from
# tests/tools.sh, which installs nothing.

staticcheck = go run honnef.co/go/tools/cmd/staticcheck@v0.7.0

# Stamped into --version and the build info metric.
stamp   = github.com/prometheus/common/version
git     = $(or $(shell git $(1) 2>/dev/null),unknown)
ldflags = -X $(stamp).Version=$(patsubst v%,%,$(call git,describe --tags --always --dirty)) \
          -X $(stamp).Revision=$(call git,rev-parse HEAD) \
          -X $(stamp).Branch=$(call git,rev-parse --abbrev-ref HEAD)

# $(call with,TOOLS) puts the tools on the PATH, and into $$netns what a command
# needs before it to make network namespaces.
with = PATH="$$PATH:$$(tests/tools.sh --path $(1))" && export PATH && netns=$$(tests/namespaces.sh)
test_tools = nft conntrack busybox dnsmasq iptables-nft ip6tables-nft miniupnpd upnpc natpmpc kea-dhcp4 kea-dhcp6 kea-lfc nix nix-instantiate promtool prometheus prometheus-alertmanager amtool

# What ISC no longer maintains, so that not every distribution has it, and the
# tests that need it.
isc_tools = dhcpd dhclient
isc_tests = ^(TestServers|TestLeasesIPv[46]|TestAddressesMove|TestDownloadsBeforeALease|TestPoolOf(Dnsmasq|Kea))$$

# DNS servers with exporters, which Go builds from sources of others.
dns_tools = unbound unbound_exporter dnsmasq_exporter blocky json_exporter

# What the dashboards' pictures show at work.
preview_tools = nft busybox dnsmasq kea-dhcp4 kea-lfc miniupnpd upnpc natpmpc \
	unbound unbound_exporter dnsmasq_exporter blocky AdGuardHome json_exporter \
	speedtest_exporter prometheus nix-instantiate

# A checkout of nixpkgs or of its lib, by which the NixOS module is evaluated.
override export NIXPKGS_LIB := $(abspath $(NIXPKGS_LIB))

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

.PHONY: build
build: check-go ## build bin/network-metrics-exporter and bin/lab
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(ldflags)' -o bin/network-metrics-exporter ./exporter
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -o bin/lab ./tests/lab/cmd/lab

.PHONY: demo
demo: build ## watch a lab of 25 clients live until Ctrl-C; with DURATION=60s, end with a table
	@$(call with,nft prometheus) && \
	$$netns bin/lab demo --exporter=bin/network-metrics-exporter \
		--prometheus="$$(command -v prometheus)" --rules='alerts/*.rules.yml' $(if $(DURATION),--duration=$(DURATION))

.PHONY: test
test: lint ## run every test that this machine can, and say what was left out
	@$(call with,$(test_tools)) && race=-race && skip= && left_out= && \
	leave_out() { left_out="$$left_out\n- $$1"; } && \
	if ! go build -race runtime/cgo 2>/dev/null; then \
		race=; leave_out 'the race detector (-race): it needs a C compiler, such as gcc with libc6-dev'; \
	fi && \
	if ! tests/tools.sh $(isc_tools) >/dev/null; then \
		skip='$(isc_tests)'; leave_out 'leases of real DHCP servers: that needs dhcpd and dhclient of ISC'; \
	fi && \
	if ! command -v chromium >/dev/null && ! command -v google-chrome >/dev/null; then \
		skip="$${skip:+$$skip|}^TestBrowser$$"; leave_out 'the live page in a browser: that needs Chromium'; \
	fi && \
	if ! tests/tools.sh $(dns_tools) >/dev/null; then \
		leave_out 'sections of DNS servers on real ones: that needs $(dns_tools)'; \
	fi && \
	if [ -z "$$NIXPKGS_LIB" ]; then \
		leave_out 'evaluation of the NixOS module: it needs a checkout of nixpkgs, or of its lib, at NIXPKGS_LIB=path'; \
	fi && \
	if ! [ -d /lib/systemd/system ] || ! command -v systemd-analyze >/dev/null; then \
		leave_out 'the check of the units: it needs systemd-analyze and the units of systemd'; \
	fi && \
	go test $$race $${skip:+-skip "$$skip"} -timeout 10m -exec "$$netns" ./... && \
	$(MAKE) --no-print-directory fuzz FUZZTIME=3s && \
	printf "Left out:$${left_out:- nothing}\n"

.PHONY: vm-test
vm-test: build ## run the VM tests on Debian VMs under QEMU; with TESTS=metrics, those named
	CGO_ENABLED=0 go test -c -trimpath -buildvcs=false -o bin/exporter.test ./exporter
	@PATH="$$PATH:/usr/local/sbin:/usr/sbin:/sbin" python3 -B tests/vm/debian/run.py $(TESTS)

FUZZTIME = 1m
.PHONY: fuzz
fuzz: check-go ## let Go make up input for each parser, for FUZZTIME=1m each
	@grep -rnoE --include=*_test.go '^func Fuzz[A-Za-z]+' exporter | sed -E 's,^(.*)/[^/]*:func (.*),\1 \2,' | \
	while read -r package target; do \
		go test -run='^$$' -fuzz="^$$target$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=20x "./$$package" </dev/null || exit 1; \
	done

.PHONY: lint
lint: check-go ## check the formatting, go vet and staticcheck
	@unformatted=$$(gofmt -l .) && [ -z "$$unformatted" ] || { echo "run 'make fmt' for:" $$unformatted >&2; exit 1; }
	go vet ./...
	$(staticcheck) ./...

.PHONY: fmt
fmt: ## format the Go code
	gofmt -w .

.PHONY: faults
faults: check-go ## break all that can break around the exporter, and show what was lost
	@$(call with,$(test_tools)) && cd exporter && \
	go test -run='^TestFaults$$' -count=1 -timeout 20m -exec "$$netns" -args -thorough

OUT = bin/bench.json
.PHONY: bench
bench: build ## measure what counting costs beside the old way, 8 minutes; with QUICK=1 less, with OUT=FILE for the results
	@$(call with,nft conntrack) && \
	go build -o bin/bench ./tests/bench && $$netns bin/bench --exporter=bin/network-metrics-exporter --out='$(OUT)' $(if $(QUICK),--quick)

.PHONY: gobench
gobench: check-go ## run the Go benchmarks of single parts
	@$(call with,$(test_tools)) && \
	go test -run='^$$' -bench=. -benchmem -timeout 10m -exec "$$netns" ./...

.PHONY: dashboards
dashboards: check-go ## assemble dashboards/*.json from their parts
	@$(call with,nix-instantiate) && \
	go test ./dashboards -run TestCommittedIsAssembled -count=1 -update

.PHONY: module
module: check-go ## write down what the NixOS module makes: tests/module/golden, docs/nixos-options.md
	@[ "$$NIXPKGS_LIB" ] || { echo "set NIXPKGS_LIB=path, to a checkout of nixpkgs or of its lib" >&2; exit 1; }
	@$(call with,nix nix-instantiate) && \
	go test ./tests/module -run 'TestGolden|TestOptionsPage|TestVendorHash' -count=1 -update

.PHONY: preview
preview: build bin/vm/qos.prom ## draw the dashboards into docs/images, 10 minutes (needs Node.js, Chromium and QEMU)
	@$(call with,$(preview_tools)) && \
	go build -o bin/recorded-services ./tests/dashboards/cmd/recorded-services && \
	record="$$netns bin/recorded-services --exporter=bin/network-metrics-exporter" && \
	$$record --dns --out=bin/services.prom && $$record --speedtest --interval=35s --out=bin/speedtest.prom && \
	dashboards/preview/run.sh docs/images bin/services.prom bin/vm/qos.prom:network_qdisc_ bin/speedtest.prom:speedtest_

# What the exporter shows of CAKE, recorded where the kernel has it.
bin/vm/qos.prom:
	$(MAKE) --no-print-directory vm-test TESTS=recording

.PHONY: live-pictures
live-pictures: check-go ## draw the live page into docs/images, 8 minutes (needs Chromium)
	@$(call with,nft) && \
	go test ./tests/live -run='^TestPictures$$' -count=1 -timeout 20m -exec "$$netns" -args -pictures="$$PWD/docs/images"

.PHONY: clean
clean: ## remove what was built and fetched
	rm -rf bin .cache

.PHONY: check-go
check-go:
	@go list -m >/dev/null || { echo "this needs Go $$(sed -n 's/^go \([0-9]*\.[0-9]*\).*/\1/p' go.mod)" \
		"or newer (https://go.dev/doc/install); found: $$(go version 2>/dev/null || echo none)" >&2; exit 1; }
