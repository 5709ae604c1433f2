# Shared by the scripts: where things are, and how to become the user that runs a server.
# shellcheck shell=bash disable=SC2034

set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
CACHE="$ROOT/.cache"
TARGET="${CARGO_TARGET_DIR:-$ROOT/target}"
# Servers to test in, .cache/servers/MAJOR, each with a "bin" (scripts/servers.sh). The one of this major serves demo, tests and bench.
SERVERS="$CACHE/servers"
MAIN_MAJOR=18
POSTGRES="$SERVERS/$MAIN_MAJOR"
ONNXRUNTIME="$CACHE/onnxruntime/libonnxruntime.so.1.28.0"
SERVER_USER=drugembed

export PATH="$CACHE/cargo/bin:${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

say() { printf '%s [%4ds] %s\n' "--" "$SECONDS" "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
is_root() { [ "$(id -u)" = 0 ]; }

# What pgrx compiles against, instead of what "cargo pgrx init" would have recorded in the home folder.
export PGRX_PG_CONFIG_PATH="$POSTGRES/bin/pg_config"

# apt_install PACKAGE...: from Debian or Ubuntu, as root.
apt_install() {
    if ! is_root || ! command -v apt-get >/dev/null; then
        die "please install: $* (on Debian and Ubuntu: sudo apt-get install $*)"
    fi
    say "installing system packages: $*"
    mkdir -p "$CACHE"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } >"$CACHE/apt.log" 2>&1 ||
        die "apt-get could not install $*; see $CACHE/apt.log"
}

# absolute PG_CONFIG: its path, or an error.
absolute_pg_config() {
    command -v "$1" >/dev/null || die "\"$1\" is not a pg_config; give its path as PG_CONFIG=..."
    realpath "$(command -v "$1")"
}

# pg_config_of MAJOR: of a server to test in.
pg_config_of() {
    if [ -e "$SERVERS/$1/pg_config" ]; then echo "$SERVERS/$1/pg_config"; else echo "$SERVERS/$1/bin/pg_config"; fi
}

major_of() { "$1" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/'; }

# Version of the extension, as in Cargo.toml.
version() { sed -n 's/^version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml" | head -n 1; }

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
