# Building, running and checking Tollgate. Needs Go (the version of go.mod or newer)
# and git; everything else is fetched through Go's module system, but for the Redis
# that the tests run, which apt installs.

MODULE   := github.com/caddy-gateway/tollgate
TAGS     := nobadger,nomysql,nopgx
# Without the 131 MB of models of the world's languages: what is tried out and tested.
TAGS_SLIM := $(TAGS),nolingua
CONFIG   ?= caddyfile-examples/quickstart.Caddyfile
FUZZTIME ?= 30s
SOAK     ?= 20
LOAD     ?= 10m
BENCH    ?= .
BENCHTIME ?= 1s

GOLANGCI_VERSION := v2.15.0
GOLANGCI := bin/golangci-lint-$(GOLANGCI_VERSION)

# Each module is tested with its own go.mod.
MODULES  := . integration

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this help
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: go
go:
	@command -v go >/dev/null || { \
	  echo "Go is missing. Install $$(awk '$$1 == "go" { print "go" $$2 }' go.mod) or newer: https://go.dev/doc/install" >&2; \
	  exit 1; }

.PHONY: build
build: go ## Build bin/caddy: Caddy with every gateway module
	CGO_ENABLED=0 go build -trimpath -tags=$(TAGS) -o bin/caddy ./cmd/caddy

.PHONY: slim
slim: go ## Build bin/caddy-slim: the same without the detector lingua, 131 MB less
	CGO_ENABLED=0 go build -trimpath -tags=$(TAGS_SLIM) -o bin/caddy-slim ./cmd/caddy

.PHONY: run
run: slim ## Run the quick start, a gateway on :8300 (CONFIG=file for another)
	bin/caddy-slim run --adapter caddyfile --config $(CONFIG)

# Tests run real Redis servers. Where there is apt, the programs are installed.
REDIS_PACKAGES = $$(command -v redis-server >/dev/null || echo redis-server) $$(command -v redis-sentinel >/dev/null || echo redis-sentinel)

.PHONY: redis
redis:
	@missing="$$(echo $(REDIS_PACKAGES))"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
	  echo "The tests need $$missing, version 7 or newer: https://redis.io/docs/latest/operate/oss_and_stack/install/" >&2; \
	  exit 1; \
	fi; \
	sudo=; [ "$$(id -u)" -eq 0 ] || sudo=sudo; \
	echo "The tests need $$missing, which is being installed"; \
	$$sudo apt-get update -qq && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing

# Tests of what happens when Redis is slow or gone go by the clock: nothing runs beside
# them but what they start themselves.
TIMED    := go list -tags=$(TAGS_SLIM) ./... | grep -E 'redis'
UNTIMED  := go list -tags=$(TAGS_SLIM) ./... | grep -vE 'redis'

.PHONY: test
test: go redis ## Run all tests
	go test -tags=$(TAGS_SLIM) $$($(UNTIMED))
	go test -tags=$(TAGS_SLIM) -p=1 $$($(TIMED))
	cd integration && go test -timeout=25m -tags=$(TAGS_SLIM) ./...

# Tests of pages run where a Chromium is; this target sees to it that there is one.
.PHONY: browser
browser: go redis ## Run the tests in which a headless Chromium is the client
	@if ! command -v chromium >/dev/null; then \
	  command -v apt-get >/dev/null || { echo "The tests need chromium" >&2; exit 1; }; \
	  sudo=; [ "$$(id -u)" -eq 0 ] || sudo=sudo; \
	  echo "The tests need chromium, which is being installed"; \
	  $$sudo apt-get update -qq && \
	  $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium || exit 1; \
	fi
	cd integration && TOLLGATE_BROWSER=required go test -tags=$(TAGS_SLIM) -count=1 -run '^TestPage' .

.PHONY: race
race: go redis ## Run the tests with the race detector, without the slowest ones
	go test -race -short -timeout=25m -tags=$(TAGS_SLIM) $$($(UNTIMED))
	go test -race -short -tags=$(TAGS_SLIM) -p=1 $$($(TIMED))
	cd integration && go test -race -short -timeout=25m -tags=$(TAGS_SLIM) ./...

.PHONY: soak
soak: go redis ## Run the tests of accounting and budgets SOAK (20) times as long
	cd integration && TOLLGATE_SOAK=$(SOAK) go test -tags=$(TAGS_SLIM) -count=1 -timeout=2h -v -p=1 ./accounting ./budgets

.PHONY: load
load: slim ## Put both example systems under mixed traffic for LOAD (10m)
	cd integration && go run ./load -caddy ../bin/caddy-slim -for $(LOAD)

# The public tests of HTTP caches, of which nothing is kept here. They are written for Node.js.
CACHE_SUITE_VERSION := 0.4.5
CACHE_SUITE := bin/http-cache-tests-$(CACHE_SUITE_VERSION)

.PHONY: http-cache-tests
http-cache-tests: slim $(CACHE_SUITE)/node_modules ## Run the public suite of tests for HTTP caches (needs Node.js)
	cd integration && go run ./cachesuite -gateway ../bin/caddy-slim -suite ../$(CACHE_SUITE)/node_modules/http-cache-tests

$(CACHE_SUITE)/node_modules:
	@command -v npm >/dev/null || { echo "The suite needs Node.js 20 or newer, with npm: https://nodejs.org/en/download" >&2; exit 1; }
	rm -rf $(CACHE_SUITE)
	mkdir -p $(CACHE_SUITE)/new
	npm install --prefix $(CACHE_SUITE)/new --no-save --no-package-lock --no-audit --no-fund --ignore-scripts http-cache-tests@$(CACHE_SUITE_VERSION)
	mv $(CACHE_SUITE)/new/node_modules $@

# What the commands of the guides run, with the packages that apt has it in.
GUIDE_PACKAGES = $$(for pair in curl:curl python3:python3 node:nodejs chromium:chromium; do \
  command -v $${pair%:*} >/dev/null || echo $${pair\#*:}; done)

.PHONY: guides
guides: go ## Do all that docs/guides says, also in Python, Node.js and a browser
	@missing="$$(echo $(GUIDE_PACKAGES))"; \
	if [ -n "$$missing" ]; then \
	  command -v apt-get >/dev/null || { echo "The guides need $$missing" >&2; exit 1; }; \
	  sudo=; [ "$$(id -u)" -eq 0 ] || sudo=sudo; \
	  echo "The guides need $$missing, which is being installed"; \
	  $$sudo apt-get update -qq && \
	  $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing || exit 1; \
	fi
	cd integration && TOLLGATE_GUIDES=all go test -tags=$(TAGS_SLIM) -count=1 ./guides/...

.PHONY: route-tables
route-tables: go ## Write the tables of routes into the guides of the example systems
	cd integration && go run -tags=$(TAGS_SLIM) ./guides/routes

.PHONY: vet
vet: go ## Run go vet
	go vet -tags=$(TAGS) ./...
	cd integration && go vet -tags=$(TAGS) ./...

.PHONY: fmt-check
fmt-check: go ## Fail if a Go file is not formatted
	@unformatted=$$(git ls-files -z --cached --others --exclude-standard -- '*.go' | xargs -0 gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "not formatted:"; echo "$$unformatted"; exit 1; fi

.PHONY: lint
lint: $(GOLANGCI) ## Run golangci-lint (built once, into bin/)
	$(GOLANGCI) run ./...
	cd integration && ../$(GOLANGCI) run --config ../.golangci.yml ./...

$(GOLANGCI): | go
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv bin/golangci-lint $@

.PHONY: bench
bench: go redis ## Run the benchmarks (BENCH=regexp, BENCHTIME=1s)
	@for module in $(MODULES); do \
	  packages=$$(cd $$module && git grep -l --untracked '^func Benchmark' -- '*_test.go' ':!integration' | xargs -r -n1 dirname | sort -u | sed 's,^,./,'); \
	  if [ -n "$$packages" ]; then \
	    (cd $$module && go test -tags=$(TAGS_SLIM) -run='^$$' -bench='$(BENCH)' -benchtime=$(BENCHTIME) -benchmem $$packages) || exit 1; \
	  fi; \
	done

.PHONY: fuzz
fuzz: go ## Run each fuzz target for FUZZTIME (30s)
	@git grep --untracked -Eo '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' | sed 's/:func /:/' | while IFS=: read -r file target; do \
	  echo "$$file $$target"; \
	  directory=$$(dirname "$$file"); \
	  (cd "$$directory" && go test -tags=$(TAGS_SLIM) -run='^$$' -fuzz="^$$target$$" -fuzztime=$(FUZZTIME) . </dev/null) || exit 1; \
	done

.PHONY: language-model
language-model: go ## Learn the tables of language identification from DATA/train.tsv
	@test -n "$(DATA)" || { echo "Say where the text is: make language-model DATA=FOLDER" >&2; exit 1; }
	go run ./modules/internal/langid/train $(DATA)

.PHONY: language-report
language-report: go ## Measure language identification on DATA/dev.tsv, beside lingua-go
	@test -n "$(DATA)" || { echo "Say where the text is: make language-report DATA=FOLDER" >&2; exit 1; }
	@mkdir -p bin
	@go run ./modules/internal/langid/accuracy -windows bin/language-texts.txt $(DATA)
	@cd integration && go run ./langid <../bin/language-texts.txt >../bin/language-lingua.txt
	@go run ./modules/internal/langid/accuracy -against lingua-go=bin/language-lingua.txt $(DATA)

.PHONY: clean
clean: ## Remove what the build made
	rm -rf bin
