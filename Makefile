# Everything a newcomer or a CI machine needs is one word away; `make help` lists the words.
# Each target prepares the machine by itself: Scripts/setup.sh installs what is missing and says so.

SHELL := /bin/bash
.NOTPARALLEL:
.DEFAULT_GOAL := help

# The release build of every product has the same flags, so that no module is compiled twice. Exclusivity is checked in the debug
# build, which runs the tests; bounds and overflow checks stay on in both.
RELEASE := -c release -Xswiftc -enforce-exclusivity=unchecked --static-swift-stdlib
BIN := .build/release
SWIFT_FILES := Package.swift Sources Tests Examples/Package.swift Examples/Sources
PYTHON := .venv/bin/python -B

# Builds with other compiler flags have directories of their own, so that the ordinary ones stay as they are.
FUZZ_BUILD := .build/libfuzzer
FUZZ_SECONDS ?= 60
# Everything that is not named here runs: `make fuzz FUZZ_TARGETS="sql recovery"`.
FUZZ_TARGETS ?= $(filter-out canary,$(notdir $(wildcard Fixtures/fuzz/*)))
# The suites with threads and sockets.
TSAN_SUITES ?= ApusSystemTests ApusHTTPTests ApusRemotingTests ApusNameServerTests ApusClientTests ApusBrokerTests

.PHONY: help setup serve build test lint unit sim sim-quick fuzz-smoke fuzz tsan asan interop kill9 kill9-quick bench
.PHONY: format clean powercut powercut-quick soak

help: ## Show this list
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: ## Install what the build needs (Debian packages), if anything is missing
	@Scripts/setup.sh build

serve: build ## Build and run a name server and a broker on 127.0.0.1 (ARGS="--store DIR …")
	@exec $(BIN)/apus serve $(ARGS)

build: setup ## Build the optimised binary at .build/release/apus
	@echo "== release build"
	@swift build $(RELEASE) --product apus

test: lint unit docs build examples sim-quick fuzz-smoke interop tour kill9-quick powercut-quick ## Everything CI runs: style, unit tests, simulator, fuzzing, clients, kill -9

lint: setup ## Check the formatting of all Swift files
	@echo "== format"
	@swift format lint --strict --parallel --recursive $(SWIFT_FILES)

unit: setup ## Debug build and unit tests
	@echo "== unit tests"
	@swift build --build-tests
	@swift test --skip-build --no-parallel >.build/unit.log 2>&1 && tail -n 1 .build/unit.log || { \
	  grep -aE 'recorded an issue|✘ Test run|error:|Fatal error|Crash' .build/unit.log | cut -c1-300 | tail -n 25; \
	  echo "unit tests failed; all they printed is in .build/unit.log"; exit 1; }

sim-quick: setup ## Crash simulator of store and broker, 200 seeds, and mistakes made on purpose
	@echo "== simulator, 200 seeds"
	@swift build $(RELEASE) --product apus-sim
	@$(BIN)/apus-sim --seeds 200
	@$(BIN)/apus-sim --canaries

sim: setup ## Crash simulator, 2,000 seeds
	@echo "== simulator, 2,000 seeds"
	@swift build $(RELEASE) --product apus-sim
	@$(BIN)/apus-sim --seeds 2000

fuzz-smoke: setup ## Short fuzzing of every decoder, without libFuzzer; the same inputs each time
	@echo "== fuzzing, short"
	@swift build $(RELEASE) --product apus-fuzz
	@mkdir -p .build/found
	@$(BIN)/apus-fuzz smoke --found .build/found

fuzz: setup ## libFuzzer on every target, FUZZ_SECONDS (60) each; FUZZ_TARGETS names some
	@echo "== libFuzzer, $(FUZZ_SECONDS) s a target"
	@swift build -c release -Xswiftc -enforce-exclusivity=unchecked -Xswiftc -DLIBFUZZER --sanitize fuzzer \
	  --scratch-path $(FUZZ_BUILD) --product apus-fuzz
	@Scripts/fuzz.sh $(FUZZ_BUILD)/release/apus-fuzz $(FUZZ_SECONDS) $(FUZZ_TARGETS)

tsan: setup ## Thread sanitizer on the suites with threads, and on a broker that real clients drive
	@Scripts/sanitize.sh thread $(TSAN_SUITES)

asan: setup ## Address sanitizer on all unit tests, and on a broker that real clients drive
	@Scripts/sanitize.sh address

interop: build ## Real third-party clients against a freshly started broker
	@Scripts/setup.sh interop
	@echo "== third-party clients"
	@$(PYTHON) Interop/run.py
	@$(PYTHON) Interop/access.py
	@echo "== TLS"
	@$(PYTHON) Interop/tls.py

kill9-quick: build
	@echo "== kill -9 under load"
	@python3 -B Interop/kill9.py --rounds 5 --canary
	@python3 -B Interop/kill9.py --rounds 4 --once
	@python3 -B Interop/kill9_delay.py --rounds 3
	@python3 -B Interop/kill9_transaction.py --rounds 3
	@python3 -B Interop/kill9_retry.py --rounds 3
	@echo "== starts behind another process"
	@python3 -B Interop/starts.py
	@echo "== damage in a stored file"
	@python3 -B Interop/damage.py

kill9: build ## kill -9 under load, 50 rounds
	@python3 -B Interop/kill9.py --rounds 50 --canary
	@python3 -B Interop/kill9.py --rounds 20 --once
	@python3 -B Interop/kill9_delay.py --rounds 20
	@python3 -B Interop/kill9_transaction.py --rounds 20
	@python3 -B Interop/kill9_retry.py --rounds 20

powercut-quick: build
	@echo "== power cuts"
	@python3 -B Interop/powercut.py --rounds 4 --canary
	@echo "== disks that are full, read-only or gone"
	@python3 -B Interop/disk_faults.py

powercut: build ## Cut the power of a broker's disk under load, ROUNDS=200 times a mode and kind of work (half an hour, root)
	@python3 -B Interop/powercut.py --rounds $(or $(ROUNDS),200) --canary
	@python3 -B Interop/disk_faults.py

soak: build ## Keep a broker at full load for MINUTES=60, and fail when it grows (root)
	@python3 -B Interop/soak.py --minutes $(or $(MINUTES),60)

.PHONY: examples docs tour
examples: setup ## Build the programs of Examples/ at .build/examples/debug
	@echo "== examples"
	@swift build --package-path Examples --scratch-path .build/examples

docs: setup ## Make the reference of ApusClient at .build/ApusClient.doccarchive
	@echo "== reference"
	@python3 -B Scripts/docs.py

tour: build examples ## The tour of README.md, run as it is written (needs the ports 9876, 10909 and 10911)
	@Scripts/setup.sh interop
	@echo "== tour"
	@$(PYTHON) Interop/tour.py

bench: build ## Measure the broker beside the floor and write docs/benchmarks.md (about six minutes)
	@Scripts/setup.sh bench
	@swift build $(RELEASE) --product apus-sim
	@python3 -B Benchmarks/compare.py

# Formatting a symbolic link would put a copy in its place.
format: setup ## Format all Swift files in place
	@find $(SWIFT_FILES) -type f -name '*.swift' -print0 | xargs -0 swift format format --in-place --parallel

clean: ## Remove what was built, the Python environment and nothing else
	@rm -rf .build .venv
