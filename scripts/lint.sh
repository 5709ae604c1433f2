#!/usr/bin/env bash
source "$(dirname "$0")/lib.sh"
cd "$ROOT"
say "rustfmt"
cargo fmt --all --check
say "clippy"
cargo clippy --workspace --all-targets --quiet -- --deny warnings
