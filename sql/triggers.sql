-- The triggers of a tracked table and the function they call, generated for the table: its statements are static, so planned once.
-- The function runs as the owner of the table: a writer needs no right beyond the table's own, and no foreign right is lent.

-- Sessions differ in these; a text or a key must not.
CREATE FUNCTION drugembed.fixed_settings() RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT 'SET search_path = pg_catalog, pg_temp SET DateStyle = ''ISO, YMD'' SET TimeZone = ''UTC'' '
             'SET IntervalStyle = ''postgres'' SET extra_float_digits = 1 SET bytea_output = ''hex''' $$;
COMMENT ON FUNCTION drugembed.fixed_settings() IS 'internal: SET clauses under which sources and keys become text';

CREATE FUNCTION drugembed.key_array(key name[]) RETURNS text
LANGUAGE sql STABLE SET search_path FROM CURRENT
AS $$ SELECT 'ARRAY[' || string_agg(format('"@row".%I::pg_catalog.text', k), ', ' ORDER BY n) || ']'
        FROM unnest(key) WITH ORDINALITY AS u (k, n) $$;
COMMENT ON FUNCTION drugembed.key_array(name[]) IS 'internal: SQL of a row''s key as drugembed.queue stores it';

-- The body of the generated function. k1, k2, ...: one array for each key column.
CREATE FUNCTION drugembed.trigger_body(t drugembed.tracked) RETURNS text
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
AS $body$
DECLARE
    n integer := cardinality(t.key);
    arrays text := (SELECT string_agg('k' || i, ', ') FROM generate_series(1, n) i);
    declared text := (SELECT string_agg('k' || i || ' text[];', ' ') FROM generate_series(1, n) i);
    gathered text := (SELECT string_agg(format('array_agg("@row".%I::text)', k), ', ' ORDER BY i)
                        FROM unnest(t.key) WITH ORDINALITY AS u (k, i));
    changed text := format('drugembed.state_text("@row".%1$I) IS DISTINCT FROM drugembed.text_hash(%2$s) '
                           'OR ("@row".%3$I IS NULL AND NOT drugembed.is_blank(%2$s))', t.state, t.source, t.target);
BEGIN
    RETURN format($fn$
DECLARE
    %1$s
BEGIN
    IF TG_LEVEL = 'ROW' AND current_setting('session_replication_role') <> 'replica' THEN
        RETURN NULL;  -- ALTER TABLE ... ENABLE TRIGGER USER turned the replication trigger into an ordinary one
    ELSIF TG_OP = 'DELETE' THEN
        IF EXISTS (SELECT FROM drugembed.queue WHERE tracked = %2$s) OR EXISTS (SELECT FROM drugembed.failures WHERE tracked = %2$s) THEN
            EXECUTE %8$L;
            EXECUTE %9$L;
        END IF;
        RETURN NULL;
    ELSIF TG_OP = 'TRUNCATE' THEN
        IF TG_RELID = %10$s THEN
            EXECUTE %11$L;
            DELETE FROM drugembed.failures WHERE tracked = %2$s;
        END IF;
        RETURN NULL;
    END IF;
    BEGIN
        IF TG_LEVEL = 'ROW' THEN
            SELECT %3$s INTO %4$s FROM (SELECT NEW.*) AS "@row" WHERE %5$s;
        ELSE
            SELECT %3$s INTO %4$s FROM drugembed_new AS "@row" WHERE %5$s;
        END IF;
    EXCEPTION WHEN OTHERS THEN
        -- The row must not be refused because of its embedding: the backfill meets the same error and records it.
        RAISE WARNING USING ERRCODE = SQLSTATE, MESSAGE = format('could not compute the source of %%I of table "%%s": %%s', %6$L, TG_RELID::regclass, SQLERRM),
            HINT = 'The rows are queued; see drugembed.failures after the next backfill.';
        IF TG_LEVEL = 'ROW' THEN
            SELECT %3$s INTO %4$s FROM (SELECT NEW.*) AS "@row";
        ELSE
            SELECT %3$s INTO %4$s FROM drugembed_new AS "@row";
        END IF;
    END;
    IF k1 IS NOT NULL THEN
        INSERT INTO drugembed.queue (tracked, key) SELECT %2$s, ARRAY[%7$s] FROM unnest(%4$s) AS u (%4$s);
    END IF;
    RETURN NULL;
END $fn$, declared, t.id, gathered, arrays, changed, t.target,
        (SELECT string_agg('u.k' || i, ', ') FROM generate_series(1, n) i),
        drugembed.delete_waiting(t, 'drugembed.queue', 'drugembed_old'),
        drugembed.delete_waiting(t, 'drugembed.failures', 'drugembed_old'),
        t.relation::oid,
        format('DELETE FROM drugembed.queue WHERE (tracked, id) IN (SELECT tracked, id FROM drugembed.queue WHERE tracked = %s FOR UPDATE SKIP LOCKED)', t.id));
END $body$;
COMMENT ON FUNCTION drugembed.trigger_body(drugembed.tracked) IS 'internal: source of the generated trigger function';

-- What a backfill has in hand is skipped, never waited for: it finds the row gone and removes the entry itself.
CREATE FUNCTION drugembed.delete_waiting(t drugembed.tracked, waiting regclass, rows name) RETURNS text
LANGUAGE sql STABLE SET search_path FROM CURRENT
AS $$
    SELECT format('DELETE FROM %1$s WHERE ctid = ANY (ARRAY(SELECT w.ctid FROM %2$I AS "@row" JOIN %1$s w ON w.tracked = %3$s AND w.key = %4$s '
                  'FOR UPDATE OF w SKIP LOCKED))', waiting, rows, t.id, drugembed.key_array(t.key))
$$;
COMMENT ON FUNCTION drugembed.delete_waiting(drugembed.tracked, regclass, name) IS 'internal: SQL that forgets deleted rows';

-- SECURITY DEFINER: nobody else may create functions in this schema. What it generates comes from drugembed.tracked alone, where a
-- role can put only tables of its own.
CREATE FUNCTION drugembed.install_function(tracked_id integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
    t drugembed.tracked := (SELECT x FROM drugembed.tracked x WHERE x.id = tracked_id);
    owner name := (SELECT r.rolname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = t.relation);
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION drugembed.keep_%s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER %s AS %L',
                   t.id, drugembed.fixed_settings(), drugembed.trigger_body(t));
    EXECUTE format('COMMENT ON FUNCTION drugembed.keep_%s() IS %L', t.id,
                   format('generated by drugembed.track: queues changed rows of %s', t.relation));
    EXECUTE format('REVOKE ALL ON FUNCTION drugembed.keep_%s() FROM PUBLIC', t.id);
    IF owner <> current_user THEN
        EXECUTE format('ALTER FUNCTION drugembed.keep_%s() OWNER TO %I', t.id, owner);
        IF NOT has_table_privilege(owner, 'drugembed.queue', 'INSERT') THEN
            PERFORM drugembed.allow_owner(owner);
        END IF;
    END IF;
END $$;
COMMENT ON FUNCTION drugembed.install_function(integer) IS 'internal: generates the trigger function';

-- Statement triggers on the table and on every partition (a write to a partition fires only its own); a row trigger for rows that
-- logical replication applies, which fires no statement triggers. PostgreSQL copies the row trigger to partitions by itself.
CREATE FUNCTION drugembed.install_triggers(t drugembed.tracked) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    leaf regclass;
BEGIN
    PERFORM drugembed.install_function(t.id);
    FOR leaf IN SELECT t.relation UNION SELECT relid FROM pg_partition_tree(t.relation) LOOP
        PERFORM drugembed.install_statement_triggers(t.id, leaf);
    END LOOP;
    EXECUTE format('CREATE TRIGGER %I AFTER INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION drugembed.keep_%s()',
                   format('drugembed_%s_replicated', t.id), t.relation, t.id);
    EXECUTE format('ALTER TABLE %s ENABLE REPLICA TRIGGER %I', t.relation, format('drugembed_%s_replicated', t.id));
END $$;
COMMENT ON FUNCTION drugembed.install_triggers(drugembed.tracked) IS 'internal: adds the triggers of a tracked table';

CREATE FUNCTION drugembed.install_statement_triggers(tracked_id integer, leaf regclass) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    event text;
    rows text;
    name name;
BEGIN
    FOR event, rows IN VALUES ('insert', 'REFERENCING NEW TABLE AS drugembed_new'), ('update', 'REFERENCING NEW TABLE AS drugembed_new'),
                              ('delete', 'REFERENCING OLD TABLE AS drugembed_old'), ('truncate', '') LOOP
        name := format('drugembed_%s_%s', tracked_id, event);
        IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = leaf AND tgname = name) THEN
            EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s %s FOR EACH STATEMENT EXECUTE FUNCTION drugembed.keep_%s()',
                           name, event, leaf, rows, tracked_id);
        END IF;
    END LOOP;
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', leaf, format('drugembed_%s_truncate', tracked_id));
END $$;
COMMENT ON FUNCTION drugembed.install_statement_triggers(integer, regclass) IS 'internal: adds the statement triggers to a table or partition';

CREATE FUNCTION drugembed.remove_triggers(t drugembed.tracked) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    statement text;
BEGIN
    FOR statement IN SELECT format('DROP TRIGGER %I ON %s', g.tgname, g.tgrelid::regclass)
                       FROM pg_trigger g
                      WHERE g.tgname LIKE format('drugembed\_%s\_%%', t.id) AND g.tgparentid = 0
                        AND g.tgrelid IN (SELECT t.relation UNION SELECT relid FROM pg_partition_tree(t.relation)) LOOP
        EXECUTE statement;
    END LOOP;
    EXECUTE format('DROP FUNCTION IF EXISTS drugembed.keep_%s()', t.id);
END $$;
COMMENT ON FUNCTION drugembed.remove_triggers(drugembed.tracked) IS 'internal: removes the triggers and their function';
