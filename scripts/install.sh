#!/usr/bin/env bash
# install.sh PG_CONFIG: builds the extension for that PostgreSQL and installs it with the models and ONNX Runtime, below DESTDIR if set.
# PROFILE is cargo's: release, or fast for the tests.
source "$(dirname "$0")/lib.sh"

PG_CONFIG="$(absolute_pg_config "${1:?usage: install.sh PG_CONFIG}")"
export PGRX_PG_CONFIG_PATH="$PG_CONFIG"
DESTDIR="${DESTDIR:-}"
SHARE="$DESTDIR$("$PG_CONFIG" --sharedir)"
LIBRARY="$DESTDIR$("$PG_CONFIG" --pkglibdir)"
STAGE="$CACHE/stage/$(major_of "$PG_CONFIG")"

for folder in "$SHARE" "$LIBRARY"; do
    [ -z "$DESTDIR" ] || mkdir -p "$folder"
    [ -w "$folder" ] || die "\"$folder\" cannot be written: run make install as its owner (CARGO_TARGET_DIR keeps the build apart)"
done

# put FILE TARGET MODE: replaces a file by rename: servers keep using the one that they have open.
put() {
    mkdir -p "$(dirname "$2")"
    cp "$1" "$2.part" && chmod "$3" "$2.part" && mv -f "$2.part" "$2"
}

build() {
    say "building for $("$PG_CONFIG" --version)"
    rm -rf "$STAGE"
    (cd "$ROOT" && cargo pgrx package --profile "${PROFILE:-release}" --package drugembed --pg-config "$PG_CONFIG" --out-dir "$STAGE")
}

extension() {
    local staged="$STAGE${SHARE#"$DESTDIR"}/extension" file
    say "installing the extension"
    strip --strip-unneeded "$STAGE${LIBRARY#"$DESTDIR"}/drugembed.so"
    put "$STAGE${LIBRARY#"$DESTDIR"}/drugembed.so" "$LIBRARY/drugembed.so" 755
    for file in "$staged"/drugembed*; do put "$file" "$SHARE/extension/${file##*/}" 644; done
}

onnxruntime() {
    say "installing ONNX Runtime into $LIBRARY/drugembed"
    put "$ONNXRUNTIME" "$LIBRARY/drugembed/libonnxruntime.so" 755
    sha256sum <"$ONNXRUNTIME" >"$CACHE/onnxruntime/sha256"
    put "$CACHE/onnxruntime/sha256" "$LIBRARY/drugembed/libonnxruntime.so.sha256" 644
}

# model FOLDER: replaces an installed model as a whole.
model() {
    local models="$SHARE/drugembed/models" name
    name="$(basename "$1")"
    say "installing model $name into $models"
    mkdir -p "$models"
    rm -rf "$models/$name.part" "$models/$name.old"
    cp -r "$1" "$models/$name.part"
    chmod -R u=rwX,go=rX "$models/$name.part"
    [ ! -e "$models/$name" ] || mv "$models/$name" "$models/$name.old"
    mv "$models/$name.part" "$models/$name"
    rm -rf "$models/$name.old"
}

build
extension
onnxruntime
for folder in "$ROOT"/models/*/; do model "$folder"; done
[ -n "$DESTDIR" ] || [ -e "$SHARE/extension/vector.control" ] || say "note: pgvector is not installed there yet; drugembed needs it"
say "installed: CREATE EXTENSION drugembed CASCADE; then, once in a cluster: SELECT drugembed.prepare();"
