#!/usr/bin/env bash
# Fetches what building and installing need: a C compiler and clang, cargo-pgrx, ONNX Runtime. Safe to run again: what is there is kept.
# Servers to test in come from servers.sh.
source "$(dirname "$0")/lib.sh"
source "$ROOT/scripts/sources.sh"

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
    [ ${#missing[@]} = 0 ] || apt_install "${missing[@]}"
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

mkdir -p "$CACHE"
system_packages
onnxruntime
cargo_pgrx
say "set-up is complete"
