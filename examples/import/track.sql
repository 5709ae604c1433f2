-- 임베딩을 표에 맞추어 두고, 기다리는 행을 임베딩한다. / Keeps embeddings in step with the table, and embeds the rows that wait.
SELECT drugembed.track('drug', 'drug_document(item_name, product_type, ingredient_name)')
 WHERE NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'drug'::regclass AND attname = 'embedding' AND NOT attisdropped);
CALL drugembed.backfill('drug');
