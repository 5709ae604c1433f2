-- What stands here is for everybody to call: nobody gets more rights by it than he has.
GRANT USAGE ON SCHEMA drugembed TO PUBLIC;

-- Tables whose embeddings are kept in step: drugembed.track and what it stands on. The work is in Rust (src/tracking).

CREATE FUNCTION drugembed._tracks(source text, lexical text, target "any", state uuid, error text, added boolean, attributes text[])
RETURNS boolean IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'tracks_wrapper';
COMMENT ON FUNCTION drugembed._tracks(text, text, "any", uuid, text, boolean, text[]) IS
    'internal: never called; as the condition of a trigger that never runs it keeps what a vector column is made from';

CREATE FUNCTION drugembed._mark_stale() RETURNS trigger LANGUAGE c AS 'MODULE_PATHNAME', 'drugembed_mark_stale';
COMMENT ON FUNCTION drugembed._mark_stale() IS 'internal: lets a row whose text changes wait for a backfill';

-- No search_path of its own: the source is meant by the caller's. All else in it is qualified.
CREATE FUNCTION drugembed.track(relation regclass, source text, target name DEFAULT 'embedding', lexical text DEFAULT NULL,
                                attributes jsonb DEFAULT NULL)
RETURNS void LANGUAGE c AS 'MODULE_PATHNAME', 'track_wrapper';
COMMENT ON FUNCTION drugembed.track(regclass, text, name, text, jsonb) IS
    'keeps a vector column in step with a text, a column or an expression over the row; CALL drugembed.backfill fills it; attributes: '
    '{"form": "column", ...} of name, english_name, form, company, status, ingredients, dur and item_seq, if not by MFDS''s names';

CREATE FUNCTION drugembed.untrack(relation regclass, target name DEFAULT NULL, keep boolean DEFAULT false) RETURNS void
SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'untrack_wrapper';
COMMENT ON FUNCTION drugembed.untrack(regclass, name, boolean) IS
    'removes all that track added, the vector column too unless keep; a vector column that was there before stays';

CREATE FUNCTION drugembed._tracked(OUT relation regclass, OUT target text, OUT state text, OUT error text, OUT key text[],
                                   OUT source text, OUT lexical text, OUT added_target boolean, OUT enabled boolean)
RETURNS SETOF record STABLE ROWS 10 SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'tracked_wrapper';
COMMENT ON FUNCTION drugembed._tracked() IS 'internal: what is tracked, read from pg_trigger';

CREATE VIEW drugembed.tracked AS SELECT * FROM drugembed._tracked();
GRANT SELECT ON drugembed.tracked TO PUBLIC;
COMMENT ON VIEW drugembed.tracked IS 'vector columns that are kept in step, read from the triggers of their tables';
COMMENT ON COLUMN drugembed.tracked.target IS 'the vector column';
COMMENT ON COLUMN drugembed.tracked.state IS 'column that says which text and which model a vector was made from; NULL: the row waits';
COMMENT ON COLUMN drugembed.tracked.error IS 'column that says why a row could not be embedded, or, while the row waits, which state it had';
COMMENT ON COLUMN drugembed.tracked.key IS 'primary key, which names the rows that drug_search finds';
COMMENT ON COLUMN drugembed.tracked.source IS 'text that is embedded, an expression over the row "old"';
COMMENT ON COLUMN drugembed.tracked.lexical IS 'text that lexical search reads, an immutable expression over the row "old"';
COMMENT ON COLUMN drugembed.tracked.added_target IS 'whether track made the vector column, so that untrack drops it';
COMMENT ON COLUMN drugembed.tracked.enabled IS 'whether the trigger is on that notices changed rows';

CREATE FUNCTION drugembed._of_space(state uuid, space integer) RETURNS boolean
IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'of_space_wrapper';
COMMENT ON FUNCTION drugembed._of_space(uuid, integer) IS 'internal: whether a vector can be compared with those of a model';

-- drugembed.backfill. A procedure that commits cannot have SET clauses: it only calls functions that do their work under fixed
-- settings, and names nothing that a search_path could change.

CREATE FUNCTION drugembed._backfill_may_commit() RETURNS void
SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'backfill_may_commit_wrapper';
COMMENT ON FUNCTION drugembed._backfill_may_commit() IS 'internal: an error inside a transaction block and on a standby';

CREATE FUNCTION drugembed._backfill_begin(relation regclass, batch integer, target name, max_rows bigint, search_path text)
RETURNS void
SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'backfill_begin_wrapper';
COMMENT ON FUNCTION drugembed._backfill_begin(regclass, integer, name, bigint, text) IS 'internal: starts the backfill of this session';

CREATE FUNCTION drugembed._backfill_step() RETURNS boolean
SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'backfill_step_wrapper';
COMMENT ON FUNCTION drugembed._backfill_step() IS 'internal: one batch; false when there is no more to do';

CREATE FUNCTION drugembed._backfill_end() RETURNS void
SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'backfill_end_wrapper';
COMMENT ON FUNCTION drugembed._backfill_end() IS 'internal: says how the backfill ended';

CREATE PROCEDURE drugembed.backfill(relation regclass, batch integer DEFAULT 256, target name DEFAULT NULL, max_rows bigint DEFAULT NULL)
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM drugembed._backfill_may_commit();
    COMMIT;  -- SET TRANSACTION must come first in a transaction
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    PERFORM drugembed._backfill_begin(relation, batch, target, max_rows, pg_catalog.current_setting('search_path'));
    LOOP
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
        EXIT WHEN NOT drugembed._backfill_step();
    END LOOP;
    COMMIT;
    PERFORM drugembed._backfill_end();
END $$;
COMMENT ON PROCEDURE drugembed.backfill(regclass, integer, name, bigint) IS
    'embeds every row that waits, batch by batch, each in its own transaction; any number of sessions may run it at once';

-- Where tables stand. retry and refresh write rows, whose triggers are meant by the search_path of the session.

CREATE FUNCTION drugembed._model_in_use() RETURNS text STABLE LANGUAGE c AS 'MODULE_PATHNAME', 'model_in_use_wrapper';
COMMENT ON FUNCTION drugembed._model_in_use() IS 'internal: name@revision of the model in use, NULL if it cannot be loaded';

CREATE FUNCTION drugembed._counts(relation regclass, target text, OUT rows bigint, OUT embedded bigint, OUT blank bigint,
                                  OUT pending bigint, OUT failed bigint, OUT stale bigint, OUT last_error text)
RETURNS SETOF record STABLE ROWS 1 SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'counts_wrapper';
COMMENT ON FUNCTION drugembed._counts(regclass, text) IS 'internal: rows by the state of their embedding; none if they are not the caller''s to read';

CREATE VIEW drugembed.status AS
SELECT t.relation, t.target, c.rows, c.embedded, c.blank, c.pending, c.failed, c.stale, c.last_error, t.enabled, m.model
  FROM drugembed._tracked() t
 CROSS JOIN LATERAL (SELECT drugembed._model_in_use() AS model OFFSET 0) m
 CROSS JOIN LATERAL drugembed._counts(t.relation, t.target) c;
GRANT SELECT ON drugembed.status TO PUBLIC;
COMMENT ON VIEW drugembed.status IS 'where each tracked table stands: counts the rows that the reader may see, so it reads the whole table';
COMMENT ON COLUMN drugembed.status.blank IS 'rows without text: their embedding is NULL, and that is right';
COMMENT ON COLUMN drugembed.status.pending IS 'rows that wait for a backfill, stale ones among them';
COMMENT ON COLUMN drugembed.status.failed IS 'rows that were set aside; see drugembed.failures and drugembed.retry';
COMMENT ON COLUMN drugembed.status.stale IS 'rows whose vector another model made, or another drugembed.on_overflow: drug_search leaves other models'' out';
COMMENT ON COLUMN drugembed.status.model IS 'the model in use in this session, NULL if it cannot be loaded';

CREATE FUNCTION drugembed._failed_rows(relation regclass, target text, OUT key text, OUT sqlstate text, OUT message text, OUT hint text)
RETURNS SETOF record STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'failed_rows_wrapper';
COMMENT ON FUNCTION drugembed._failed_rows(regclass, text) IS 'internal: rows that were set aside; none if they are not the caller''s to read';

CREATE VIEW drugembed.failures AS
SELECT t.relation, t.target, f.key::pg_catalog.jsonb AS key, f.sqlstate, f.message, f.hint
  FROM drugembed._tracked() t CROSS JOIN LATERAL drugembed._failed_rows(t.relation, t.target) f;
GRANT SELECT ON drugembed.failures TO PUBLIC;
COMMENT ON VIEW drugembed.failures IS 'rows that could not be embedded, and why; a change of the row or drugembed.retry brings them back';

CREATE FUNCTION drugembed.retry(relation regclass, target name DEFAULT NULL) RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'retry_wrapper';
COMMENT ON FUNCTION drugembed.retry(regclass, name) IS 'lets the failed rows of a table wait again; returns how many';

CREATE FUNCTION drugembed.refresh(relation regclass, target name DEFAULT NULL) RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'refresh_wrapper';
COMMENT ON FUNCTION drugembed.refresh(regclass, name) IS
    'looks at every row, after triggers were disabled or texts changed behind their back; those that are not right wait then; returns how many';
