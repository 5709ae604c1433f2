#!/usr/bin/env bash
# test.sh: 지어낸 파일로 처음부터 검색까지. / From made-up files to an answer, twice, in a private server.
# shellcheck disable=SC1091
source "$(dirname "$0")/../../scripts/lib.sh"
source "$ROOT/scripts/private.sh"

IMPORT="$ROOT/examples/import"
start_private
export PGHOST="$FOLDER" PGUSER=postgres PGDATABASE=postgres PATH="$FOLDER/bin:$PATH"

check() {
    local found
    found="$(psql -A -t -c "$2")"
    [ "$found" = "$3" ] || die "$1: \"$found\" instead of \"$3\""
}

load() {
    local samples="$FOLDER/samples" operation
    "$IMPORT/load.sh" getDrugPrdtPrmsnInq07 "$samples"/permit*
    "$IMPORT/load.sh" getDrugPrdtPrmsnDtlInq06 "$samples"/detail.*
    "$IMPORT/load.sh" getDrbEasyDrugList "$samples/easy.json"
    "$IMPORT/load.sh" getMdcinGrnIdntfcInfoList01 "$samples/pills.json"
    for operation in "$samples"/dur_*; do
        operation="${operation##*/dur_}"
        "$IMPORT/load.sh" "${operation%.json}" "$samples/dur_$operation"
    done
    "$IMPORT/load.sh" nedrug "$samples/nedrug.csv"
    psql -f "$IMPORT/apply.sql" -f "$IMPORT/track.sql" >/dev/null
}

python3 "$IMPORT/samples/make.py" "$FOLDER/samples"
psql -f "$IMPORT/schema.sql"
load
check "products" "SELECT count(*), count(embedding) FROM drug" "13|13"
check "a list" "SELECT item_name, product_type, permit_date FROM drug WHERE item_sequence = '900000001'" "가나다정1밀리그램|[01140]해열.진통.소염제|2024-01-02"
check "a number as key, null" "SELECT item_name, item_eng_name IS NULL FROM drug WHERE item_sequence = '900000003'" "가나다정3밀리그램|t"
check "an export name" "SELECT item_name, export_name FROM drug WHERE item_sequence = '900000002'" "라마바캡슐|Rama Cap.(Export)"
check "entities" "SELECT item_name FROM drug WHERE item_sequence = '900000004'" "사아자정 5% <신형>"
check "invisible spaces" "SELECT item_name FROM drug WHERE item_sequence = '900000005'" "차카타정"
check "a byte order mark" "SELECT item_name FROM drug WHERE item_sequence = '900000006'" "한글정"
check "XML" "SELECT item_name FROM drug WHERE item_sequence = '900000007'" "파하정 <1&2>"
check "XML with CDATA" "SELECT item_name, item_eng_name IS NULL FROM drug WHERE item_sequence = '900000008'" "거너정 <신형>|t"
check "NFD" "SELECT item_name FROM drug WHERE item_sequence = '900000009'" "가나다정"
check "a document in JSON" "SELECT efficacy FROM drug WHERE item_sequence = '900000001'" "1. 주효능 & 효과 가상의 두통 <편두통>, 발열"
check "a document in XML" "SELECT efficacy FROM drug WHERE item_sequence = '900000002'" "1. 주효능 & 효과 가상의 두통 <편두통>, 발열"
check "the permit list comes first" "SELECT ingredient_name, appearance FROM drug WHERE item_sequence = '900000001'" "Acetaminophen/Anhydrous Caffeine|흰색의 원형 정제"
check "camelCase" "SELECT efficacy, dosage, caution, interaction IS NULL FROM drug WHERE item_sequence = '900000010'" \
    "이 약은 두통, 치통에 사용합니다.|성인 1회 1정|임부는 의사와 상의하십시오.|t"
check "pills, a date that is none" "SELECT product_type, permit_date IS NULL FROM drug WHERE item_sequence = '900000011'" "[02390]기타의 소화기관용약|t"
check "CP949" "SELECT item_name, efficacy FROM drug WHERE item_sequence = '900000012'" '아자차정 10mg, 20mg|두통, "편두통" 발열'
check "a syllable of CP949 alone" "SELECT item_name FROM drug WHERE item_sequence = '900000013'" "똠방각하정"
check "DUR" "SELECT count(*), count(DISTINCT kind) FROM dur" "8|8"
check "a pair" "SELECT partner_sequence, reason FROM dur WHERE kind = '병용금기'" "900000011|출혈 위험 증가"
check "an answer" "SELECT count(*) FROM drug_search('drug', '머리가 아플 때 먹는 약은?', k => 3)" 3

rows="SELECT md5(string_agg(ctid::text || d::text, ',' ORDER BY item_sequence)) FROM drug d"
before="$(psql -A -t -c "$rows")"
load
check "the same again: no row is written" "$rows" "$before"

sed -i 's/라마바캡슐/라마바연질캡슐/' "$FOLDER/samples/permit_list.json"
load
check "a changed name" "SELECT item_name, embedding = drug_embed(drug_document(item_name, product_type, ingredient_name)) FROM drug WHERE item_sequence = '900000002'" "라마바연질캡슐|t"
check "nothing else is written" "SELECT count(*) FROM drug WHERE xmin = (SELECT xmin FROM drug WHERE item_sequence = '900000002')" 1

error='{"header": {"resultCode": "22", "resultMsg": "LIMITED_NUMBER_OF_SERVICE_REQUESTS_EXCEEDS_ERROR"}}'
psql -c "INSERT INTO drug_import.page VALUES ('getDrugPrdtPrmsnInq07', 'error', '$error')"
if psql -f "$IMPORT/apply.sql" >"$FOLDER/error" 2>&1; then die "a page that is an error was taken for data"; fi
grep -q "LIMITED_NUMBER_OF_SERVICE_REQUESTS" "$FOLDER/error" || die "the API's error is not named: $(cat "$FOLDER/error")"
say "examples/import: all passed"
