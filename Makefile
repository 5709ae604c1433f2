# make demo           semantic drug search in a private PostgreSQL, from a bare checkout (DATA=folder for the real tables)
# make test           everything the project asserts, on PostgreSQL 18
# make torture        the long forms of the tests of faults: memory limits, failures of every call, changed files, interrupts, fuzzers, isolation
# make asan           the encoder's tests under AddressSanitizer, with a nightly toolchain
# make miri           those that Miri can run, likewise
# make aarch64        the kernel's tests on 64-bit Arm, in qemu-user
# make matrix         the suites of SQL and tables on every major that can be had (MAJORS="15 17" for some; SHORT=1)
# make clients        each example in examples/clients against a private server (CLIENTS="psycopg node" for some)
# make page           a search page in Korean on 127.0.0.1:8080, with the sample (DATA=folder for the real tables)
# make examples       tests of the examples: import, clients, page
# make bench          this project and its rivals, measured side by side (DATA=folder for the real tables; PARTS="search report" for some)
# make install        into one's own PostgreSQL: make install PG_CONFIG=/usr/lib/postgresql/16/bin/pg_config (DESTDIR=folder to stage)
# make deb            a Debian package for that PostgreSQL, in dist/: make deb PG_CONFIG=...
# make deb-pgvector   the same of pgvector, for a Debian that has none for its PostgreSQL
# make clean-machine  as root: installs the packages on minimal Debians without compilers, asks, removes (MAJORS="15 17")
# make dist           archives of the source, in dist/
# make lint           rustfmt and clippy
# make clean          removes what was built and fetched

PG_CONFIG ?= pg_config
SHELL := /bin/bash
TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
export DESTDIR PROFILE SHORT SUITES ARGUMENTS

.PHONY: demo test aarch64 asan miri torture matrix clients page examples import bench install deb deb-pgvector clean-machine dist lint setup server private clean
.NOTPARALLEL:

demo: private
	scripts/demo.sh

test: lint private
	scripts/test.sh

aarch64: setup
	scripts/aarch64.sh

asan miri: setup
	scripts/nightly.sh $@

torture: private
	scripts/torture.sh

matrix: setup
	scripts/matrix.sh $(MAJORS)

clients: private
	scripts/clients.sh $(CLIENTS)

page: private
	scripts/page.sh $(ADDRESS)

examples: import clients
	scripts/page.sh --test

import: private
	examples/import/test.sh
	CARGO_TARGET_DIR="$(TARGET)" cargo test --locked --manifest-path examples/Cargo.toml --package drug-fetch

bench: private
	scripts/bench.sh $(PARTS)

install: setup
	scripts/install.sh "$(PG_CONFIG)"

deb: setup
	scripts/package.sh "$(PG_CONFIG)"

deb-pgvector:
	scripts/package.sh --pgvector "$(PG_CONFIG)"

clean-machine: private
	scripts/clean_machine.sh $(MAJORS)

dist:
	scripts/dist.sh

# Clippy compiles against a server's headers.
lint: server
	scripts/lint.sh

setup:
	scripts/setup.sh

server: setup
	scripts/servers.sh 18

# The private PostgreSQL that demo and tests copy, with the extension in it.
private: server
	scripts/install.sh .cache/servers/18/bin/pg_config

clean:
	cargo clean
	rm -rf .cache dist
