# Every command a developer can count on. "make help" lists them.
SHELL := bash
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/skanse/skanse/internal/app.Version=$(VERSION)
GO_FILES := $(shell git ls-files -co --exclude-standard '*.go' 'go.*' 'catalog/*' 2>/dev/null)
WEB_FILES := $(shell git ls-files -co --exclude-standard web 2>/dev/null | grep -v -e '^web/dist/' -e '^web/e2e/')
CORPUS ?= ../shared/corpus/captures
LINT := go tool -modfile=tools/go.mod golangci-lint
export CGO_ENABLED = 0

.PHONY: help demo test build lint lint-web unit race real e2e crash bench score fuzz soak record deb dist release-fixture docs api clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | column -t -s "$$(printf '\t')"

demo: build ## install what is missing, build, serve the example plant at http://localhost:8080
	bin/skanse demo

build: web/dist/index.html bin/skanse ## the binary with the interface inside: bin/skanse

bin/skanse: $(GO_FILES) web/dist/index.html
	go build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/skanse

web/dist/index.html: $(WEB_FILES)
	tools/install build
	cd web && npm run --silent build

# What CI runs: all layers, each of which fails rather than skip what it requires.
test: ## install what is missing and run every test
	tools/install test
	@test/run

lint: ## static checks of both languages
	$(LINT) run --allow-parallel-runners
	cd web && npm run --silent check

unit: ## Go tests and vitest, nothing installed but the toolchains
	go test ./...
	cd web && npm test --silent

race: ## the packages with goroutines, under the race detector (needs gcc)
	CGO_ENABLED=1 go test -race ./internal/bus/... ./internal/job/... ./internal/sensor/... ./internal/network/... ./internal/audit/...

e2e: build ## the flows of a user, in a browser, on the real server
	test/e2e

crash: ## kill -9 at random points, a full disk, two servers on one folder
	go test -count=1 -run Crash ./test/...

bench: ## speed against a bare record walk in the same run (writes the plant capture once)
	test/bench

score: build ## against the independent truth beside the public captures
	@if [ -d $(CORPUS) ]; then python3 $(CORPUS)/../../score/score.py bin/skanse $(CORPUS); \
	else echo "score: $(CORPUS) is not on this machine; nothing was scored"; fi

fuzz: ## make fuzz P=modbus FUZZTIME=60s: one dissector; without P every fuzz target, the least fuzzed first; test/fuzz.log adds up
	test/fuzz

soak: build ## long runs by hand; write what you saw into docs/measured.md
	SKANSE_SOAK=1 go test -count=1 -timeout 60m -run 'Soak|Crash' ./test/...
	SKANSE_SOAK=1 go test -count=1 -timeout 60m -run Soak -v ./internal/baseline ./internal/app

record: ## record captures of real peers on loopback into test/peers (needs root and tcpdump)
	test/record

DEB_ARCH := $(shell dpkg --print-architecture 2>/dev/null || echo amd64)
deb: build ## the Debian package of this machine's architecture: dist/skanse_VERSION_ARCH.deb
	mkdir -p dist
	tools/deb bin/skanse $(DEB_ARCH) $(VERSION) dist/skanse_$(VERSION:v%=%)_$(DEB_ARCH).deb

dist: web/dist/index.html ## everything that is given away: all platforms, packages, check sums, list of parts
	tools/dist $(VERSION)

TAG ?= v0.1.0
release-fixture: ## TAG=v0.2.0: fill an installation with a release's own program, for the upgrade tests
	tools/release-fixture $(TAG)

docs: ## write docs/protocols.md from the dissectors
	go test ./internal/dissect/all -run TestProtocolsPageIsCurrent -count=1 -update

api: ## write the OpenAPI description and the client's types anew
	go run ./cmd/skanse openapi > web/src/api/openapi.json
	cd web && npm run --silent api

clean:
	rm -rf bin web/node_modules
	find web/dist -mindepth 1 ! -name .gitkeep -delete
