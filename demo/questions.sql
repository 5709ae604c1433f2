PREPARE ask (text) AS
SELECT left(item_name, 40) AS name, regexp_replace(product_type, '^\[\w+\]', '') AS type,
       round(drug_similarity(embedding, $1)::numeric, 3) AS similarity
  FROM drug_summary
 ORDER BY embedding <=> drug_embed_query($1)
 LIMIT 5;

\echo == The plan uses the index
EXPLAIN (COSTS OFF) EXECUTE ask ('열을 내리는 약은?');

\timing on
\echo == 열을 내리는 약은?
EXECUTE ask ('열을 내리는 약은?');
\echo == 임산부가 복용하면 안 되는 약은?
EXECUTE ask ('임산부가 복용하면 안 되는 약은?');
\echo (Near in meaning only: who must not take a drug is in the DUR tables, not in names and ingredients.)
\echo == 소화가 안 될 때 먹는 약은?
EXECUTE ask ('소화가 안 될 때 먹는 약은?');
\echo == 혈압을 낮추는 약은?
EXECUTE ask ('혈압을 낮추는 약은?');
\echo == 잠이 오지 않을 때 먹는 약은?
EXECUTE ask ('잠이 오지 않을 때 먹는 약은?');
\echo == 콧물이 나고 기침할 때 먹는 약은?
EXECUTE ask ('콧물이 나고 기침할 때 먹는 약은?');
\timing off
