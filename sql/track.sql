-- drugembed.track and drugembed.untrack.

CREATE FUNCTION drugembed.find(relation regclass, target name DEFAULT NULL) RETURNS drugembed.tracked
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
AS $$
DECLARE
    found drugembed.tracked[] := ARRAY(SELECT t FROM drugembed.tracked t
                                        WHERE t.relation = find.relation AND (find.target IS NULL OR t.target = find.target));
BEGIN
    IF cardinality(found) = 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
            MESSAGE = format('table "%s" is not tracked%s', relation, COALESCE(format(' with vector column "%s"', target), '')),
            HINT = 'Track it first: SELECT drugembed.track(table, source).';
    ELSIF cardinality(found) > 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'ambiguous_parameter',
            MESSAGE = format('table "%s" is tracked with more than one vector column', relation),
            HINT = 'Name the one meant: target => ''embedding''.';
    END IF;
    RETURN found[1];
END $$;
COMMENT ON FUNCTION drugembed.find(regclass, name) IS 'internal: the tracked entry of a table';

CREATE FUNCTION drugembed.require_trackable(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
AS $$
DECLARE
    class pg_class := (SELECT c FROM pg_class c WHERE c.oid = relation);
BEGIN
    IF class.relkind NOT IN ('r', 'p') OR class.relpersistence = 't' THEN
        RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('"%s" is not a permanent table', relation),
            HINT = 'Only tables, partitioned ones included, can be tracked.';
    ELSIF class.relispartition OR EXISTS (SELECT FROM pg_inherits WHERE relation IN (inhrelid, inhparent)) AND class.relkind = 'r' THEN
        RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
            MESSAGE = format('"%s" is a partition, or has a parent or children by inheritance', relation),
            HINT = 'Track the partitioned table: its partitions, later ones included, are then kept in step.';
    ELSIF NOT pg_has_role(class.relowner, 'USAGE') THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('must be owner of table "%s"', relation),
            HINT = 'Tracking adds columns and triggers: let the owner of the table do it.';
    ELSIF NOT EXISTS (SELECT FROM pg_index WHERE indrelid = relation AND indisprimary) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('table "%s" has no primary key', relation),
            HINT = format('Add one, so that a row can be found again: ALTER TABLE %s ADD PRIMARY KEY (...).', relation);
    END IF;
END $$;
COMMENT ON FUNCTION drugembed.require_trackable(regclass) IS 'internal: refuses what cannot be tracked';

-- True if the column was added.
CREATE FUNCTION drugembed.add_target(relation regclass, target name, dim integer) RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    present text := (SELECT format_type(atttypid, atttypmod) FROM pg_attribute
                      WHERE attrelid = relation AND attname = target AND attnum > 0 AND NOT attisdropped);
    wanted text := format_type('vector'::regtype, dim);
BEGIN
    IF present IS NULL THEN
        EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', relation, target, wanted);
        RETURN true;
    ELSIF present NOT IN (wanted, format_type('vector'::regtype, -1)) THEN
        RAISE EXCEPTION USING ERRCODE = 'datatype_mismatch',
            MESSAGE = format('column "%s" of table "%s" is %s, but the model makes %s', target, relation, present, wanted),
            HINT = 'Name another vector column by target => ..., or drop this one.';
    END IF;
    RETURN false;
END $$;
COMMENT ON FUNCTION drugembed.add_target(regclass, name, integer) IS 'internal: adds the vector column, or checks its type';

-- A column of that name and type is there when a dump or a subscription brought it: what it says still holds.
CREATE FUNCTION drugembed.add_state(relation regclass, state name) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    present oid := (SELECT atttypid FROM pg_attribute WHERE attrelid = relation AND attname = state AND attnum > 0 AND NOT attisdropped);
BEGIN
    IF present IS NULL THEN
        EXECUTE format('ALTER TABLE %s ADD COLUMN %I bigint', relation, state);
    ELSIF present <> 'bigint'::regtype THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_column',
            MESSAGE = format('column "%s" of table "%s" is %s, not what tracking keeps under that name', state, relation, present::regtype),
            HINT = 'Rename it, or give the vector column another, shorter name by target => ....';
    END IF;
END $$;
COMMENT ON FUNCTION drugembed.add_state(regclass, name) IS 'internal: adds the state column, or checks its type';

CREATE FUNCTION drugembed.track_by_path(relation regclass, source text, target name, lexical text, caller_path text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    t drugembed.tracked;
    dim integer;
BEGIN
    IF relation IS NULL OR target IS NULL OR drugembed.is_blank(source) THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'table, source and target must be given',
            HINT = 'For example: SELECT drugembed.track(''drug_summary'', ''item_name'').';
    END IF;
    PERFORM drugembed.require_trackable(relation);
    IF EXISTS (SELECT FROM drugembed.tracked x WHERE x.relation = track_by_path.relation AND x.target = track_by_path.target) THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
            MESSAGE = format('column "%s" of table "%s" is tracked already', target, relation),
            HINT = 'To change its source, untrack it first: SELECT drugembed.untrack(table, keep => true).';
    END IF;
    SELECT m.model, m.dim INTO STRICT t.model, dim FROM drug_model() m;
    t.relation := relation;
    t.target := target;
    t.state := left(target, 57) || '_state';
    t.source := drugembed.canonical(relation, source, caller_path);
    t.lexical := CASE WHEN drugembed.is_blank(lexical) THEN drugembed.lexical_of(relation, t.source)
                      ELSE drugembed.canonical(relation, lexical, caller_path) END;
    IF NOT drugembed.is_immutable(relation, t.lexical) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_object_definition',
            MESSAGE = 'the expression for lexical search is not immutable, so it cannot be indexed',
            HINT = 'Use columns, the operator || and functions marked IMMUTABLE; concat and concat_ws are not.';
    END IF;
    t.added_target := drugembed.add_target(relation, target, dim);
    PERFORM drugembed.add_state(relation, t.state);
    EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', relation, t.state,
                   format('drugembed: text and model that %I was made from', target));
    t.key := drugembed.key_of(relation);
    t.columns := ARRAY(SELECT DISTINCT c FROM unnest(t.key || target || t.state || drugembed.columns_in(relation, t.source)
                                                     || drugembed.columns_in(relation, t.lexical)) c);
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = relation AND attname = ANY (t.columns) AND attgenerated NOT IN ('', 's')) THEN
        RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = 'the source reads a virtual generated column, which triggers cannot see',
            HINT = 'Use its expression instead, or make the column STORED.';
    ELSIF target = ANY (drugembed.columns_in(relation, t.source)) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the source reads the vector column itself',
            HINT = 'Give the columns whose text is to be found.';
    END IF;
    INSERT INTO drugembed.tracked (relation, target, state, key, source, lexical, columns, attnums, seen_as, added_target, model)
    VALUES (relation, target, t.state, t.key, t.source, t.lexical, t.columns, drugembed.attnums_of(relation, t.columns),
            relation, t.added_target, t.model)
    RETURNING * INTO t;
    PERFORM drugembed.install_triggers(t);
END $$;
COMMENT ON FUNCTION drugembed.track_by_path(regclass, text, name, text, text) IS
    'internal: drugembed.track, with the search_path by which the caller means its names';

CREATE FUNCTION drugembed.track(relation regclass, source text, target name DEFAULT 'embedding', lexical text DEFAULT NULL) RETURNS void
LANGUAGE sql
AS $$ SELECT drugembed.track_by_path(relation, source, target, lexical, pg_catalog.current_setting('search_path')) $$;
COMMENT ON FUNCTION drugembed.track(regclass, text, name, text) IS
    'keeps a vector column in step with a text, a column or an expression over the row; CALL drugembed.backfill fills it';

CREATE FUNCTION drugembed.key_of(relation regclass) RETURNS name[]
LANGUAGE sql STABLE SET search_path FROM CURRENT
AS $$
    SELECT array_agg(a.attname ORDER BY k.n)
      FROM pg_index i, unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, n), pg_attribute a
     WHERE i.indrelid = relation AND i.indisprimary AND k.n <= i.indnkeyatts AND a.attrelid = relation AND a.attnum = k.attnum
$$;
COMMENT ON FUNCTION drugembed.key_of(regclass) IS 'internal: primary key columns';

CREATE FUNCTION drugembed.attnums_of(relation regclass, columns name[]) RETURNS smallint[]
LANGUAGE sql STABLE SET search_path FROM CURRENT
AS $$
    SELECT array_agg(a.attnum ORDER BY c.n)
      FROM unnest(columns) WITH ORDINALITY AS c (name, n)
      LEFT JOIN pg_attribute a ON a.attrelid = relation AND a.attname = c.name AND a.attnum > 0 AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION drugembed.attnums_of(regclass, name[]) IS 'internal: numbers of columns, NULL for one that is gone';

CREATE FUNCTION drugembed.untrack(relation regclass, target name DEFAULT NULL, keep boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    t drugembed.tracked := drugembed.find(relation, target);
BEGIN
    IF NOT pg_has_role((SELECT relowner FROM pg_class WHERE oid = relation), 'USAGE') THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('must be owner of table "%s"', relation),
            HINT = 'Let the owner of the table untrack it.';
    END IF;
    IF t.job IS NOT NULL THEN
        PERFORM drugembed.unschedule(relation, t.target);
    END IF;
    PERFORM drugembed.remove_triggers(t);
    EXECUTE format('ALTER TABLE %s DROP COLUMN IF EXISTS %I', relation, t.state);
    IF t.added_target AND NOT keep THEN
        EXECUTE format('ALTER TABLE %s DROP COLUMN IF EXISTS %I', relation, t.target);
    END IF;
    PERFORM drugembed.forget(t.id);
END $$;
COMMENT ON FUNCTION drugembed.untrack(regclass, name, boolean) IS
    'removes all that track added, the vector column too unless keep; a vector column that was there before stays';

CREATE FUNCTION drugembed.forget(tracked_id integer) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT
AS $$
    DELETE FROM drugembed.tracked WHERE id = tracked_id;
    DELETE FROM drugembed.queue WHERE tracked = tracked_id;
    DELETE FROM drugembed.failures WHERE tracked = tracked_id;
    DELETE FROM drugembed.run WHERE tracked = tracked_id;
$$;
COMMENT ON FUNCTION drugembed.forget(integer) IS 'internal: removes a tracked table from the catalog tables';
