#!/bin/sh
# load.sh OPERATION FILE...: 내려받은 파일(JSON, XML, CSV)을 drug_import.page에 넣는다. UTF-8이 아닌 파일은 CP949로 읽는다.
# Puts downloaded files (JSON, XML, CSV) into drug_import.page; what is not UTF-8 is read as CP949. psql finds the database by
# PGHOST, PGDATABASE and the like.
# OPERATION: getDrugPrdtPrmsnInq07, getUsjntTabooInfoList03, ... (API의 오퍼레이션 / the API's operation), nedrug (CSV)
set -eu
operation="${1:?usage: load.sh OPERATION FILE...}"
shift
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
for file; do
    iconv -f UTF-8 -t UTF-8 "$file" >"$work/page" 2>/dev/null || iconv -f CP949 -t UTF-8 "$file" >"$work/page"
    {
        # 한 줄이 한 행이 된다: 파일에 없는 글자를 구분자로 쓴다. / A row for each line: the separators are characters of no file.
        cat <<'END'
CREATE TEMPORARY TABLE line (number bigint GENERATED ALWAYS AS IDENTITY, text text);
\copy line (text) FROM STDIN WITH (FORMAT csv, DELIMITER E'\x02', QUOTE E'\x01', NULL E'\x03', ENCODING 'UTF8')
END
        # shellcheck disable=SC1003
        tr -d '\r\001\002\003' <"$work/page" | sed -e '$a\'
        echo '\.'
        cat <<'END'
INSERT INTO drug_import.page AS p (operation, source, body)
SELECT :'operation', :'source', COALESCE(string_agg(text, E'\n' ORDER BY number), '') FROM line
    ON CONFLICT (operation, source) DO UPDATE SET body = excluded.body, received_at = now() WHERE p.body <> excluded.body;
END
    } >"$work/load.sql"
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set operation="$operation" --set source="$(basename "$file")" --file "$work/load.sql"
done
