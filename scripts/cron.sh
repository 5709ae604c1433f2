#!/usr/bin/env bash
# cron.sh [MAJOR]: on Debian, as root: installs PostgreSQL (15 by default) with pg_cron, pgvector and drugembed, and tests
# drugembed.schedule there. Where Debian has no pgvector for it, pgvector is built from trixie's source package.
source "$(dirname "$0")/lib.sh"

MAJOR="${1:-15}"
PGVECTOR=pgvector_0.8.0.orig.tar.gz
PGVECTOR_SHA256=867a2c328d4928a5a9d6f052cd3bc78c7d60228a9b914ad32aa3db88e9de27b0
PG_CONFIG="/usr/lib/postgresql/$MAJOR/bin/pg_config"

is_root || die "please run this as root: it installs packages"
export DEBIAN_FRONTEND=noninteractive
say "installing PostgreSQL $MAJOR and pg_cron"
apt-get update -qq
apt-get install -y -qq --no-install-recommends "postgresql-$MAJOR" "postgresql-$MAJOR-cron" "postgresql-server-dev-$MAJOR" curl >"$CACHE/apt.log" 2>&1 ||
    die "apt-get could not install them; see $CACHE/apt.log"

if [ ! -e "$("$PG_CONFIG" --sharedir)/extension/vector.control" ]; then
    say "building pgvector"
    rm -rf "$CACHE/pgvector" && mkdir -p "$CACHE/pgvector"
    curl --fail --silent --show-error --output "$CACHE/$PGVECTOR" "http://deb.debian.org/debian/pool/main/p/pgvector/$PGVECTOR"
    echo "$PGVECTOR_SHA256  $CACHE/$PGVECTOR" | sha256sum --check --quiet
    tar -xzf "$CACHE/$PGVECTOR" -C "$CACHE/pgvector" --strip-components=1
    make -s -C "$CACHE/pgvector" install OPTFLAGS= PG_CONFIG="$PG_CONFIG"
fi

cd "$ROOT"
scripts/install.sh "$PG_CONFIG"
export DRUGEMBED_TEST_POSTGRES="$POSTGRES" ORT_DYLIB_PATH="$ONNXRUNTIME"
cargo test --release --package server-tests --test tracking -- cron
