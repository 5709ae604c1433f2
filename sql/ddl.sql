-- What DDL on a tracked table means for its tracking: a renamed column is followed, a dropped table forgotten, a new partition gets
-- its triggers, a changed type makes the next backfill look at every row.

CREATE FUNCTION drugembed.follow_columns(tracked_id integer) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    t drugembed.tracked := (SELECT x FROM drugembed.tracked x WHERE x.id = tracked_id);
    c record;
    renamed boolean := false;
BEGIN
    FOR c IN SELECT u.old, a.attname AS new, a.attisdropped AS dropped
               FROM unnest(t.columns, t.attnums) AS u (old, attnum)
               JOIN pg_attribute a ON a.attrelid = t.relation AND a.attnum = u.attnum
              WHERE a.attname <> u.old LOOP
        IF c.dropped THEN
            RAISE WARNING USING MESSAGE = format('column "%s" of table "%s" is used for its embeddings and was dropped', c.old, t.relation),
                HINT = 'They are not kept in step any more. Track the table anew: SELECT drugembed.untrack(table, keep => true).';
            PERFORM drugembed.remove_triggers(t);
            RETURN;
        END IF;
        t.source := drugembed.rename_column(t.source, c.old, c.new);
        t.lexical := drugembed.rename_column(t.lexical, c.old, c.new);
        t.key := array_replace(t.key, c.old, c.new);
        t.columns := array_replace(t.columns, c.old, c.new);
        t.target := CASE WHEN t.target = c.old THEN c.new ELSE t.target END;
        t.state := CASE WHEN t.state = c.old THEN c.new ELSE t.state END;
        renamed := true;
    END LOOP;
    IF drugembed.key_of(t.relation) <> t.key THEN
        -- Another primary key: what waits is known by the old one.
        t.key := drugembed.key_of(t.relation);
        t.columns := ARRAY(SELECT DISTINCT x FROM unnest(t.columns || t.key) x);
        DELETE FROM drugembed.queue WHERE tracked = t.id;
        DELETE FROM drugembed.failures WHERE tracked = t.id;
        UPDATE drugembed.tracked SET attnums = drugembed.attnums_of(relation, t.columns), scan = true WHERE id = t.id;
        renamed := true;
    END IF;
    IF renamed THEN
        UPDATE drugembed.tracked SET source = t.source, lexical = t.lexical, key = t.key, columns = t.columns, target = t.target, state = t.state
         WHERE id = t.id;
        PERFORM drugembed.install_function(t.id);
    END IF;
END $$;
COMMENT ON FUNCTION drugembed.follow_columns(integer) IS 'internal: takes over new names of columns';

CREATE FUNCTION drugembed.after_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
    changed oid[] := ARRAY(SELECT objid FROM pg_event_trigger_ddl_commands() WHERE classid = 'pg_class'::regclass);
    t drugembed.tracked;
    leaf regclass;
BEGIN
    FOR t IN SELECT * FROM drugembed.tracked x
              WHERE x.relation = ANY (changed)
                 OR x.relation IN (SELECT a.relid FROM unnest(changed) c, pg_partition_ancestors(c) a) LOOP
        IF t.seen_as <> t.relation::oid THEN
            -- Restored from a dump, where names are right and numbers are not.
            UPDATE drugembed.tracked SET seen_as = relation, attnums = drugembed.attnums_of(relation, columns) WHERE id = t.id;
        END IF;
        PERFORM drugembed.follow_columns(t.id);
        -- While a dump is restored, its own CREATE TRIGGER commands come in the order of names: the last one tells that all are there.
        FOR leaf IN SELECT relid FROM pg_partition_tree(t.relation) p WHERE relid <> t.relation
                       AND EXISTS (SELECT FROM pg_trigger WHERE tgrelid = t.relation AND tgname = format('drugembed_%s_update', t.id))
                       AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = relid AND tgname = format('drugembed_%s_update', t.id)) LOOP
            PERFORM drugembed.install_statement_triggers(t.id, leaf);
            UPDATE drugembed.tracked SET scan = true WHERE id = t.id;
        END LOOP;
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING USING ERRCODE = SQLSTATE, MESSAGE = format('embeddings may not follow this change: %s', SQLERRM),
        HINT = 'Untrack the table with keep => true and track it again.';
END $$;
COMMENT ON FUNCTION drugembed.after_ddl() IS 'internal: lets tracking follow renamed columns and new partitions';

CREATE FUNCTION drugembed.on_rewrite() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
BEGIN
    UPDATE drugembed.tracked SET scan = true
     WHERE relation = pg_event_trigger_table_rewrite_oid()
        OR relation IN (SELECT relid FROM pg_partition_ancestors(pg_event_trigger_table_rewrite_oid()));
END $$;
COMMENT ON FUNCTION drugembed.on_rewrite() IS 'internal: a changed type may have changed texts, so the next backfill looks at every row';

CREATE FUNCTION drugembed.on_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT x.id FROM drugembed.tracked x
               JOIN pg_event_trigger_dropped_objects() d ON d.classid = 'pg_class'::regclass AND d.objid = x.relation AND d.objsubid = 0 LOOP
        PERFORM drugembed.forget(t.id);
        EXECUTE format('DROP FUNCTION IF EXISTS drugembed.keep_%s()', t.id);
    END LOOP;
EXCEPTION WHEN undefined_table OR invalid_schema_name THEN
    NULL;  -- the extension itself is being dropped
END $$;
COMMENT ON FUNCTION drugembed.on_drop() IS 'internal: forgets dropped tables';

CREATE EVENT TRIGGER drugembed_ddl ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE') EXECUTE FUNCTION drugembed.after_ddl();
COMMENT ON EVENT TRIGGER drugembed_ddl IS 'lets tracking follow renamed columns and new partitions';
CREATE EVENT TRIGGER drugembed_rewrite ON table_rewrite EXECUTE FUNCTION drugembed.on_rewrite();
COMMENT ON EVENT TRIGGER drugembed_rewrite IS 'a changed type may have changed texts, so the next backfill looks at every row';
CREATE EVENT TRIGGER drugembed_drop ON sql_drop EXECUTE FUNCTION drugembed.on_drop();
COMMENT ON EVENT TRIGGER drugembed_drop IS 'forgets dropped tables';
