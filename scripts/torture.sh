#!/usr/bin/env bash
# The long forms of the tests of faults; some hours. ROUNDS=n of the fuzzers, SEED=n to repeat a run that failed.
source "$(dirname "$0")/lib.sh"
cd "$ROOT"
export DRUGEMBED_TEST_POSTGRES="$POSTGRES" DRUGEMBED_ONNXRUNTIME="$ONNXRUNTIME"
export DRUGEMBED_FUZZ_ROUNDS="${ROUNDS:-100000}" DRUGEMBED_FUZZ_SEED="${SEED:-$RANDOM$RANDOM}"
say "seed $DRUGEMBED_FUZZ_SEED, $DRUGEMBED_FUZZ_ROUNDS texts"
cargo test --profile fast -p encoder --test fuzz -- --nocapture
cargo test --profile fast -p server-tests --test faults -- --ignored --nocapture
cargo test --profile fast -p server-tests --test isolation -- --ignored --nocapture
say "nothing fell"
