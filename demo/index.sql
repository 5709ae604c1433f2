\echo == Building the HNSW index
\timing on
CREATE INDEX drug_summary_embedding ON drug_summary USING hnsw (embedding vector_cosine_ops) WITH (m = 32, ef_construction = 400);
\timing off
