#!/usr/bin/env bash
# clean_machine.sh [MAJOR...]: as root, on Debian or Ubuntu: installs the packages of dist/ (made if missing) on a minimal Debian without
# compilers, in a folder: from the package to the first answer, then removal. Its vectors must be those of the server to test in.
source "$(dirname "$0")/lib.sh"
source "$ROOT/scripts/debian.sh"
source "$ROOT/scripts/private.sh"

LIMIT="${LIMIT:-60}"  # seconds from the downloaded package to the first answer
TEXTS="ARRAY['타이레놀정500밀리그람(아세트아미노펜)', '열을 내리는 약은?', '판콜에이내복액 | 해열.진통.소염제 | Acetaminophen']"
VECTORS="SELECT md5(string_agg(encode(vector_send(v), 'hex'), '')) FROM unnest(drug_embed($TEXTS)) v"

# What runs on the clean machine, with arguments MAJOR VECTORS LIMIT EXPECTED CHECKOUT; the packages are in /packages.
on_the_machine() {
    cat <<'END'
set -euo pipefail
major="$1" vectors="$2" limit="$3"
psql() { setpriv --reuid=postgres --regid=postgres --clear-groups psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
check() { if [ "$2" != "$3" ]; then echo "error: $1: \"$2\" instead of \"$3\"" >&2; exit 1; fi }
for program in cc gcc clang cargo rustc make; do
    ! command -v "$program" >/dev/null || { echo "error: this machine has $program" >&2; exit 1; }
done
apt-get update -qq
apt-get install -y -qq --no-install-recommends --download-only /packages/*.deb
start="$(date +%s%N)"
apt-get install -y -qq --no-install-recommends /packages/*.deb >/install.log 2>&1 || { cat /install.log; exit 1; }
pg_ctlcluster "$major" main start
psql -c 'CREATE EXTENSION drugembed CASCADE'
found="$(psql -c "SELECT drug_similarity('열을 내리는 약', '해열제') > drug_similarity('열을 내리는 약', '수액')")"
took="$((($(date +%s%N) - start) / 1000000))"
check "the first answer" "$found" t
grep -q 'drugembed.prepare()' /install.log || { echo "error: postinst does not say what to run" >&2; exit 1; }
check "the vectors" "$(psql -c "$vectors")" "$4"
check "prepare" "$(psql -c 'SELECT made FROM drugembed.prepare()')" t
check "the vectors, prepared" "$(psql -c "$vectors")" "$4"
psql -c "ALTER SYSTEM SET shared_preload_libraries = 'drugembed'"
pg_ctlcluster "$major" main restart
check "preloaded and prepared" "$(psql -c 'SELECT preloaded AND prepared FROM drug_model()')" t
check "the vectors, preloaded" "$(psql -c "$vectors")" "$4"
psql -c 'DROP EXTENSION drugembed' -c "ALTER SYSTEM RESET shared_preload_libraries"
apt-get remove -y -qq "postgresql-$major-drugembed" >/remove.log 2>&1 || { cat /remove.log; exit 1; }
left="$(find / \( -path /proc -o -path /packages -o -path /var -o -path "$5" \) -prune -o -name '*drugembed*' -print)"
check "files that are left" "$left" ""
pg_ctlcluster "$major" main restart
check "a server after the removal" "$(psql -c 'SELECT 1')" 1
echo "PostgreSQL $major on Debian $(cat /etc/debian_version): $took ms from the packages to the first answer"
[ "$took" -le "$((limit * 1000))" ] || { echo "error: more than $limit s" >&2; exit 1; }
END
}

packages() {
    local drugembed
    drugembed="postgresql-$1-drugembed_$(version)-1_$(dpkg --print-architecture).deb"
    [ -e "$ROOT/dist/$drugembed" ] || "$ROOT/scripts/package.sh" "$(pg_config_of "$1")"
    cp "$ROOT/dist/$drugembed" "$2"
    # Debian 12 has no package of pgvector for its PostgreSQL.
    if [ "$1" = 15 ]; then
        ls "$ROOT"/dist/postgresql-15-pgvector_*.deb >/dev/null 2>&1 || "$ROOT/scripts/package.sh" --pgvector "$(pg_config_of 15)"
        cp "$ROOT"/dist/postgresql-15-pgvector_*.deb "$2"
    fi
}

try() {
    local suite machine
    suite="$(suite_with "$1")"
    machine="$CACHE/debian/$suite-clean"
    "$ROOT/scripts/servers.sh" "$1"
    debian_base "$suite"
    rm -rf "$machine" && cp -a "$CACHE/debian/$suite" "$machine"
    mkdir "$machine/packages"
    packages "$1" "$machine/packages"
    on_the_machine >"$machine/try.sh"
    say "a clean Debian ($suite): PostgreSQL $1 and drugembed from their packages"
    in_debian "$machine" bash /try.sh "$1" "$VECTORS" "$LIMIT" "$EXPECTED" "$ROOT"
    rm -rf "$machine"
}

is_root || die "a clean Debian is made as root: please run this as root"
start_private
psql -c 'CREATE EXTENSION drugembed CASCADE'
EXPECTED="$(psql -A -t -c "$VECTORS")"
[ $# -gt 0 ] || set -- 15 17
for major; do try "$major"; done
say "clean machines: all passed"
