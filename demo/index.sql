\echo == Building the HNSW index
\timing on
CREATE INDEX drug_summary_embedding ON drug_summary USING hnsw (embedding vector_cosine_ops);
\timing off
