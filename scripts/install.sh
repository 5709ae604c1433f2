#!/usr/bin/env bash
# install.sh PG_CONFIG: builds the extension for that PostgreSQL and installs it with the models and ONNX Runtime.
source "$(dirname "$0")/lib.sh"

PG_CONFIG="${1:?usage: install.sh PG_CONFIG}"
command -v "$PG_CONFIG" >/dev/null || die "\"$PG_CONFIG\" is not a pg_config; give its path as PG_CONFIG=..."
PG_CONFIG="$(realpath "$(command -v "$PG_CONFIG")")"
export PGRX_PG_CONFIG_PATH="$PG_CONFIG"
SHARE="$("$PG_CONFIG" --sharedir)"
LIBRARY="$("$PG_CONFIG" --pkglibdir)"
for folder in "$SHARE" "$LIBRARY"; do
    [ -w "$folder" ] || die "\"$folder\" cannot be written: run make install as its owner (CARGO_TARGET_DIR keeps the build apart)"
done
[ -e "$SHARE/extension/vector.control" ] || say "note: pgvector is not installed there yet; drugembed needs it"

# Replaces a file by rename: servers keep using the one that they have open.
put() { cp "$1" "$2.part" && chmod "$3" "$2.part" && mv -f "$2.part" "$2"; }

say "building for $("$PG_CONFIG" --version)"
cd "$ROOT"
cargo pgrx install --release --package drugembed --pg-config "$PG_CONFIG"

say "installing ONNX Runtime into $LIBRARY/drugembed"
mkdir -p "$LIBRARY/drugembed"
put "$ONNXRUNTIME" "$LIBRARY/drugembed/libonnxruntime.so" 755
sha256sum <"$ONNXRUNTIME" >"$CACHE/onnxruntime/sha256"
put "$CACHE/onnxruntime/sha256" "$LIBRARY/drugembed/libonnxruntime.so.sha256" 644

for model in "$ROOT"/models/*/; do
    name="$(basename "$model")"
    say "installing model $name into $SHARE/drugembed/models"
    mkdir -p "$SHARE/drugembed/models"
    rm -rf "$SHARE/drugembed/models/$name.part" "$SHARE/drugembed/models/$name.old"
    cp -r "$model" "$SHARE/drugembed/models/$name.part"
    chmod -R u=rwX,go=rX "$SHARE/drugembed/models/$name.part"
    [ -e "$SHARE/drugembed/models/$name" ] && mv "$SHARE/drugembed/models/$name" "$SHARE/drugembed/models/$name.old"
    mv "$SHARE/drugembed/models/$name.part" "$SHARE/drugembed/models/$name"
    rm -rf "$SHARE/drugembed/models/$name.old"
done
say "installed: CREATE EXTENSION drugembed CASCADE; then, once in a cluster: SELECT drugembed.prepare();"
