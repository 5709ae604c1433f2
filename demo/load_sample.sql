\copy drug_summary (item_sequence, item_name, item_eng_name, item_permit_date, special_general_type, product_type, ingredient_name, enterprise_name) FROM 'drug_summary.csv' (FORMAT csv, HEADER)
