-- drug_search: nearest by vector, nearest by letters, and both fused by reciprocal rank (Cormack et al., SIGIR 2009: sum of 1 / (60 + rank)).
-- Of equal scores the better lexical rank comes first: letters tell 500 mg from 160 mg, vectors hardly do. Beside vectors only letters
-- that are alike by 0.6 count: a mistyped name shares some letters with many names, and the vector knows better which is meant.

CREATE FUNCTION drugembed.bigrams(document text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT COALESCE(array_agg(DISTINCT substr(s, i, 2)), '{}')
      FROM (SELECT lower(regexp_replace(document, '[[:space:][:punct:]]+', ' ', 'g'))) AS d (s), generate_series(1, length(s) - 1) AS i
     WHERE substr(s, i, 2) !~ ' '
$$;
COMMENT ON FUNCTION drugembed.bigrams(text) IS
    'pairs of neighbouring letters: what lexical search compares where the database''s LC_CTYPE keeps pg_trgm from seeing Hangul';

-- Digits are in every other name: pairs of them decide nothing unless there is nothing else.
CREATE FUNCTION drugembed.telling_bigrams(query text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT COALESCE(NULLIF(ARRAY(SELECT b FROM unnest(q) b WHERE b !~ '^[0-9]+$'), '{}'), q) FROM (SELECT drugembed.bigrams(query)) s (q)
$$;
COMMENT ON FUNCTION drugembed.telling_bigrams(text) IS 'bigrams of a query that a row must share one of';

CREATE FUNCTION drugembed.bigram_share(query text[], document text) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT count(*) FILTER (WHERE strpos(d, b) > 0)::float8 / GREATEST(count(*), 1) FROM lower(document) d, unnest(query) b $$;
COMMENT ON FUNCTION drugembed.bigram_share(text[], text) IS 'share of a query''s bigrams that a document holds, from 0 to 1';

-- pg_trgm sees only what LC_CTYPE calls a letter: under C, no Hangul at all.
CREATE FUNCTION drugembed.lexical_engine(OUT engine text, OUT schema name)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
AS $$
DECLARE
    seen boolean;
BEGIN
    SELECT n.nspname INTO schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
    IF schema IS NOT NULL THEN
        EXECUTE format('SELECT %I.show_trgm(chr(50557)) <> ''{}''', schema) INTO seen;  -- a Hangul syllable; this script must be ASCII
        engine := CASE WHEN seen THEN 'trgm' ELSE 'bigram' END;
    END IF;
END $$;
COMMENT ON FUNCTION drugembed.lexical_engine() IS 'how lexical search works in this database: trgm, bigram, or NULL where pg_trgm is missing';

-- A filter is data, never SQL: {"column": value | null | [values] | {"gte": value, "lt": value, ...}}. $4 is the filter.
CREATE FUNCTION drugembed.filter_sql(relation regclass, filter jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
AS $$
DECLARE
    operators CONSTANT jsonb := '{"eq": "=", "ne": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "like": "~~", "ilike": "~~*"}';
    f record;
    o record;
    type text;
    sql text := '';
BEGIN
    IF filter IS NULL OR filter = '{}' THEN
        RETURN '';
    ELSIF jsonb_typeof(filter) <> 'object' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'filter is not a JSON object',
            HINT = 'For example: {"product_type": "0114", "item_permit_date": {"gte": "20200101"}}.';
    END IF;
    FOR f IN SELECT key AS name, value, jsonb_typeof(value) AS kind FROM jsonb_each(filter) LOOP
        SELECT format_type(atttypid, NULL) INTO type FROM pg_attribute
         WHERE attrelid = relation AND attname = f.name AND attnum > 0 AND NOT attisdropped;
        IF NOT FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'undefined_column', MESSAGE = format('column "%s" of table "%s" does not exist', f.name, relation),
                HINT = 'The keys of filter are column names, as they are stored.';
        END IF;
        IF f.kind = 'null' THEN
            sql := sql || format(' AND "@row".%I IS NULL', f.name);
        ELSIF f.kind = 'array' THEN
            sql := sql || format(' AND "@row".%I = ANY (ARRAY(SELECT v::%s FROM jsonb_array_elements_text($4->%L) v))', f.name, type, f.name);
        ELSIF f.kind = 'object' THEN
            FOR o IN SELECT key AS name, jsonb_typeof(value) AS kind FROM jsonb_each(f.value) LOOP
                IF NOT operators ? o.name OR o.kind NOT IN ('string', 'number', 'boolean') THEN
                    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
                        MESSAGE = format('filter for column "%s" has "%s" with a value of type %s', f.name, o.name, o.kind),
                        HINT = 'Use "eq", "ne", "lt", "lte", "gt", "gte", "like" or "ilike" with one value, or an array of values for any of them.';
                END IF;
                sql := sql || format(' AND "@row".%I %s ($4->%L->>%L)::%s', f.name, operators->>o.name, f.name, o.name,
                                     CASE WHEN o.name LIKE '%like' THEN 'text' ELSE type END);
            END LOOP;
        ELSE
            sql := sql || format(' AND "@row".%I = ($4->>%L)::%s', f.name, f.name, type);
        END IF;
    END LOOP;
    RETURN sql;
END $$;
COMMENT ON FUNCTION drugembed.filter_sql(regclass, jsonb) IS 'internal: SQL of a filter';

-- $1 query text, $2 its vector, $3 model hash, $4 filter.
CREATE FUNCTION drugembed.search_sql(t drugembed.tracked, k integer, by_vector boolean, engine text, engine_schema name, filter jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
AS $$
DECLARE
    pool integer := LEAST(GREATEST(4 * k, 40), 1000);
    keys text := (SELECT string_agg(format('"@row".%I AS k%s', c, n), ', ' ORDER BY n) FROM unnest(t.key) WITH ORDINALITY AS u (c, n));
    ks text := (SELECT string_agg('k' || n, ', ') FROM generate_series(1, cardinality(t.key)) n);
    filtered text := drugembed.filter_sql(t.relation, filter);
    parts text[] := '{}';
BEGIN
    IF by_vector THEN
        -- The model is checked outside of the index scan, whose plan it would spoil, unless rows of two models are there.
        parts := parts || format('SELECT %1$s, row_number() OVER (ORDER BY distance) AS v, NULL::bigint AS l, distance
              FROM (SELECT %2$s, "@row".%3$I AS state, "@row".%4$I <=> $2 AS distance FROM %5$s AS "@row"
                     WHERE "@row".%4$I IS NOT NULL%6$s%7$s ORDER BY "@row".%4$I <=> $2 LIMIT %8$s) n
             WHERE drugembed.state_model(state) = $3',
            ks, keys, t.state, t.target, t.relation, filtered,
            CASE WHEN t.mixed THEN format(' AND drugembed.state_model("@row".%I) = $3', t.state) ELSE '' END, pool);
    END IF;
    IF engine IS NOT NULL THEN
        -- pg_trgm finds, but alone ranks a bare "500" before the name with 500: it counts the ends of words, which Korean names run together.
        parts := parts || format('SELECT %1$s, NULL::bigint AS v, row_number() OVER (ORDER BY likeness DESC, size, %1$s) AS l, NULL::float8 AS distance
              FROM (SELECT %2$s, %3$s AS likeness, length(%4$s) AS size FROM %5$s AS "@row" WHERE %6$s%7$s ORDER BY likeness DESC, size LIMIT %8$s) n
             WHERE likeness >= %9$s',
            ks, keys,
            CASE engine WHEN 'trgm' THEN format('(drugembed.bigram_share(drugembed.bigrams($1), %2$s) + %1$I.word_similarity($1, %2$s)) / 2', engine_schema, t.lexical)
                 ELSE format('drugembed.bigram_share(drugembed.bigrams($1), %s)', t.lexical) END,
            t.lexical, t.relation,
            CASE engine WHEN 'trgm' THEN format('%s OPERATOR(%I.%%>) $1', t.lexical, engine_schema)
                 ELSE format('drugembed.bigrams(%s) && drugembed.telling_bigrams($1)', t.lexical) END,
            filtered, pool, CASE WHEN by_vector THEN 0.6 ELSE 0 END);
    END IF;
    RETURN format('
        SELECT jsonb_build_object(%1$s), f.score, f.v::integer, f.l::integer, 1 - f.distance, %2$s
          FROM (SELECT %3$s, sum(1.0::float8 / (60 + COALESCE(v, l))) AS score, min(v) AS v, min(l) AS l, min(distance) AS distance
                  FROM (%4$s) u GROUP BY %3$s ORDER BY score DESC, min(l), min(v), %3$s LIMIT %5$s) f
          JOIN %6$s AS "@row" ON %7$s
         ORDER BY f.score DESC, f.l, f.v, %3$s',
        (SELECT string_agg(format('%L, "@row".%I', c, c), ', ' ORDER BY n) FROM unnest(t.key) WITH ORDINALITY AS u (c, n)),
        t.source, ks, array_to_string(parts, ' UNION ALL '), k, t.relation,
        (SELECT string_agg(format('"@row".%I = f.k%s', c, n), ' AND ' ORDER BY n) FROM unnest(t.key) WITH ORDINALITY AS u (c, n)));
END $$;
COMMENT ON FUNCTION drugembed.search_sql(drugembed.tracked, integer, boolean, text, name, jsonb) IS 'internal: the statement that drug_search runs';

CREATE FUNCTION drugembed.require_searchable(query text, k integer, mode text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path FROM CURRENT
AS $$
BEGIN
    IF drugembed.is_blank(query) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'query is empty', HINT = 'Give a question, a name or a part of a name.';
    ELSIF k IS NULL OR k NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('k is %s, not between 1 and 1000', COALESCE(k::text, 'NULL')),
            HINT = 'k is the number of rows wanted.';
    ELSIF mode IS NULL OR mode NOT IN ('hybrid', 'vector', 'lexical') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('mode is "%s"', mode),
            HINT = 'Give "hybrid", "vector" or "lexical".';
    END IF;
END $$;
COMMENT ON FUNCTION drugembed.require_searchable(text, integer, text) IS 'internal: refuses bad arguments of drug_search';

-- Whether the vectors can be compared with a query of this session's model; never silently if not all can.
CREATE FUNCTION drugembed.vectors_usable(t drugembed.tracked, mode text, held text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
AS $$
DECLARE
    hint CONSTANT text := format('Run CALL drugembed.backfill(%L).', t.relation);
BEGIN
    IF mode = 'lexical' THEN
        RETURN false;
    ELSIF t.model <> held AND mode = 'vector' THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('vectors of table "%s" were made by model "%s", but this server holds "%s"', t.relation, t.model, held), HINT = hint;
    ELSIF t.model <> held THEN
        RAISE WARNING USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('vectors of table "%s" were made by model "%s", but this server holds "%s": searching by letters alone',
                             t.relation, t.model, held), HINT = hint;
        RETURN false;
    ELSIF t.mixed THEN
        RAISE WARNING USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('table "%s" still has vectors of an older model: they are left out', t.relation), HINT = hint;
    END IF;
    RETURN true;
END $$;
COMMENT ON FUNCTION drugembed.vectors_usable(drugembed.tracked, text, text) IS 'internal: whether stored vectors and the query are of one model';

CREATE FUNCTION drugembed.require_engine(mode text, engine text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
AS $$
DECLARE
    hint CONSTANT text := 'Install it: CREATE EXTENSION pg_trgm; then build its index as drugembed.index_sql(table) says.';
BEGIN
    IF engine IS NULL AND mode = 'lexical' THEN
        RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = 'lexical search needs the extension pg_trgm', HINT = hint;
    ELSIF engine IS NULL AND mode = 'hybrid' THEN
        RAISE NOTICE USING MESSAGE = 'extension pg_trgm is missing: searching by vector alone', HINT = hint;
    END IF;
END $$;
COMMENT ON FUNCTION drugembed.require_engine(text, text) IS 'internal: says so when lexical search is not possible';

CREATE FUNCTION drug_search(relation regclass, query text, k integer DEFAULT 10, mode text DEFAULT 'hybrid', filter jsonb DEFAULT NULL,
                            target name DEFAULT NULL)
RETURNS TABLE (key jsonb, score float8, vector_rank integer, lexical_rank integer, similarity float8, document text)
LANGUAGE plpgsql STABLE ROWS 10 COST 100000 SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    t drugembed.tracked;
    lexical record;
    by_vector boolean;
    held text;
    question vector;
    settings text[][] := ARRAY[['hnsw.iterative_scan', 'relaxed_order'], ['hnsw.ef_search', LEAST(GREATEST(20 * k, 200), 1000)::text],  -- see index_sql
                               ['pg_trgm.word_similarity_threshold', '0.3']];
    before text[] := '{}';
BEGIN
    PERFORM drugembed.require_searchable(query, k, mode);
    t := drugembed.find(relation, target);
    SELECT model INTO held FROM drug_model();
    by_vector := drugembed.vectors_usable(t, mode, held);
    SELECT * INTO lexical FROM drugembed.lexical_engine();
    PERFORM drugembed.require_engine(CASE WHEN by_vector THEN mode ELSE 'lexical' END, lexical.engine);
    IF by_vector THEN
        question := drug_embed_query(query);
    END IF;
    FOR i IN 1 .. 3 LOOP
        before[i] := current_setting(settings[i][1], true);
        IF before[i] IS NOT NULL THEN
            PERFORM set_config(settings[i][1], settings[i][2], true);
        END IF;
    END LOOP;
    RETURN QUERY EXECUTE drugembed.search_sql(t, k, by_vector, CASE WHEN mode <> 'vector' THEN lexical.engine END, lexical.schema, filter)
        USING query, question, drugembed.model_hash(held), filter;
    FOR i IN 1 .. 3 LOOP
        IF before[i] IS NOT NULL THEN
            PERFORM set_config(settings[i][1], before[i], true);
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION drug_search(regclass, text, integer, text, jsonb, name) IS
    'the k rows of a tracked table nearest to a query, by vector, by letters or both; filter: {"column": value, [values] or {"gte": value}}';

-- One statement a row, for \gexec: CONCURRENTLY cannot run inside a function.
-- pgvector's own parameters (m 16, ef_construction 64, ef_search 40) find too few of the nearest rows of a lay question: it is far from
-- all products, and these crowd together. "make bench" (search) has the figures.
CREATE FUNCTION drugembed.index_sql(relation regclass, target name DEFAULT NULL, online boolean DEFAULT true) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
AS $$
DECLARE
    t drugembed.tracked := drugembed.find(relation, target);
    lexical record;
    kind text;
    how text;
    parent name;
    leaf record;
BEGIN
    SELECT * INTO lexical FROM drugembed.lexical_engine();
    FOR kind, how IN
        SELECT 'hnsw', format('USING hnsw (%I %s.vector_cosine_ops) WITH (m = 32, ef_construction = 400)', t.target, (SELECT nspname FROM pg_namespace n JOIN pg_type y ON y.typnamespace = n.oid WHERE y.oid = 'vector'::regtype))
        UNION ALL
        SELECT 'lexical', CASE lexical.engine
            WHEN 'trgm' THEN format('USING gin ((%s) %I.gin_trgm_ops)', replace(t.lexical, '"@row".', ''), lexical.schema)
            ELSE format('USING gin (drugembed.bigrams(%s))', replace(t.lexical, '"@row".', '')) END
         WHERE lexical.engine IS NOT NULL
    LOOP
        IF NOT EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = t.relation) THEN
            RETURN NEXT format('CREATE INDEX %s IF NOT EXISTS %I ON %s %s', CASE WHEN online THEN 'CONCURRENTLY' ELSE '' END,
                               format('drugembed_%s_%s', t.id, kind), t.relation, how);
            CONTINUE;
        END IF;
        -- The last statement finds the partitions' indexes made, and only joins them.
        parent := format('drugembed_%s_%s', t.id, kind);
        FOR leaf IN SELECT p.relid::regclass AS relid, format('%s_%s', parent, p.relid::oid) AS name
                      FROM pg_partition_tree(t.relation) p WHERE p.isleaf LOOP
            RETURN NEXT format('CREATE INDEX %s IF NOT EXISTS %I ON %s %s', CASE WHEN online THEN 'CONCURRENTLY' ELSE '' END,
                               leaf.name, leaf.relid, how);
        END LOOP;
        RETURN NEXT format('CREATE INDEX IF NOT EXISTS %I ON %s %s', parent, t.relation, how);
    END LOOP;
END $$;
COMMENT ON FUNCTION drugembed.index_sql(regclass, name, boolean) IS
    'statements that build the indexes drug_search uses, for psql''s \gexec; best after the first backfill';
