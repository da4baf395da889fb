SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo dev test fuzz soak histories screenshots check test-chart-apiserver test-chart-kubelet image test-image bench polyglot proto reference examples fmt clean
# The bootstrap must run first, and cargo is parallel by itself.
.NOTPARALLEL:

# cargo and rustup store their files under HOME. If that is read-only, missing or another user's, rustup uses the home of the
# user database, and cargo downloads into .tools/.
ifeq ($(origin RUSTUP_HOME),undefined)
own := $(shell getent passwd $$(id -u) | cut -d: -f6)
ifneq ($(shell [ ! -d ~/.rustup/toolchains ] && [ -d $(own)/.rustup/toolchains ] && echo lost),)
export RUSTUP_HOME := $(own)/.rustup
endif
endif
ifeq ($(origin CARGO_HOME),undefined)
ifneq ($(shell [ -w ~/.cargo ] || { [ ! -e ~/.cargo ] && [ -w ~ ]; } || echo read-only),)
export CARGO_HOME := $(CURDIR)/.tools/cargo
endif
endif

# Built with the profile `demo`: in less than half the time of a release.
cairn := $(or $(CARGO_TARGET_DIR),target)/demo/cairn
bench := $(or $(CARGO_TARGET_DIR),target)/release/cairn-bench

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s  %s\n", $$1, $$2 }' Makefile

demo: ## Build Cairn and watch it at work, from an empty machine to a public link
	@scripts/bootstrap demo
	cargo build --profile demo --locked -p cairn-cli
	CAIRN_BIN=$(abspath $(cairn)) scripts/demo

dev: ## Run Cairn here: API, collector and a private Postgres in one process
	@scripts/bootstrap demo
	cargo build --profile demo --locked -p cairn-cli
	exec $(cairn) dev

test: export CAIRN_TEST_WEED ?= $(CURDIR)/.tools/venv/bin/weed
test: ## Run every test, against a real Postgres and a real S3 server
	@scripts/bootstrap test
	cargo test --workspace

fuzz: export CAIRN_FUZZ_SECONDS = $(SECONDS_EACH)
fuzz: export CAIRN_FUZZ_SEED = $(SEED)
fuzz: SECONDS_EACH ?= 60
fuzz: ## Feed what parses callers' bytes with mutations of fuzz/corpus for a minute each: SECONDS_EACH=60 SEED=...
	@scripts/bootstrap demo
	cargo test -p cairn-store -p cairn-api --lib $(or $(ONLY),fuzzed) -- --nocapture

soak: export CAIRN_TEST_WEED ?= $(CURDIR)/.tools/venv/bin/weed
soak: export CAIRN_SOAK_MINUTES = $(MINUTES)
soak: export CAIRN_SOAK_SEED = $(SEED)
soak: MINUTES ?= 10
soak: ## Kill and restart everything under load, and lose nothing: MINUTES=10 SEED=...
	@scripts/bootstrap test
	cargo test --workspace --test soak -- --nocapture

histories: export CAIRN_TEST_WEED ?= $(CURDIR)/.tools/venv/bin/weed
histories: export PROPTEST_CASES = $(CASES)
histories: export PROPTEST_RNG_SEED = $(SEED)
histories: CASES ?= 200
histories: SEED := $(strip $(or $(SEED),$(shell od -An -N4 -tu4 /dev/urandom)))
histories: ## Play random histories against the store: CASES=200 SEED=...
	@scripts/bootstrap test
	@echo "CASES=$(CASES) SEED=$(SEED)"
	cargo test --workspace --test histories -- --nocapture

screenshots: export CAIRN_TEST_WEED ?= $(CURDIR)/.tools/venv/bin/weed
screenshots: export CAIRN_SCREENSHOTS = $(CURDIR)/target/screenshots
screenshots: ## Take pictures of the pages, in both colour schemes, for a phone and a desktop: target/screenshots
	@scripts/bootstrap test
	mkdir -p $(CAIRN_SCREENSHOTS)
	cargo test --workspace --test api -- links::browser

check: ## Run every check that is not a test: format, lints, prose, layers, proto, chart, dependencies, documentation
	@scripts/bootstrap check
	cargo fmt --all --check
	shellcheck $$(git -c safe.directory='*' grep -lE '^#(!.*bash|.*shellcheck shell=bash)' -- .ci scripts clients examples deploy/image)
	! git -c safe.directory='*' grep -nE '^(<{7}|>{7}) '
	scripts/check-prose
	scripts/check-links
	scripts/check-facts
	scripts/check-layers
	scripts/check-migrations
	scripts/check-proto
	scripts/check-pins
	scripts/check-chart
	scripts/check-dependencies
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace

test-chart-apiserver: ## Install, upgrade and roll back the chart on a real API server, after building it
	@scripts/bootstrap cluster test
	scripts/test-chart-apiserver

test-chart-kubelet: image ## Run the chart's Pods and the sidecar under a real kubelet, after building it; needs root
	@scripts/bootstrap kubelet image test
	scripts/test-chart-kubelet

image: ## Build the container image without an engine: an OCI layout in target/image
	@scripts/bootstrap image
	deploy/image/build --here

test-image: export CAIRN_TEST_WEED ?= $(CURDIR)/.tools/venv/bin/weed
test-image: image ## Run the image's programs in its own root file system, read-only and as its own user
	@scripts/bootstrap image test
	scripts/test-image

bench: export CAIRN_TEST_WEED ?= $(CURDIR)/.tools/venv/bin/weed
bench: ## Compare Cairn with its peers in ten minutes; FULL=1: hours and 60 GB; ONLY=creates,lists; BEFORE=cairn-api
	@scripts/bootstrap bench
	cargo build --release --locked -p cairn-bench -p cairn-api -p cairn-cli
	$(bench) $(ONLY) --size $(if $(FULL),full,short) $(if $(ARTIFACTS),--artifacts $(ARTIFACTS)) $(if $(BEFORE),--before $(BEFORE))

polyglot: ## Lint, type-check and test the clients in other languages against their own Cairn; ONLY="python go"
	@scripts/bootstrap polyglot
	cargo build --profile demo --locked -p cairn-cli
	CAIRN_BIN=$(abspath $(cairn)) scripts/polyglot $(ONLY)

reference: ## Make the API reference of gRPC and of the Python client: target/reference/
	@scripts/bootstrap reference
	scripts/reference

proto: export BUF_CACHE_DIR ?= $(CURDIR)/.tools/buf
proto: ## Generate Python, TypeScript, Go and Java clients into proto/gen/
	@scripts/bootstrap proto
	.tools/npm/node_modules/.bin/buf generate

examples: ## Run a program in each of Python, TypeScript, Go, Java and Rust against their own Cairn; ONLY="python go"
	@scripts/bootstrap examples
	cargo build --profile demo --locked -p cairn-cli
	CAIRN_BIN=$(abspath $(cairn)) scripts/examples $(ONLY)

fmt: ## Format the Rust code and the protos
	@scripts/bootstrap check
	cargo fmt --all
	.tools/npm/node_modules/.bin/buf format --write

clean: ## Remove build results; .tools/ stays
	cargo clean
	rm -rf proto/gen examples/*/gen examples/python/venv examples/typescript/{node_modules,dist} examples/java/target
