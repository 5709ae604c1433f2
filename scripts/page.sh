#!/usr/bin/env bash
# page.sh [ADDRESS]: a private server with the sample, or the tables of DATA=folder, and the search page on 127.0.0.1:8080.
# page.sh --test [SCREENSHOT]: asks it in headless Chromium.
source "$(dirname "$0")/lib.sh"
source "$ROOT/scripts/private.sh"

PAGE="$ROOT/examples/page"
export PAGER=cat

# The tables as in "make demo", and the DUR marks.
load() {
    psql -f "$ROOT/demo/table.sql" -f "$PAGE/table.sql" -c "CREATE EXTENSION IF NOT EXISTS pg_trgm"
    if [ -n "${DATA:-}" ]; then
        [ -d "$DATA/seed" ] || die "\"$DATA\" does not hold the real tables; without DATA the page uses its own sample"
        (cd "$DATA" && psql -f "$ROOT/demo/load_seed.sql" -f "$ROOT/demo/load_all.sql" -f "$PAGE/load_dur.sql")
    else
        (cd "$ROOT/data/sample" && psql -f "$ROOT/demo/load_sample.sql")
        psql -c "\\copy dur FROM '$PAGE/dur.csv' (FORMAT csv, HEADER, FORCE_NOT_NULL (partner_sequence))"
    fi
    psql -c "SELECT drugembed.track('drug_summary', 'drug_document(item_name, product_type, ingredient_name)')" >/dev/null
    psql -c "CALL drugembed.backfill('drug_summary')"
    echo "SELECT drugembed.index_sql('drug_summary') \\gexec" | psql
}

chromium_test() {
    command -v chromedriver >/dev/null || apt_install chromium chromium-driver fonts-noto-cjk
    if [ ! -e "$CACHE/page/ready" ]; then
        python3 -m venv "$CACHE/page/venv" || die "python3 cannot make a virtual environment; on Debian: apt-get install python3-venv"
        "$CACHE/page/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$PAGE/requirements.txt"
        touch "$CACHE/page/ready"
    fi
    "$CACHE/page/venv/bin/python" "$PAGE/test.py" "$@"
}

build() { CARGO_TARGET_DIR="$TARGET" cargo build --quiet --locked --manifest-path "$ROOT/examples/Cargo.toml" --package drug-page; }

build
start_private shared_preload_libraries=drugembed maintenance_work_mem=256MB
load
if [ "${1:-}" = --test ]; then
    FIFO="$FOLDER/address"
    "$TARGET/debug/drug-page" "host=$FOLDER user=postgres dbname=postgres" 127.0.0.1:0 >"$FIFO" &
    PROGRAM=$!
    trap 'kill "$PROGRAM" 2>/dev/null || true; stop_private' EXIT
    until [ -s "$FIFO" ]; do kill -0 "$PROGRAM" && sleep 0.1; done
    chromium_test "$(cat "$FIFO")" "${@:2}"
else
    say "the page; ends with Ctrl-C"
    "$TARGET/debug/drug-page" "host=$FOLDER user=postgres dbname=postgres" "${1:-127.0.0.1:8080}"
fi
