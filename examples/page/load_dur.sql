-- DATA의 DUR 목록. / The DUR lists of DATA, loaded in that folder.
CREATE TEMPORARY TABLE simple (code text, content text);
\copy simple FROM 'dur/preg.csv' (FORMAT csv, HEADER)
INSERT INTO dur (item_sequence, kind, reason) SELECT code, '임부금기', content FROM simple ON CONFLICT DO NOTHING;
TRUNCATE simple;
\copy simple FROM 'dur/old.csv' (FORMAT csv, HEADER)
INSERT INTO dur (item_sequence, kind, reason) SELECT code, '노인주의', content FROM simple ON CONFLICT DO NOTHING;
TRUNCATE simple;
\copy simple FROM 'dur/amount.csv' (FORMAT csv, HEADER)
INSERT INTO dur (item_sequence, kind, reason) SELECT code, '용량주의', content FROM simple ON CONFLICT DO NOTHING;
TRUNCATE simple;
\copy simple FROM 'dur/period.csv' (FORMAT csv, HEADER)
INSERT INTO dur (item_sequence, kind, reason) SELECT code, '투여기간주의', content || '일까지' FROM simple ON CONFLICT DO NOTHING;
CREATE TEMPORARY TABLE age (code text, limit_nm text, unit text, standard text, content text);
\copy age FROM 'dur/age.csv' (FORMAT csv, HEADER)
INSERT INTO dur (item_sequence, kind, reason)
SELECT code, '특정연령대금기', concat_ws(' ', limit_nm || unit, standard, content) FROM age ON CONFLICT DO NOTHING;
CREATE TEMPORARY TABLE pair (code_a text, code_b text, name_b text, content text);
\copy pair FROM 'dur/with.csv' (FORMAT csv, HEADER)
INSERT INTO dur SELECT code_a, '병용금기', code_b, name_b, content FROM pair ON CONFLICT DO NOTHING;
