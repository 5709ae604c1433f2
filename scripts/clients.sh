#!/usr/bin/env bash
# clients.sh [CLIENT...]: runs each example of examples/clients against a private server, and compares what it prints.
source "$(dirname "$0")/lib.sh"
source "$ROOT/scripts/private.sh"

CLIENTS="$ROOT/examples/clients"
WORK="$CACHE/clients"
# Two vectors of 384 numbers, the only sugar, and the two painkillers, of which the better one comes first.
EXPECTED=$'2 384\n중외5%포도당주사액\n판콜에이내복액\n벤나민정(벤지다민염산염)'

python() {
    if ! cmp --silent "$CLIENTS/requirements.txt" "$WORK/requirements.txt"; then
        say "installing the Python clients" >&2
        rm -rf "$WORK/venv" && mkdir -p "$WORK"
        python3 -m venv "$WORK/venv" || die "python3 cannot make a virtual environment; on Debian: apt-get install python3-venv"
        "$WORK/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$CLIENTS/requirements.txt"
        cp "$CLIENTS/requirements.txt" "$WORK"
    fi
    "$WORK/venv/bin/python" "$CLIENTS/$1_example.py"
}

node_client() {
    command -v npm >/dev/null || apt_install nodejs npm
    if ! cmp --silent "$CLIENTS/package-lock.json" "$WORK/node/package-lock.json"; then
        say "installing the Node client" >&2
        mkdir -p "$WORK/node"
        cp "$CLIENTS"/package*.json "$WORK/node"
        npm --prefix "$WORK/node" ci --silent --no-fund --no-audit
    fi
    # Modules are looked for beside the script.
    cp "$CLIENTS/node_example.mjs" "$WORK/node"
    node "$WORK/node/node_example.mjs"
}

jdbc() {
    local driver=/usr/share/java/postgresql.jar
    command -v java >/dev/null || apt_install default-jdk-headless >&2
    [ -e "$driver" ] || apt_install libpostgresql-jdbc-java >&2
    java -cp "$driver" "$CLIENTS/JdbcExample.java"
}

rust() {
    CARGO_TARGET_DIR="$TARGET" cargo run --quiet --locked --manifest-path "$ROOT/examples/Cargo.toml" --package drugembed-clients --bin "$1"
}

client() {
    case "$1" in
        node) node_client ;;
        jdbc) jdbc ;;
        tokio_postgres | sqlx) rust "$1" ;;
        *) python "$1" ;;
    esac
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

[ $# -gt 0 ] || set -- psycopg sqlalchemy django langchain llamaindex asyncpg node jdbc tokio_postgres sqlx
PORT="$(free_port)"
start_private "listen_addresses=127.0.0.1" "port=$PORT"
export PGPORT="$PORT"
failed=()
for name; do
    psql -c "CREATE DATABASE $name"
    psql -d "$name" -f "$CLIENTS/table.sql" >/dev/null 2>"$FOLDER/notices" || { cat "$FOLDER/notices" && die "examples/clients/table.sql failed"; }
    found="$(DATABASE_URL="postgresql://postgres@127.0.0.1:$PORT/$name" client "$name" 2>"$FOLDER/errors")" || true
    if [ "$found" = "$EXPECTED" ]; then
        say "$name: ok"
    else
        printf '%s\n--- instead of\n%s\n' "$found" "$EXPECTED"
        cat "$FOLDER/errors"
        failed+=("$name")
    fi
done
[ ${#failed[@]} = 0 ] || die "failed: ${failed[*]}"
say "clients: all $# passed"
