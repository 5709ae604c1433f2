-- 표와 함수를 만든다. 여러 번 실행해도 된다. / Makes the tables and functions; can be run again.
CREATE EXTENSION IF NOT EXISTS drugembed CASCADE;
CREATE SCHEMA IF NOT EXISTS drug_import;

-- 받은 그대로의 페이지: API의 한 페이지, 또는 내려받은 파일 하나. / Pages as they came: one of an API, or a downloaded file.
CREATE TABLE IF NOT EXISTS drug_import.page (
    operation text,            -- getDrugPrdtPrmsnInq07, ..., 또는 nedrug
    source text,               -- 페이지 번호나 파일 이름 / number of the page, or name of the file
    body text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (operation, source)
);

-- 의약품: 검색의 대상. / Products: what is searched.
CREATE TABLE IF NOT EXISTS drug (
    item_sequence text PRIMARY KEY,   -- 품목기준코드
    item_name text,                   -- 품목명, "수출명" 없이
    export_name text,                 -- 수출명
    item_eng_name text,
    enterprise_name text,
    product_type text,                -- 분류: [01140]해열.진통.소염제
    ingredient_name text,
    special_general_type text,        -- 전문의약품, 일반의약품
    permit_date date,
    form text,                        -- 제형
    appearance text,                  -- 성상
    efficacy text, dosage text, caution text, interaction text, side_effect text, storage text
);

-- DUR: 함께 쓰면 안 되는 약, 임부금기, 연령금기 등. / What must not be taken together, by whom, or for how long.
CREATE TABLE IF NOT EXISTS dur (
    item_sequence text,
    kind text,                               -- 병용금기, 임부금기, ...
    partner_sequence text NOT NULL DEFAULT '',  -- 병용금기의 상대, 효능군중복의 계열 / the other product, or the class
    partner_name text,
    reason text,
    PRIMARY KEY (item_sequence, kind, partner_sequence)
);

-- 글자 다듬기: HTML 개체, NBSP와 보이지 않는 글자, 앞뒤 빈칸, NFC. 남는 것이 없으면 NULL.
-- Entities, no-break and invisible spaces, spaces at the ends, NFC; NULL if nothing is left.
CREATE OR REPLACE FUNCTION drug_import.character(entity text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    code integer := CASE WHEN entity ~ '^#[xX]' THEN ('x' || lpad(substr(entity, 3), 8, '0'))::bit(32)::integer
                         WHEN entity LIKE '#%' THEN substr(entity, 2)::integer END;
    named constant jsonb := '{"amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "''", "nbsp": " ", "middot": "·", "deg": "°",
        "times": "×", "plusmn": "±", "le": "≤", "ge": "≥", "micro": "µ", "reg": "®", "trade": "™", "alpha": "α", "beta": "β"}';
BEGIN
    RETURN CASE WHEN code BETWEEN 1 AND 55295 OR code BETWEEN 57344 AND 1114111 THEN chr(code)
                ELSE COALESCE(named->>entity, '&' || entity || ';') END;
END $$;

CREATE OR REPLACE FUNCTION drug_import.decode_entities(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN $1 LIKE '%&%' THEN (
        SELECT string_agg(CASE WHEN n = 1 THEN piece
                               WHEN entity IS NULL THEN '&' || piece
                               ELSE drug_import.character(entity) || substr(piece, length(entity) + 2) END, '' ORDER BY n)
          FROM unnest(string_to_array($1, '&')) WITH ORDINALITY AS u (piece, n),
               LATERAL (SELECT substring(piece FROM '^(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});')) AS e (entity))
    ELSE $1 END
$$;

CREATE OR REPLACE FUNCTION drug_import.clean(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT NULLIF(btrim(regexp_replace(regexp_replace(
        normalize(drug_import.decode_entities(drug_import.decode_entities($1)), NFC),
        E'[\u200B\u200C\u200D\u2060\uFEFF\u00AD]', '', 'g'),
        E'[ \t\r\n\f\u000B\u00A0\u2002-\u200A\u202F\u205F\u3000]+', ' ', 'g')), '')
$$;

-- 첨부문서(EE_DOC_DATA 등)의 XML에서 글만 꺼낸다: 제목과 문단. / The text of a document such as EE_DOC_DATA: titles and paragraphs.
CREATE OR REPLACE FUNCTION drug_import.document_text(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT drug_import.clean(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
        $1,
        '<(?:SECTION|ARTICLE)\s[^>]*?title="([^"]*)"[^>]*>', ' \1 ', 'g'),
        '<!\[CDATA\[(.*?)\]\]>', ' \1 ', 'g'),
        '<!--.*?-->', ' ', 'g'),
        '</?[A-Za-z?][^>]*>', ' ', 'g'),
        '\s+', ' ', 'g'))
$$;

-- 한 페이지의 항목들. 모두 {"이름": "값"}, 이름은 소문자에 밑줄 없이: ITEM_SEQ와 itemSeq는 itemseq가 된다.
-- The items of a page, with keys in lower case without underscores.
CREATE OR REPLACE FUNCTION drug_import.json_items(body text) RETURNS SETOF jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    page jsonb := body::jsonb;
    items jsonb;
BEGIN
    page := COALESCE(page->'response', page);
    IF COALESCE(page->'header'->>'resultCode', '00') NOT IN ('00', '0', '000', 'INFO-000') THEN
        RAISE EXCEPTION USING ERRCODE = 'data_exception', MESSAGE = format('the page is an error of the API: "%s"', page->'header'->>'resultMsg'),
            HINT = 'Delete the page from drug_import.page and fetch it again.';
    END IF;
    items := COALESCE(page->'body'->'items', page->'items', CASE WHEN jsonb_typeof(page) = 'array' THEN page END);
    IF jsonb_typeof(items) = 'object' THEN
        items := COALESCE(items->'item', items);
    END IF;
    RETURN QUERY SELECT COALESCE(CASE WHEN jsonb_typeof(i->'item') = 'object' THEN i->'item' END, i)
      FROM jsonb_array_elements(CASE jsonb_typeof(items) WHEN 'array' THEN items WHEN 'object' THEN jsonb_build_array(items) ELSE '[]' END) i
     WHERE jsonb_typeof(i) = 'object';
END $$;

-- libxml이 없는 PostgreSQL에서도 된다: 항목은 한 겹이고, 값 안의 XML은 글로 남는다.
-- Works without libxml, too: items are one level deep, and XML inside a value stays text.
CREATE OR REPLACE FUNCTION drug_import.xml_items(body text) RETURNS SETOF jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    code text := btrim(substring(body FROM '<(?:resultCode|returnReasonCode)>([^<]*)</'));
BEGIN
    IF COALESCE(code, '00') NOT IN ('00', '0', '000') THEN
        RAISE EXCEPTION USING ERRCODE = 'data_exception', MESSAGE = format('the page is an error of the API: "%s"',
                COALESCE(substring(body FROM '<returnAuthMsg>(.*?)</'), substring(body FROM '<resultMsg>(.*?)</'), code)),
            HINT = 'Delete the page from drug_import.page and fetch it again.';
    END IF;
    RETURN QUERY SELECT (SELECT jsonb_object_agg(field[1], drug_import.xml_value(field[2]))
                           FROM regexp_matches(item[1], '<([A-Za-z][A-Za-z0-9_]*?)(?:\s[^>]*?)?>(.*?)</\1>', 'g') field)
      FROM regexp_matches(body, '<item>(.*?)</item>', 'g') item;
END $$;

CREATE OR REPLACE FUNCTION drug_import.xml_value(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN $1 ~ '^\s*<!\[CDATA\[' THEN regexp_replace($1, '^\s*<!\[CDATA\[(.*)\]\]>\s*$', '\1')
                WHEN $1 ~ '<[A-Za-z]' THEN $1
                ELSE drug_import.decode_entities($1) END
$$;

-- 따옴표, 쉼표와 줄바꿈이 든 값도 읽는다. / RFC 4180: quoted fields may hold commas, quotes and line ends.
CREATE OR REPLACE FUNCTION drug_import.csv_items(body text) RETURNS SETOF jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    field text[];
    names text[];
    fields text[] := '{}';
BEGIN
    FOR field IN SELECT regexp_matches(replace(body, E'\r\n', E'\n') || E'\n', '("(?:[^"]|"")*"|[^,\n]*)([,\n])', 'g') LOOP
        fields := fields || CASE WHEN field[1] LIKE '"%' THEN replace(substr(field[1], 2, length(field[1]) - 2), '""', '"') ELSE field[1] END;
        IF field[2] = E'\n' THEN
            IF names IS NULL THEN
                names := fields;
            ELSIF cardinality(fields) = cardinality(names) THEN
                RETURN NEXT jsonb_object(names, fields);
            ELSIF fields <> ARRAY[''] THEN
                RAISE EXCEPTION USING ERRCODE = 'bad_copy_file_format',
                    MESSAGE = format('a row has %s fields, the header %s: "%s"', cardinality(fields), cardinality(names), left(array_to_string(fields, ','), 80)),
                    HINT = 'Load the file with the encoding that it is in; files of nedrug are in CP949.';
            END IF;
            fields := '{}';
        END IF;
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION drug_import.items(body text) RETURNS SETOF jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (SELECT jsonb_object_agg(lower(replace(btrim(key), '_', '')), value) FROM jsonb_each(item))
      FROM (SELECT ltrim(body, E'\uFEFF \t\r\n') AS body) page,
           LATERAL (SELECT drug_import.json_items(page.body) WHERE page.body ~ '^[[{]'
                    UNION ALL SELECT drug_import.xml_items(page.body) WHERE page.body LIKE '<%'
                    UNION ALL SELECT drug_import.csv_items(page.body) WHERE page.body !~ '^[[{<]') AS found (item)
$$;

-- 이름들 가운데 처음으로 값이 있는 것. / The first of these fields that has a value.
CREATE OR REPLACE FUNCTION drug_import.field(item jsonb, VARIADIC names text[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT value FROM unnest(names) WITH ORDINALITY AS n (name, place), LATERAL drug_import.clean(item->>name) AS value
     WHERE value IS NOT NULL AND lower(value) <> 'null' ORDER BY place LIMIT 1
$$;

-- "19680827", "1968-08-27", "1968.8.27", "19680827000000"; 날짜가 아니면 NULL.
CREATE OR REPLACE FUNCTION drug_import.date_of(text) RETURNS date LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    part text[] := regexp_match($1, '^\s*(\d{4})[-./년 ]*(\d{1,2})[-./월 ]*(\d{1,2})');
BEGIN
    RETURN make_date(part[1]::integer, part[2]::integer, part[3]::integer);
EXCEPTION WHEN datetime_field_overflow THEN
    RETURN NULL;
END $$;
