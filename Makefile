# The commands of a day's work. Each is a few lines here, or a script of its own in scripts/.

CONFIGURATION ?= debug
SWIFT ?= swift
TESTFLAGS ?=
BENCHFLAGS ?=
FUZZFLAGS ?=
FORMATTED = Sources Tests Benchmarks/Package.swift Benchmarks/Sources \
  Fuzzing/Package.swift Fuzzing/Sources Package.swift

export CONFIGURATION SWIFT TESTFLAGS BENCHFLAGS

.DEFAULT_GOAL := help
.PHONY: help serve test test-address test-thread fuzz format lint bench bench-short guest-agent clean

help: ## Says what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: ## Installs what is missing, builds, and starts a daemon in which 127.0.0.1 is an instance
	@sh scripts/serve.sh

test: ## Installs what is missing, builds and runs the tests (TESTFLAGS='--filter …')
	@sh scripts/test.sh

test-address: ## The same with AddressSanitizer in tests, daemons and commands
	@sh scripts/test-sanitized.sh address

test-thread: ## The same with ThreadSanitizer: races, in whatever the tests make run
	@sh scripts/test-sanitized.sh thread

fuzz: ## Fuzzes everything that reads what others send (FUZZFLAGS='--minutes 60 requests')
	@sh scripts/fuzz.sh $(FUZZFLAGS)

format: ## Formats the sources in place
	$(SWIFT) format --in-place --parallel --recursive $(wildcard $(FORMATTED))

lint: ## Checks the format and who imports whom
	$(SWIFT) format lint --strict --parallel --recursive $(wildcard $(FORMATTED))
	@sh scripts/check-imports.sh --self-test
	@sh scripts/check-imports.sh

bench: ## Measures beside nginx, in full; writes docs/performance (BENCHFLAGS='--rounds 3')
	@sh scripts/bench.sh $(BENCHFLAGS)

bench-short: ## The same in a minute: only has to run without a failed request
	@sh scripts/bench.sh --short $(BENCHFLAGS)

guest-agent: ## Builds nameplate-guest for images, with the Swift runtime inside
	@sh scripts/guest-agent.sh

clean: ## Removes what was built and the state of make serve
	rm -rf .build .build-address .build-thread Benchmarks/.build Fuzzing/.build Fuzzing/.build-coverage .fuzz .serve
