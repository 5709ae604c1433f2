#!/usr/bin/env bash
# Semantic drug search in a private PostgreSQL that is gone afterwards. DATA=folder loads the real tables.
source "$(dirname "$0")/lib.sh"

source "$ROOT/scripts/private.sh"

start_private shared_preload_libraries=drugembed maintenance_work_mem=256MB max_wal_size=4GB
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
