-- Who may do what. Nothing here writes for PUBLIC; drugembed.allow grants a role one of three sets.

ALTER TABLE drugembed.tracked ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON drugembed.tracked FOR SELECT USING (true);
CREATE POLICY own_table_in ON drugembed.tracked FOR INSERT
    WITH CHECK ((SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = relation));
CREATE POLICY own_table_out ON drugembed.tracked FOR DELETE
    USING ((SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = relation));
-- Which columns a role may update is in its grants: never the source or the table.
CREATE POLICY progress ON drugembed.tracked FOR UPDATE USING (true) WITH CHECK (true);

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA drugembed FROM PUBLIC;
REVOKE ALL ON ALL PROCEDURES IN SCHEMA drugembed FROM PUBLIC;
GRANT USAGE ON SCHEMA drugembed TO PUBLIC;
GRANT SELECT ON drugembed.tracked, drugembed.status TO PUBLIC;
-- What search and status call, and what stands in indexes and generated triggers: none of it writes.
GRANT EXECUTE ON FUNCTION
    drugembed.text_hash(text), drugembed.model_hash(text), drugembed.row_state(text, text), drugembed.state_text(bigint),
    drugembed.state_model(bigint), drugembed.is_blank(text), drugembed.bigrams(text), drugembed.telling_bigrams(text),
    drugembed.bigram_share(text[], text), drugembed.find(regclass, name),
    drugembed.held_model(), drugembed.count_rows(drugembed.tracked, text), drugembed.lexical_engine(),
    drugembed.filter_sql(regclass, jsonb), drugembed.search_sql(drugembed.tracked, integer, boolean, text, name, jsonb),
    drugembed.require_searchable(text, integer, text), drugembed.vectors_usable(drugembed.tracked, text, text),
    drugembed.require_engine(text, text), drugembed.index_sql(regclass, name, boolean)
    TO PUBLIC;

-- What a writer's trigger needs: it runs as the owner of the table.
CREATE FUNCTION drugembed.allow_owner(role name) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
BEGIN
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON drugembed.queue, drugembed.failures TO %I', role);
    EXECUTE format('GRANT UPDATE (attempts) ON drugembed.queue TO %I', role);
    EXECUTE format('GRANT UPDATE (attempts) ON drugembed.failures TO %I', role);
END $$;
COMMENT ON FUNCTION drugembed.allow_owner(name) IS 'internal: lets the triggers of a table work; FOR UPDATE SKIP LOCKED needs UPDATE on a column';

CREATE FUNCTION drugembed.allow(role name, what text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    statement text;
    callable text := (SELECT string_agg(p.oid::regprocedure::text, ', ')
                        FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
                       WHERE p.pronamespace = 'drugembed'::regnamespace AND p.prorettype <> 'event_trigger'::regtype
                         AND p.proname NOT IN ('allow', 'allow_owner', 'install_function'));
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('role "%s" does not exist', role), HINT = 'Create it with CREATE ROLE.';
    ELSIF what IS NULL OR what NOT IN ('track', 'backfill') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('"%s" is not a set of rights', what),
            HINT = 'Give "track" or "backfill".';
    END IF;
    EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %I', callable, role);
    EXECUTE format('GRANT SELECT, INSERT, DELETE, UPDATE (attempts, retry_at) ON drugembed.queue TO %I', role);
    FOREACH statement IN ARRAY CASE what
        WHEN 'track' THEN ARRAY[
            'GRANT INSERT, DELETE, UPDATE (scan, job) ON drugembed.tracked TO %I',
            'GRANT SELECT, DELETE ON drugembed.failures, drugembed.run TO %I',
            'GRANT EXECUTE ON FUNCTION drugembed.install_function(integer) TO %I']
        ELSE ARRAY[
            'GRANT UPDATE (model, generation, scan, mixed) ON drugembed.tracked TO %I',
            'GRANT SELECT, INSERT, UPDATE, DELETE ON drugembed.failures, drugembed.run TO %I',
            'GRANT SELECT ON drugembed.progress TO %I'] END
    LOOP
        EXECUTE format(statement, role);
    END LOOP;
END $$;
COMMENT ON FUNCTION drugembed.allow(name, text) IS
    'grants a role what it needs to "track" its own tables, or to "backfill" (besides SELECT and UPDATE on the table)';
REVOKE ALL ON FUNCTION drugembed.allow(name, text), drugembed.allow_owner(name) FROM PUBLIC;
