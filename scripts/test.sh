#!/usr/bin/env bash
# Every test: the crates' own, then SQL in a private server.
source "$(dirname "$0")/lib.sh"
cd "$ROOT"
export DRUGEMBED_TEST_POSTGRES="$POSTGRES" DRUGEMBED_ONNXRUNTIME="$ONNXRUNTIME"
say "tests of the crates and of SQL in a private PostgreSQL"
cargo test --profile fast --workspace --exclude drugembed --no-fail-fast
say "all tests passed"
