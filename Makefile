# How Go builds this, said once: gocv with only the OpenCV modules that are used, so that any OpenCV from 4.6 on will do.
TAGS := -tags=gocv_specific_modules
# The second build: without cgo, and so without OpenCV. Its WebP encoder must load no library that the machine happens to have.
STATIC_TAGS := -tags=nodynamic
LDFLAGS = -X bgremove/cmd.version=$(VERSION) -X bgremove/cmd.commit=$(COMMIT)

VERSION = $(shell git describe --always --dirty --tags 2>/dev/null || echo dev)
COMMIT = $(shell git rev-parse --verify -q HEAD 2>/dev/null)

GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT := mvdan.cc/gofumpt@v0.12.0
DEADCODE := golang.org/x/tools/cmd/deadcode@v0.52.0

FUZZTIME ?= 10s
PHOTOS ?= ../shared/eval

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
export PATH := $(PATH):/usr/local/go/bin:$(CURDIR)/.setup/go/bin
.DEFAULT_GOAL := help
.PHONY: help run build static test bench microbench soak load fuzz lint fmt clean setup setup-test deploy-check training-setup

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Install what is missing, build, and start everything; ARGS="--log-level debug" adds flags
	exec bin/bgremove serve all $(ARGS)

build: setup ## Build bin/bgremove
	go build $(TAGS) -buildvcs=false -ldflags "$(LDFLAGS)" -o bin/bgremove .

static: ## Build bin/bgremove-static, which needs nothing of the machine: Go's codecs, the fast engine; only Go is needed for it
	CGO_ENABLED=0 go build $(STATIC_TAGS) -buildvcs=false -trimpath -ldflags "-s -w $(LDFLAGS)" -o bin/bgremove-static .

test: setup-test ## Run every test, of both builds where they differ; TESTFLAGS=-v names each
	go test -race $(TAGS) -timeout 20m $(TESTFLAGS) ./...
	CGO_ENABLED=0 go test $(STATIC_TAGS) -timeout 20m $(TESTFLAGS) ./imaging/... ./predict/... ./app/... ./cmd/...

bench: setup-test ## Measure what is promised, side by side with OpenCV, and write docs/benchmarks.md; needs photos with masks in PHOTOS
	go run $(TAGS) ./tools/benchmark -photos $(PHOTOS) -out docs/benchmarks.md

microbench: setup-test ## Run every benchmark of a single function
	go test $(TAGS) -run '^$$' -bench . -benchmem ./...

soak: setup-test ## Load the real program for half an hour, break its parts again and again, and judge; SOAKFLAGS="-mode all"
	go run $(TAGS) ./tools/soak $(SOAKFLAGS)

load: setup-test ## Measure throughput, latency and memory under many clients; LOADFLAGS="-clients 50"
	go run $(TAGS) ./tools/load $(LOADFLAGS)

fuzz: setup-test ## Run every fuzz target for FUZZTIME (10s), those of decoders in both builds
	@fuzz() { \
		go test "$$1" -run '^$$' -fuzz "^$$3$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "$$2" </dev/null; \
	}; \
	grep -ro '^func Fuzz[A-Za-z0-9_]*' --include='*_test.go' . | while IFS=: read -r file func; do \
		name=$${func#func } package=./$$(dirname "$$file"); \
		fuzz $(TAGS) "$$package" "$$name"; \
		if [[ $$name == FuzzDecode* ]]; then CGO_ENABLED=0 fuzz $(STATIC_TAGS) "$$package" "$$name"; fi; \
	done

lint: setup ## Check style, import directions and dead code, of both builds
	go run $(GOLANGCI_LINT) run
	CGO_ENABLED=0 go run $(GOLANGCI_LINT) run --build-tags nodynamic ./imaging/... ./predict/... ./app/... ./cmd/...
	@dead=$$(go run $(DEADCODE) -test $(TAGS) ./...); \
	static=$$(CGO_ENABLED=0 go run $(DEADCODE) -test $(STATIC_TAGS) ./...); \
	if [[ $$dead$$static ]]; then printf '%s\n' "$$dead" "$$static"; exit 1; fi

deploy-check: ## Check what deploy/ holds: image, compose files, units and chart, without a container engine or a cluster
	cd deploy/check && go vet ./... && go test -count=1 ./... # the cache of results does not see files outside the module

training-setup: training/.venv/made ## Make the Python environment of training/, some 6 GB, for which make test runs its tests too

training/.venv/made: training/requirements.txt
	python3 -m venv training/.venv
	training/.venv/bin/pip install --quiet --requirement training/requirements.txt
	touch $@

fmt: ## Format every Go file
	go run $(GOFUMPT) -w .

clean: ## Delete what was built
	rm -rf bin

setup:
	@./setup.sh

setup-test:
	@./setup.sh test
