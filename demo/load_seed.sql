CREATE TEMPORARY TABLE seed (
    type_code text, type_name text, type_definition text, item_sequence text, item_name text, enterprise_name text,
    main_ingredient text, main_ingredient_eng text, appearance text, storage_method text, valid_term text
);
\copy seed FROM 'seed/drug_data_20_per_product_type.csv' (FORMAT csv, HEADER)
INSERT INTO drug_summary (item_sequence, item_name, product_type, ingredient_name, enterprise_name)
SELECT item_sequence, item_name, '[' || type_code || ']' || type_name, main_ingredient, enterprise_name
  FROM seed
    ON CONFLICT DO NOTHING;
