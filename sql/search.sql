-- drug_search and the indexes it uses. The work is in Rust (src/search).

CREATE FUNCTION drugembed._bigrams(document text) RETURNS text[]
IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'bigrams_sql_wrapper';
COMMENT ON FUNCTION drugembed._bigrams(text) IS
    'internal: pairs of neighbouring letters, which an index holds where LC_CTYPE keeps pg_trgm from seeing Hangul';

CREATE FUNCTION drugembed._selective_bigrams(query text) RETURNS text[]
IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'selective_bigrams_wrapper';
COMMENT ON FUNCTION drugembed._selective_bigrams(text) IS 'internal: bigrams of a query that a row must share one of';

CREATE FUNCTION drugembed._bigram_containment(query text, document text) RETURNS float8
IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'bigram_containment_wrapper';
COMMENT ON FUNCTION drugembed._bigram_containment(text, text) IS 'internal: share of a query''s bigrams that a document holds, from 0 to 1';

CREATE FUNCTION drugembed._letters(document text, english text) RETURNS text
IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'letters_wrapper';
COMMENT ON FUNCTION drugembed._letters(text, text) IS 'internal: the letters of a row that lexical search compares, in one form';

CREATE FUNCTION drugembed._facts(revision integer, name text, english_name text, form text, company text, status text, ingredients text,
                                 dur text, item_seq text) RETURNS text[]
IMMUTABLE PARALLEL SAFE COST 1000 LANGUAGE c AS 'MODULE_PATHNAME', 'facts_wrapper';
COMMENT ON FUNCTION drugembed._facts(integer, text, text, text, text, text, text, text, text) IS
    'internal: what a row''s columns say, as words that an index holds and a question is compared with';

CREATE FUNCTION drugembed._search(relation regclass, query text, k integer, mode text, filter jsonb, target name, read boolean,
                                  OUT key text, OUT score float8, OUT vector_rank integer, OUT lexical_rank integer,
                                  OUT similarity float8, OUT document text, OUT matched jsonb)
RETURNS SETOF record STABLE ROWS 10 COST 100000 SET search_path = pg_catalog, pg_temp
LANGUAGE c AS 'MODULE_PATHNAME', 'search_wrapper';
COMMENT ON FUNCTION drugembed._search(regclass, text, integer, text, jsonb, name, boolean) IS 'internal: drug_search, with its key as text';

CREATE FUNCTION drug_search(relation regclass, query text, k integer DEFAULT 10, mode text DEFAULT 'hybrid', filter jsonb DEFAULT NULL,
                            target name DEFAULT NULL, read boolean DEFAULT true)
RETURNS TABLE (key jsonb, score float8, vector_rank integer, lexical_rank integer, similarity float8, document text, matched jsonb)
LANGUAGE sql STABLE ROWS 10 COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.key::jsonb, s.score, s.vector_rank, s.lexical_rank, s.similarity, s.document, s.matched
      FROM drugembed._search(relation, query, k, mode, filter, target, read) s
$$;
COMMENT ON FUNCTION drug_search(regclass, text, integer, text, jsonb, name, boolean) IS
    'the k rows of a tracked table that answer a question, by what it asks for (matched), by vector and by letters; read => false takes '
    'it as it stands; filter: {"column": value, [values] or {"gte": value}}';

CREATE FUNCTION drugembed._substitutes(relation regclass, name text, k integer, same_strength boolean, same_form boolean, filter jsonb,
                                       target name, OUT key text, OUT score float8, OUT vector_rank integer, OUT lexical_rank integer,
                                       OUT similarity float8, OUT document text, OUT matched jsonb)
RETURNS SETOF record STABLE ROWS 10 COST 100000 SET search_path = pg_catalog, pg_temp
LANGUAGE c AS 'MODULE_PATHNAME', 'substitutes_wrapper';
COMMENT ON FUNCTION drugembed._substitutes(regclass, text, integer, boolean, boolean, jsonb, name) IS
    'internal: drug_substitutes, with its key as text';

CREATE FUNCTION drug_substitutes(relation regclass, name text, k integer DEFAULT 10, same_strength boolean DEFAULT false,
                                 same_form boolean DEFAULT false, filter jsonb DEFAULT NULL, target name DEFAULT NULL)
RETURNS TABLE (key jsonb, similarity float8, document text, matched jsonb)
LANGUAGE sql STABLE ROWS 10 COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.key::jsonb, s.similarity, s.document, s.matched
      FROM drugembed._substitutes(relation, name, k, same_strength, same_form, filter, target) s
$$;
COMMENT ON FUNCTION drug_substitutes(regclass, text, integer, boolean, boolean, jsonb, name) IS
    'products of a tracked table with the same active ingredients as a product, nearest to it first; same_strength, same_form: those too';

CREATE FUNCTION drugembed.index_sql(relation regclass, target name DEFAULT NULL, online boolean DEFAULT true) RETURNS SETOF text
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'index_sql_wrapper';
COMMENT ON FUNCTION drugembed.index_sql(regclass, name, boolean) IS
    'statements that build the indexes drug_search uses and that are not there yet, for psql''s \gexec; best after the first backfill';
