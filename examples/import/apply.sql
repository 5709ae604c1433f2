-- 받은 페이지를 다듬어 표에 넣는다. 여러 번 실행해도 되고, 바뀐 행만 고친다: 그래서 바뀐 것만 다시 임베딩된다.
-- Cleans the received pages into the tables. Can be run again; only what differs is written, so only that is embedded again.
BEGIN;
SELECT pg_advisory_xact_lock(hashtext('drug_import'));

CREATE TEMPORARY TABLE product ON COMMIT DROP AS
SELECT drug_import.field(i, 'itemseq', '품목기준코드', '품목일련번호', '제품일련번호') AS item_sequence,
       drug_import.field(i, 'itemname', '품목명', '제품명') AS name,
       drug_import.field(i, 'itemengname', '품목영문명', '제품영문명', '품목 영문명') AS item_eng_name,
       drug_import.field(i, 'entpname', '업체명', '업소명') AS enterprise_name,
       COALESCE(drug_import.field(i, 'prducttype'),
                '[' || drug_import.field(i, 'classno', '분류번호') || ']' || drug_import.field(i, 'classname', '분류명'),
                drug_import.field(i, 'classname', '분류명')) AS product_type,
       drug_import.field(i, 'itemingrname', 'mainitemingr', 'ingrname', '주성분', '원료성분') AS ingredient_name,
       drug_import.field(i, 'spcltypblc', 'etcotccode', 'etcotcname', '전문일반구분', '전문의약품', '전문일반') AS special_general_type,
       drug_import.date_of(drug_import.field(i, 'itempermitdate', '품목허가일자', '허가일자')) AS permit_date,
       drug_import.field(i, 'formcodename', '제형코드명', '의약품제형') AS form,
       drug_import.field(i, 'chart', '성상') AS appearance,
       COALESCE(drug_import.document_text(i->>'eedocdata'), drug_import.document_text(i->>'efcyqesitm'), drug_import.field(i, '효능효과', '효능')) AS efficacy,
       COALESCE(drug_import.document_text(i->>'uddocdata'), drug_import.document_text(i->>'usemethodqesitm'), drug_import.field(i, '용법용량')) AS dosage,
       COALESCE(drug_import.document_text(i->>'nbdocdata'),
                NULLIF(concat_ws(' ', drug_import.document_text(i->>'atpnwarnqesitm'), drug_import.document_text(i->>'atpnqesitm')), ''),
                drug_import.field(i, '주의사항')) AS caution,
       COALESCE(drug_import.document_text(i->>'intrcqesitm'), drug_import.field(i, '상호작용')) AS interaction,
       COALESCE(drug_import.document_text(i->>'seqesitm'), drug_import.field(i, '부작용')) AS side_effect,
       COALESCE(drug_import.document_text(i->>'depositmethodqesitm'), drug_import.field(i, 'storagemethod', '보관방법', '저장방법')) AS storage,
       page.operation LIKE 'getDrugPrdtPrmsnInq%' AS is_permit_list, page.received_at, page.source
  FROM drug_import.page, LATERAL drug_import.items(body) i
 WHERE page.operation NOT LIKE '%TabooInfoList%' AND page.operation NOT LIKE '%AtentInfoList%' AND page.operation NOT LIKE 'getEfcyDplct%';

-- 한 품목이 여러 번, 여러 곳에서 온다: 열마다 값이 있는 것 가운데 허가 목록, 그다음 나중 것.
-- A product comes more than once: for each column, of the values that are there, the permit list's, then the latest.
INSERT INTO drug AS d (item_sequence, item_name, export_name, item_eng_name, enterprise_name, product_type, ingredient_name,
                       special_general_type, permit_date, form, appearance, efficacy, dosage, caution, interaction, side_effect, storage)
SELECT item_sequence,
       NULLIF(btrim(regexp_replace(v[1], '\s*\(\s*수출명\s*[:：].*$', '')), ''),
       btrim(regexp_replace(substring(v[1] FROM '\(\s*수출명\s*[:：](.*)$'), '\)[^)]*$', '')),
       v[2], v[3], v[4], v[5], v[6], v[7]::date, v[8], v[9], v[10], v[11], v[12], v[13], v[14], v[15]
  FROM (SELECT item_sequence, array_agg(value ORDER BY place) AS v
          FROM (SELECT DISTINCT ON (item_sequence, place) item_sequence, place, value
                  FROM product, LATERAL unnest(ARRAY[
                       name, item_eng_name, enterprise_name, product_type, ingredient_name, special_general_type, permit_date::text, form,
                       appearance, efficacy, dosage, caution, interaction, side_effect, storage]) WITH ORDINALITY AS u (value, place)
                 WHERE item_sequence IS NOT NULL
                 ORDER BY item_sequence, place, value IS NULL, is_permit_list DESC, received_at DESC, value) best
         GROUP BY item_sequence) p
 WHERE v[1] IS NOT NULL
    ON CONFLICT (item_sequence) DO UPDATE SET
       item_name = excluded.item_name, export_name = excluded.export_name,
       item_eng_name = COALESCE(excluded.item_eng_name, d.item_eng_name),
       enterprise_name = COALESCE(excluded.enterprise_name, d.enterprise_name),
       product_type = COALESCE(excluded.product_type, d.product_type),
       ingredient_name = COALESCE(excluded.ingredient_name, d.ingredient_name),
       special_general_type = COALESCE(excluded.special_general_type, d.special_general_type),
       permit_date = COALESCE(excluded.permit_date, d.permit_date),
       form = COALESCE(excluded.form, d.form),
       appearance = COALESCE(excluded.appearance, d.appearance),
       efficacy = COALESCE(excluded.efficacy, d.efficacy),
       dosage = COALESCE(excluded.dosage, d.dosage),
       caution = COALESCE(excluded.caution, d.caution),
       interaction = COALESCE(excluded.interaction, d.interaction),
       side_effect = COALESCE(excluded.side_effect, d.side_effect),
       storage = COALESCE(excluded.storage, d.storage)
 WHERE (d.item_name, d.export_name, d.item_eng_name, d.enterprise_name, d.product_type, d.ingredient_name, d.special_general_type, d.permit_date, d.form, d.appearance, d.efficacy, d.dosage, d.caution, d.interaction, d.side_effect, d.storage)
    IS DISTINCT FROM (excluded.item_name, excluded.export_name, COALESCE(excluded.item_eng_name, d.item_eng_name), COALESCE(excluded.enterprise_name, d.enterprise_name), COALESCE(excluded.product_type, d.product_type), COALESCE(excluded.ingredient_name, d.ingredient_name), COALESCE(excluded.special_general_type, d.special_general_type), COALESCE(excluded.permit_date, d.permit_date), COALESCE(excluded.form, d.form), COALESCE(excluded.appearance, d.appearance), COALESCE(excluded.efficacy, d.efficacy), COALESCE(excluded.dosage, d.dosage), COALESCE(excluded.caution, d.caution), COALESCE(excluded.interaction, d.interaction), COALESCE(excluded.side_effect, d.side_effect), COALESCE(excluded.storage, d.storage));

-- 병용금기는 상대마다, 나머지는 품목과 종류마다 한 행. / One row for each partner, or for each product and kind.
INSERT INTO dur AS d
SELECT DISTINCT ON (1, 2, 3)
       drug_import.field(i, 'itemseq'),
       COALESCE(drug_import.field(i, 'typename'), CASE
           WHEN page.operation LIKE 'getUsjntTaboo%' THEN '병용금기' WHEN page.operation LIKE 'getPwnmTaboo%' THEN '임부금기'
           WHEN page.operation LIKE 'getSpcifyAgrdeTaboo%' THEN '특정연령대금기' WHEN page.operation LIKE 'getOdsnAtent%' THEN '노인주의'
           WHEN page.operation LIKE 'getCpctyAtent%' THEN '용량주의' WHEN page.operation LIKE 'getMdctnPdAtent%' THEN '투여기간주의'
           WHEN page.operation LIKE 'getEfcyDplct%' THEN '효능군중복' ELSE '분할주의' END),
       COALESCE(drug_import.field(i, 'mixtureitemseq'), drug_import.field(i, 'effectname', 'sersname'), ''),
       drug_import.field(i, 'mixtureitemname', 'effectname', 'sersname'),
       drug_import.field(i, 'prohbtcontent', 'remark')
  FROM drug_import.page, LATERAL drug_import.items(body) i
 WHERE (page.operation LIKE '%TabooInfoList%' OR page.operation LIKE '%AtentInfoList%' OR page.operation LIKE 'getEfcyDplct%')
   AND drug_import.field(i, 'itemseq') IS NOT NULL
 ORDER BY 1, 2, 3, page.received_at DESC, 5
    ON CONFLICT (item_sequence, kind, partner_sequence) DO UPDATE SET partner_name = excluded.partner_name, reason = excluded.reason
 WHERE (d.partner_name, d.reason) IS DISTINCT FROM (excluded.partner_name, excluded.reason);
COMMIT;
