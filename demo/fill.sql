\echo
\echo == Embedding what has no vector yet
\timing on
-- Reading is shared out to parallel workers; a plain UPDATE of the table would use one process.
SET max_parallel_workers_per_gather = 4;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
CREATE TEMPORARY TABLE fresh AS
SELECT item_sequence, drug_embed(drug_document(item_name, product_type, ingredient_name)) AS embedding
  FROM drug_summary
 WHERE embedding IS NULL;
\timing off
UPDATE drug_summary SET embedding = fresh.embedding FROM fresh WHERE drug_summary.item_sequence = fresh.item_sequence;
DROP TABLE fresh;
VACUUM ANALYZE drug_summary;
SELECT count(*) AS products, count(DISTINCT product_type) AS types, count(embedding) AS embedded FROM drug_summary;
