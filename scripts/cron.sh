#!/usr/bin/env bash
# cron.sh [MAJOR]: on Debian, as root: installs PostgreSQL (15 by default) with pg_cron, pgvector and drugembed, and tests
# drugembed.schedule there. Where Debian has no pgvector for it, pgvector is built from trixie's source package.
source "$(dirname "$0")/lib.sh"
source "$ROOT/scripts/sources.sh"

MAJOR="${1:-15}"
PG_CONFIG="/usr/lib/postgresql/$MAJOR/bin/pg_config"

is_root || die "please run this as root: it installs packages"
export DEBIAN_FRONTEND=noninteractive
say "installing PostgreSQL $MAJOR and pg_cron"
apt-get update -qq
apt-get install -y -qq --no-install-recommends "postgresql-$MAJOR" "postgresql-$MAJOR-cron" "postgresql-server-dev-$MAJOR" >"$CACHE/apt.log" 2>&1 ||
    die "apt-get could not install them; see $CACHE/apt.log"

pgvector "$PG_CONFIG"

cd "$ROOT"
scripts/install.sh "$PG_CONFIG"
export DRUGEMBED_TEST_POSTGRES="$POSTGRES" ORT_DYLIB_PATH="$ONNXRUNTIME"
cargo test --release --package server-tests --test tracking -- cron
