#!/usr/bin/env bash
# package.sh PG_CONFIG: writes dist/postgresql-MAJOR-drugembed_VERSION_ARCHITECTURE.deb for that PostgreSQL of Debian's layout.
# package.sh --pgvector PG_CONFIG: writes postgresql-MAJOR-pgvector of trixie's source, for a Debian that has none for its PostgreSQL.
source "$(dirname "$0")/lib.sh"
source "$ROOT/scripts/sources.sh"

DIST="$ROOT/dist"
PACKAGE=drugembed
[ "${1:-}" != --pgvector ] || { PACKAGE=pgvector && shift; }
PG_CONFIG="$(absolute_pg_config "${1:?usage: package.sh [--pgvector] PG_CONFIG}")"
MAJOR="$(major_of "$PG_CONFIG")"
NAME="postgresql-$MAJOR-$PACKAGE"
WORK="$CACHE/package/$NAME"
TREE="$WORK/tree"
DOC="$TREE/usr/share/doc/$NAME"

# What was installed below $WORK/installed goes where Debian has it, wherever this PG_CONFIG would.
move_to_debians_layout() {
    local share="$TREE/usr/share/postgresql/$MAJOR" library="$TREE/usr/lib/postgresql/$MAJOR/lib"
    mkdir -p "$(dirname "$share")" "$(dirname "$library")" "$DOC"
    mv "$WORK/installed$("$PG_CONFIG" --pkglibdir)" "$library"
    mv "$WORK/installed$("$PG_CONFIG" --sharedir)" "$share"
}

# The model that answers when nothing is set.
default_model() { sed -n 's/^const DEFAULT_MODEL: &CStr = c"\(.*\)";/\1/p' "$ROOT/src/settings.rs"; }

one_model() {
    local models="$TREE/usr/share/postgresql/$MAJOR/drugembed/models"
    [ -d "$models/$(default_model)" ] || die "\"$(default_model)\" is not among the models"
}

notices() {
    local wheel rust
    wheel="$(dirname "$ONNXRUNTIME")/../wheels/onnxruntime-${ONNXRUNTIME##*.so.}/onnxruntime"
    rust="$(rustc --print sysroot)/share/doc/rust/COPYRIGHT-library.html"
    [ -e "$rust" ] || die "\"$rust\" is missing: the package must hold its notices (rustup component add rust-docs)"
    python3 - "$ROOT" "$wheel" "$(default_model)" >"$DOC/copyright" <<'END'
import pathlib, sys
root, wheel, model = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
read = lambda file: file.read_text(encoding="utf-8").strip()
mit = read(root / "packaging/licences/MIT")
models = [read(root / "packaging/licences/MODELS") + "\n\n" + mit]
models += [f"{file.parent.name}:\n{read(file)}" for file in sorted(root.glob(f"models/{model}/LICEN*"))]
text = read(root / "packaging/copyright.in")
for key, value in {"LICENCE": read(root / "LICENSE"), "MODELS": "\n\n".join(models), "UNICODE": read(root / "packaging/licences/UNICODE"), "ONNXRUNTIME": read(wheel / "LICENSE")}.items():
    text = text.replace(f"@{key}@", value)
print(text)
END
    gzip -9 -n -c "$wheel/ThirdPartyNotices.txt" >"$DOC/onnxruntime-notices.gz"
    python3 "$ROOT/scripts/notices.py" "pg$MAJOR" >"$WORK/crates"
    gzip -9 -n -c "$WORK/crates" >"$DOC/crates-notices.gz"
    gzip -9 -n -c "$rust" >"$DOC/rust-library-notices.html.gz"
    gzip -9 -n -c "$ROOT/CHANGELOG.md" >"$DOC/changelog.gz"
}

# Packages of the shared libraries that the package's own need, in the least version that has their symbols.
libraries() {
    mkdir -p "$WORK/debian"
    printf 'Source: %s\n\nPackage: %s\nArchitecture: any\n' "$NAME" "$NAME" >"$WORK/debian/control"
    (cd "$WORK" && find tree -name '*.so' -exec dpkg-shlibdeps -O --warnings=0 {} +) | sed 's/^shlibs:Depends=//'
}

# filled FILE VERSION: a file of packaging/ with its @PLACES@ filled in.
filled() {
    sed -e "s/@VERSION@/$2/; s/@MAJOR@/$MAJOR/g; s/@ARCHITECTURE@/$(dpkg --print-architecture)/; s/@LIBRARIES@/$(libraries)/" \
        -e "s/@SIZE@/$(du -sk "$TREE/usr" | cut -f 1)/" "$ROOT/packaging/$1"
}

# build VERSION: the package of $TREE and $TREE/DEBIAN.
build() {
    (cd "$TREE" && find usr -type f -exec md5sum {} +) >"$TREE/DEBIAN/md5sums"
    find "$TREE" -type d -exec chmod 755 {} +
    mkdir -p "$DIST"
    dpkg-deb --build --root-owner-group -Zxz "$TREE" "$DIST/${NAME}_$1_$(dpkg --print-architecture).deb" >/dev/null
    say "dist/${NAME}_$1_$(dpkg --print-architecture).deb: $(du -k "$DIST/${NAME}_$1_"*.deb | cut -f 1) kB, $(du -sk "$TREE/usr" | cut -f 1) kB installed"
}

drugembed() {
    local version
    version="$(version)-1"
    DESTDIR="$WORK/installed" "$ROOT/scripts/install.sh" "$PG_CONFIG"
    move_to_debians_layout
    one_model
    notices
    mkdir "$TREE/DEBIAN"
    filled control.in "$version" >"$TREE/DEBIAN/control"
    filled postinst.in "$version" >"$TREE/DEBIAN/postinst"
    chmod 755 "$TREE/DEBIAN/postinst"
    build "$version"
}

pgvector_alone() {
    local version
    pgvector "$PG_CONFIG" "$WORK/installed"
    version="$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$CACHE/pgvector/vector.control")-0+drugembed"
    move_to_debians_layout
    cp "$CACHE/pgvector/debian/copyright" "$DOC/copyright"
    mkdir "$TREE/DEBIAN"
    filled control.in "$version" | sed "/^Description/,\$d; s/^Package: .*/Package: $NAME/; s/, $NAME,/,/" >"$TREE/DEBIAN/control"
    printf 'Description: vector similarity search for PostgreSQL %s, of the source of a newer Debian\n' "$MAJOR" >>"$TREE/DEBIAN/control"
    build "$version"
}

command -v dpkg-shlibdeps >/dev/null || apt_install dpkg-dev
rm -rf "$WORK" && mkdir -p "$WORK"
if [ "$PACKAGE" = pgvector ]; then pgvector_alone; else drugembed; fi
