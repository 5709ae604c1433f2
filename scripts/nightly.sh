#!/usr/bin/env bash
# nightly.sh asan|miri: tests of the encoder under a tool that only a nightly toolchain has; one line says so where there is none.
#
# AddressSanitizer runs them all, on every instruction set that the processor has, with ONNX Runtime as it is. Miri runs what makes
# no call that it does not know (mapped files, inline assembly, the runtime): memory, interrupts, the kernel in plain Rust and AVX2.
source "$(dirname "$0")/lib.sh"
cd "$ROOT"
TOOL="${1:?usage: nightly.sh asan|miri}"
HOST="$(rustc -vV | sed -n 's/^host: //p')"
export DRUGEMBED_ONNXRUNTIME="$ONNXRUNTIME" CARGO_TARGET_DIR="$TARGET/$TOOL"

nightly() { rustup run nightly cargo "$@"; }

if ! command -v rustup >/dev/null || ! nightly --version >/dev/null 2>&1; then
    say "skipped: no nightly toolchain (rustup toolchain install nightly)"
    exit 0
fi

asan() {
    # The encoder's own handlers stand for SIGBUS and SIGSEGV; that memory is wanting, its tests want to see.
    export ASAN_OPTIONS="detect_leaks=0:handle_sigbus=0:handle_segv=0:allocator_may_return_null=1"
    export RUSTFLAGS="-Zsanitizer=address" DRUGEMBED_FUZZ_ROUNDS="${ROUNDS:-500}"
    nightly test --locked --profile fast --package encoder --target "$HOST" "$@"
}

# Whole modules, and tests of those that in part do what Miri cannot.
MIRI=(batches:: blank:: interrupt:: last_resort:: vectors:: document:: memory::tests::the_reserve bundle::tests::a_space
    kernel::tests::sums_are kernel::tests::activations_are kernel::tests::a_row kernel::tests::a_normalised)

miri() {
    if ! rustup component list --toolchain nightly | grep -q "^miri.*(installed)"; then
        rustup component add --toolchain nightly miri rust-src >/dev/null 2>&1 ||
            { say "skipped: the nightly toolchain has no Miri (rustup component add --toolchain nightly miri rust-src)" && exit 0; }
    fi
    export MIRIFLAGS="-Zmiri-disable-isolation"
    say "plain Rust"
    nightly miri test --locked --package encoder --lib -- "${MIRI[@]}"
    [[ "$HOST" = x86_64-* ]] || return 0
    say "AVX2"
    CARGO_TARGET_DIR="$TARGET/miri-avx2" RUSTFLAGS="-Ctarget-feature=+avx2,+fma" \
        nightly miri test --locked --package encoder --lib -- kernel::tests::sums_are kernel::tests::a_row
}

say "the encoder's tests under $TOOL"
"$TOOL"
say "nothing found"
