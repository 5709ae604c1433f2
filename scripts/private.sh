# A private PostgreSQL with drugembed, gone when the script ends.
# shellcheck shell=bash

# start_private [SETTING...]: a copy of $POSTGRES in $FOLDER, which is also the folder of its socket. psql then means its database.
start_private() {
    FOLDER="$(server_folder)"
    trap stop_private EXIT
    trap 'exit 130' INT TERM
    say "starting a private PostgreSQL in $FOLDER"
    cp -r "$POSTGRES/." "$FOLDER"
    local initdb=(-D "$FOLDER/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync) options="-k $FOLDER -c listen_addresses= -c fsync=off" setting
    [ "$(major_of "$FOLDER/bin/pg_config")" -lt 17 ] || initdb+=(--locale-provider=builtin)
    as_server_user "$FOLDER/bin/initdb" "${initdb[@]}" >"$FOLDER.log" 2>&1 || { cat "$FOLDER.log" && rm -f "$FOLDER.log" && die "initdb failed"; }
    rm -f "$FOLDER.log"
    for setting; do options+=" -c $setting"; done
    as_server_user "$FOLDER/bin/pg_ctl" start -D "$FOLDER/data" -w -s -l "$FOLDER/data/log" -o "$options" ||
        { cat "$FOLDER/data/log" && die "the server did not start"; }
}

stop_private() {
    as_server_user "$FOLDER/bin/pg_ctl" stop -D "$FOLDER/data" -m immediate -s >/dev/null 2>&1 || true
    rm -rf "$FOLDER"
}

psql() { "$FOLDER/bin/psql" --no-psqlrc --quiet -v ON_ERROR_STOP=1 -h "$FOLDER" -U postgres -d postgres "$@"; }
