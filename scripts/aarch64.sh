#!/usr/bin/env bash
# The kernel's tests on 64-bit Arm, in qemu-user, with the dot product of Armv8.2 and without it. Where qemu, a cross linker or Rust's
# library for Arm cannot be had, it says so and does nothing. ONNX Runtime itself is left out: it looks for an Arm processor's caches
# in /sys, which under qemu-user are this machine's, and crashes.
source "$(dirname "$0")/lib.sh"

TRIPLE=aarch64-unknown-linux-gnu
# What cargo calls it in the names of its settings.
TRIPLE_NAME=AARCH64_UNKNOWN_LINUX_GNU
RUST="$CACHE/aarch64/rust"
LIBRARIES=/usr/aarch64-linux-gnu

skip() {
    say "NOTE: the tests on 64-bit Arm are skipped: $*"
    exit 0
}

system_packages() {
    local missing=()
    command -v qemu-aarch64 >/dev/null || missing+=(qemu-user)
    command -v aarch64-linux-gnu-gcc >/dev/null || missing+=(gcc-aarch64-linux-gnu)
    [ -e "$LIBRARIES/include/stdio.h" ] || missing+=(libc6-dev-arm64-cross)
    [ ${#missing[@]} = 0 ] && return
    if ! is_root || ! command -v apt-get >/dev/null; then
        skip "please install ${missing[*]}"
    fi
    say "installing system packages: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$CACHE/apt.log" 2>&1; }; then
        skip "apt-get could not install ${missing[*]}; see $CACHE/apt.log"
    fi
}

# debian get|cache ARGUMENT...: apt for both architectures, with lists of its own, so that the system's packages stay as they are.
debian() {
    local state="$CACHE/aarch64/apt" command="apt-$1"
    shift
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    "$command" -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 -o Dir::State::Lists="$state/lists" -o Dir::Cache="$state/cache" \
        -o APT::Sandbox::User=root "$@"
}

# package_of NAME PATTERN: the package of such a name that another depends on.
package_of() {
    debian cache show "$1:amd64" |
        awk -v pattern="$2" '/^Depends:/ && !found && match($0, pattern) { print substr($0, RSTART, RLENGTH); found = 1 }'
}

# Debian's compiler, unpacked: it comes with a library for Arm, which has to be of the same version.
debian_rust() {
    local library llvm
    [ -e "$RUST/ready" ] && return
    [ "$(uname -m)" = x86_64 ] && command -v apt-get >/dev/null || return
    say "fetching Debian's Rust with a library for 64-bit Arm"
    rm -rf "$CACHE/aarch64" && mkdir -p "$RUST" "$CACHE/aarch64/packages"
    debian get update -qq || return
    library="$(package_of libstd-rust-web-dev 'libstd-rust-web-[0-9.]+')" && llvm="$(package_of "$library" 'libllvm[0-9]+')" || return
    (cd "$CACHE/aarch64/packages" && debian get download -qq \
        rustc-web:amd64 libstd-rust-web-dev:amd64 libstd-rust-web-dev:arm64 "$library:amd64" "$llvm:amd64") || return
    for package in "$CACHE/aarch64/packages"/*.deb; do dpkg -x "$package" "$RUST" || return; done
    rm -r "$CACHE/aarch64/packages" "$CACHE/aarch64/apt"
    printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@"\n' "$RUST/usr/lib/x86_64-linux-gnu" "$RUST/usr/bin/rustc" >"$RUST/rustc"
    chmod +x "$RUST/rustc"
    touch "$RUST/ready"
}

compiler() {
    [ -d "$(rustc --print target-libdir --target "$TRIPLE")" ] && return
    debian_rust
    [ -e "$RUST/ready" ] || skip "please install Rust's library for it: rustup target add $TRIPLE"
    export RUSTC="$RUST/rustc"
    "$RUSTC" --version | grep -qE ' 1\.(9[5-9]|[1-9][0-9]{2})\.' || skip "$("$RUSTC" --version) is too old"
}

cd "$ROOT"
[ "$(uname -m)" != aarch64 ] || skip "this is such a machine: the other tests have covered it"
system_packages
compiler
export "CARGO_TARGET_${TRIPLE_NAME}_LINKER=aarch64-linux-gnu-gcc" CARGO_TARGET_DIR="$TARGET/aarch64"
# With the dot product, and without.
for cpu in neoverse-n1 cortex-a53; do
    say "the kernel on a $cpu"
    export "CARGO_TARGET_${TRIPLE_NAME}_RUNNER=qemu-aarch64 -cpu $cpu -L $LIBRARIES"
    cargo test --profile fast --package encoder --target "$TRIPLE" --lib kernel::
done
