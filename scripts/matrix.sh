#!/usr/bin/env bash
# matrix.sh [MAJOR...]: the suites of SQL and of tables on every PostgreSQL major that can be had, or on these. SHORT=1 leaves out what
# takes long and hardly differs from major to major. SUITES="sql" and ARGUMENTS="embed::" choose suites and tests of them.
source "$(dirname "$0")/lib.sh"
source "$ROOT/scripts/debian.sh"

SUITES="${SUITES:-sql tracking isolation upgrade}"
ARGUMENTS="${ARGUMENTS:-}"
if [ -n "${SHORT:-}" ]; then
    for module in broken_files concurrency memory preload prepared crash cron rate workload writers; do ARGUMENTS+=" --skip $module::"; done
fi

# test_program NAME: path of the test's program, built if it is not.
test_program() {
    cargo test --profile fast --package server-tests --test "$1" --no-run --message-format json 2>"$CACHE/matrix.log" |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1
}

# run_suite MAJOR NAME: where the server needs another Debian's libraries, the program runs there.
run_suite() {
    local program debian=""
    program="$(test_program "$2")"
    [ -n "$program" ] || { cat "$CACHE/matrix.log" && die "the suite $2 could not be built"; }
    local variables=("DRUGEMBED_TEST_POSTGRES=$SERVERS/$1" "DRUGEMBED_ONNXRUNTIME=$ONNXRUNTIME" RUST_BACKTRACE=0)
    [ ! -e "$SERVERS/$1/pg_config" ] || debian="$CACHE/debian/$(suite_with "$1")-server"
    # shellcheck disable=SC2086 # A list.
    ${debian:+in_debian "$debian"} env "${variables[@]}" "$program" $ARGUMENTS
}

# lacking MAJOR: what this server was built without, so that its part of the suites is left out.
lacking() {
    local share extension
    share="$("$(pg_config_of "$1")" --sharedir)"
    for extension in pg_trgm pg_cron postgres_fdw; do
        [ -e "$share/extension/$extension.control" ] || printf '%s ' "$extension"
    done
}

[ $# -gt 0 ] || set -- 13 14 15 16 17 18
cd "$ROOT"
failed=()
for major; do
    scripts/servers.sh "$major"
    scripts/install.sh "$(pg_config_of "$major")"
    for suite in $SUITES; do
        say "PostgreSQL $major: suite $suite (this server lacks: $(lacking "$major"))"
        run_suite "$major" "$suite" || failed+=("$suite on $major")
    done
done
[ ${#failed[@]} = 0 ] || die "failed: $(printf '%s; ' "${failed[@]}")"
say "matrix: all passed on $*"
