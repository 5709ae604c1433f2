-- The source expression: parsed once, by the caller's search_path, and kept as PostgreSQL writes it back: every name qualified and
-- every column as "@row".column, so that it means the same in any session and a renamed column can be found in it.

CREATE FUNCTION drugembed.canonical(relation regclass, expression text, caller_path text) RETURNS text
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    path text := current_setting('search_path');
    definition text;
    other text;
BEGIN
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = relation AND attname = expression AND attnum > 0 AND NOT attisdropped) THEN
        expression := quote_ident(expression);
    END IF;
    PERFORM set_config('search_path', caller_path, true);
    -- In WHERE, aggregates, window functions and sets are refused.
    EXECUTE format(E'SELECT FROM %s AS "@row" WHERE (%s\n)::pg_catalog.text IS NULL LIMIT 0', relation, expression);
    EXECUTE format(E'CREATE TEMPORARY VIEW "drugembed canonical" AS SELECT (%s\n)::pg_catalog.text AS "@document" '
                    'FROM %s AS "@row" CROSS JOIN (VALUES (1)) AS "@one" ("@one")', expression, relation);
    PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);
    definition := pg_get_viewdef('pg_temp."drugembed canonical"'::regclass);
    SELECT min(d.refobjid::regclass::text) INTO other
      FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
     WHERE r.ev_class = 'pg_temp."drugembed canonical"'::regclass AND d.refclassid = 'pg_class'::regclass
       AND d.refobjid NOT IN (relation, r.ev_class);
    DROP VIEW pg_temp."drugembed canonical";
    PERFORM set_config('search_path', path, true);
    IF other IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
            MESSAGE = format('source of "%s" reads another table, "%s"', relation, other),
            HINT = 'Use columns of the row alone: a change of the other table could not be noticed.';
    END IF;
    RETURN (regexp_match(definition, '^\s*SELECT (.*) AS "@document"\s+FROM .*$'))[1];
EXCEPTION WHEN undefined_column OR undefined_function OR syntax_error OR grouping_error OR windowing_error OR ambiguous_column
             OR undefined_object OR cannot_coerce OR datatype_mismatch THEN
    RAISE EXCEPTION USING ERRCODE = SQLSTATE,
        MESSAGE = format('source "%s" is not an expression over a row of "%s": %s', expression, relation, SQLERRM),
        HINT = 'Give a column, or an expression such as drug_document(item_name, product_type, ingredient_name).';
END $$;
COMMENT ON FUNCTION drugembed.canonical(regclass, text, text) IS 'internal: a source expression with every name qualified';

CREATE FUNCTION drugembed.rename_column(expression text, old name, new name) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path FROM CURRENT
AS $$
    SELECT regexp_replace(expression, '"@row"\.' || regexp_replace(quote_ident(old), '([\\.\[\]^$*+?(){}|])', '\\\1', 'g') || '(?![a-z0-9_$"])',
                          '"@row".' || replace(quote_ident(new), '\', '\\'), 'g')
$$;
COMMENT ON FUNCTION drugembed.rename_column(text, name, name) IS 'internal: a canonical expression after a column was renamed';

CREATE FUNCTION drugembed.columns_in(relation regclass, expression text) RETURNS name[]
LANGUAGE sql STABLE SET search_path FROM CURRENT
AS $$
    SELECT COALESCE(array_agg(a.attname ORDER BY a.attnum), '{}')
      FROM pg_attribute a
     WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
       AND drugembed.rename_column(expression, a.attname, '@') <> expression
$$;
COMMENT ON FUNCTION drugembed.columns_in(regclass, text) IS 'internal: columns that a canonical expression reads';

-- On an empty copy of the row, CREATE INDEX tells whether PostgreSQL takes the expression for immutable.
CREATE FUNCTION drugembed.is_immutable(relation regclass, expression text) RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT SET client_min_messages = warning
AS $$
BEGIN
    EXECUTE format('CREATE TEMPORARY TABLE "@row" (LIKE %s)', relation);
    BEGIN
        EXECUTE format('CREATE INDEX ON pg_temp."@row" ((%s))', expression);
    EXCEPTION WHEN invalid_object_definition THEN
        DROP TABLE pg_temp."@row";
        RETURN false;
    END;
    DROP TABLE pg_temp."@row";
    RETURN true;
END $$;
COMMENT ON FUNCTION drugembed.is_immutable(regclass, text) IS 'internal: whether an index on the expression is possible';

-- concat_ws and its like are only STABLE: without an index on the source itself, lexical search reads its text columns.
CREATE FUNCTION drugembed.lexical_of(relation regclass, source text) RETURNS text
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    joined text;
BEGIN
    IF drugembed.is_immutable(relation, source) THEN
        RETURN source;
    END IF;
    SELECT string_agg(format('COALESCE("@row".%I, '''')', a.attname), ' || '' '' || ' ORDER BY a.attnum) INTO joined
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
     WHERE a.attrelid = relation AND a.attname = ANY (drugembed.columns_in(relation, source)) AND t.typcategory = 'S';
    RETURN COALESCE(joined, '''''::text');
END $$;
COMMENT ON FUNCTION drugembed.lexical_of(regclass, text) IS 'internal: the expression that lexical search reads';
