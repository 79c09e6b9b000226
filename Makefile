# How Go builds this, said once: gocv with only the OpenCV modules that are used, so that any OpenCV from 4.6 on will do.
TAGS := -tags=gocv_specific_modules

VERSION = $(shell git describe --always --dirty --tags 2>/dev/null || echo dev)
COMMIT = $(shell git rev-parse --verify -q HEAD 2>/dev/null)

GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT := mvdan.cc/gofumpt@v0.12.0
DEADCODE := golang.org/x/tools/cmd/deadcode@v0.52.0

FUZZTIME ?= 10s

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
export PATH := $(PATH):/usr/local/go/bin:$(CURDIR)/.setup/go/bin
.DEFAULT_GOAL := help
.PHONY: help run build test bench fuzz lint fmt clean setup setup-test

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Install what is missing, build, and start everything; ARGS="--log-level debug" adds flags
	exec bin/bgremove serve all $(ARGS)

build: setup ## Build bin/bgremove
	go build $(TAGS) -buildvcs=false -ldflags "-X bgremove/cmd.version=$(VERSION) -X bgremove/cmd.commit=$(COMMIT)" -o bin/bgremove .

test: setup-test ## Run every test; TESTFLAGS=-v names each
	go test -race $(TAGS) -timeout 20m $(TESTFLAGS) ./...

bench: setup-test ## Run every benchmark
	go test $(TAGS) -run '^$$' -bench . -benchmem ./...

fuzz: setup-test ## Run every fuzz target for FUZZTIME (10s)
	@grep -ro '^func Fuzz[A-Za-z0-9_]*' --include='*_test.go' . | while IFS=: read -r file func; do \
		go test $(TAGS) -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "./$$(dirname "$$file")" </dev/null; \
	done

lint: setup ## Check style, import directions and dead code
	go run $(GOLANGCI_LINT) run
	@dead=$$(go run $(DEADCODE) -test $(TAGS) ./...); if [[ $$dead ]]; then echo "$$dead"; exit 1; fi

fmt: ## Format every Go file
	go run $(GOFUMPT) -w .

clean: ## Delete what was built
	rm -rf bin

setup:
	@./setup.sh

setup-test:
	@./setup.sh test
