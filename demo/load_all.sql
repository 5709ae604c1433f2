CREATE TEMPORARY TABLE pill (
    item_sequence text, item_name text, enterprise_name text, appearance text, form text, type_code text, type_name text,
    special_general_type text, permit_date text, form_name text
);
\copy pill FROM 'mfds/pill_products_2023.csv' (FORMAT csv, HEADER)
CREATE TEMPORARY TABLE otc (
    item_sequence text, item_name text, item_eng_name text, enterprise_name text, ingredient_name text,
    ingredient_eng_name text, special_general_type text, efficacy text
);
\copy otc FROM 'mfds/otc_products.csv' (FORMAT csv, HEADER)
INSERT INTO drug_summary (item_sequence, item_name, item_eng_name, item_permit_date, special_general_type, product_type, ingredient_name, enterprise_name)
SELECT item_sequence, coalesce(pill.item_name, otc.item_name), otc.item_eng_name, pill.permit_date,
       coalesce(otc.special_general_type, pill.special_general_type), '[' || pill.type_code || ']' || pill.type_name,
       otc.ingredient_name, coalesce(pill.enterprise_name, otc.enterprise_name)
  FROM pill FULL JOIN otc USING (item_sequence)
    ON CONFLICT DO NOTHING;
