-- drugembed.status, drugembed.progress, drugembed.retry.

CREATE FUNCTION drugembed.held_model() RETURNS text
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
AS $$
BEGIN
    RETURN (SELECT model FROM drug_model());
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END $$;
COMMENT ON FUNCTION drugembed.held_model() IS 'name@revision of the model in use, NULL if it cannot be loaded';

CREATE FUNCTION drugembed.count_rows(t drugembed.tracked, held text, OUT rows bigint, OUT embedded bigint, OUT blank bigint, OUT stale bigint, OUT unseen bigint)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
AS $$
BEGIN
    EXECUTE format('SELECT count(*), count(r.%1$I), count(*) FILTER (WHERE r.%1$I IS NULL AND r.%2$I IS NOT NULL),
                           count(r.%1$I) FILTER (WHERE drugembed.state_model(r.%2$I) IS DISTINCT FROM drugembed.model_hash($1)),
                           count(*) FILTER (WHERE r.%2$I IS NULL OR drugembed.state_model(r.%2$I) <> drugembed.model_hash($1))
                      FROM %3$s AS r', t.target, t.state, t.relation)
       INTO rows, embedded, blank, stale, unseen USING COALESCE(held, t.model);
EXCEPTION WHEN insufficient_privilege OR undefined_table OR undefined_column OR syntax_error THEN
    NULL;  -- not the caller's to read, or gone
END $$;
COMMENT ON FUNCTION drugembed.count_rows(drugembed.tracked, text) IS 'internal: rows of a tracked table by the state of their embedding';

-- A view reads these tables as its owner, so it answers anyone who may read the tracked table.
CREATE VIEW drugembed.status AS
SELECT t.relation, t.target, c.rows, c.embedded, c.blank,
       -- Before the first backfill, and when a model has changed, rows wait without being in the queue yet.
       CASE WHEN t.scan OR t.model <> m.model THEN GREATEST(w.pending, c.unseen) ELSE w.pending END AS pending,
       w.failed, c.stale, round(u.rate::numeric, 1) AS rows_per_second,
       CASE WHEN w.pending > 0 THEN make_interval(secs => round(w.pending / NULLIF(u.rate, 0))) END AS eta,
       u.last_run, u.last_error, t.model, m.model AS model_in_use, t.generation, t.job
  FROM drugembed.tracked t
 CROSS JOIN LATERAL (SELECT drugembed.held_model() AS model OFFSET 0) m
 CROSS JOIN LATERAL drugembed.count_rows(t, m.model) c
 CROSS JOIN LATERAL (
    SELECT (SELECT count(DISTINCT q.key) FROM drugembed.queue q WHERE q.tracked = t.id) AS pending,
           (SELECT count(*) FROM drugembed.failures f WHERE f.tracked = t.id
               AND NOT EXISTS (SELECT FROM drugembed.queue q WHERE q.tracked = t.id AND q.key = f.key)) AS failed) w
 CROSS JOIN LATERAL (
    SELECT sum(r.embedded / GREATEST(extract(epoch FROM r.updated_at - r.started_at), 0.001))
               FILTER (WHERE r.finished_at IS NULL OR r.id = l.id) AS rate,
           max(r.updated_at) AS last_run,
           COALESCE((SELECT e.error FROM drugembed.run e WHERE e.tracked = t.id ORDER BY e.id DESC LIMIT 1),
                    (SELECT f.message FROM drugembed.failures f WHERE f.tracked = t.id ORDER BY f.failed_at DESC LIMIT 1)) AS last_error
      FROM (SELECT max(id) AS id FROM drugembed.run WHERE tracked = t.id AND embedded > 0) l, drugembed.run r
     WHERE r.tracked = t.id) u
 WHERE COALESCE(has_table_privilege(t.relation, 'SELECT'), true);
COMMENT ON VIEW drugembed.status IS 'where each tracked table stands: counts its rows, so it reads the whole table';
COMMENT ON COLUMN drugembed.status.blank IS 'rows without text: their embedding is NULL, and that is right';
COMMENT ON COLUMN drugembed.status.pending IS 'rows that wait for a backfill';
COMMENT ON COLUMN drugembed.status.failed IS 'rows that failed for good; see drugembed.failures and drugembed.retry';
COMMENT ON COLUMN drugembed.status.stale IS 'rows whose vector another model made: drug_search leaves them out';
COMMENT ON COLUMN drugembed.status.rows_per_second IS 'of the running backfills together, or of the last one';

CREATE VIEW drugembed.progress AS
SELECT r.pid, t.relation, t.target, r.by_role, r.started_at, r.updated_at, r.embedded, r.blank, r.unchanged, r.failed, r.in_hand,
       round((r.embedded / GREATEST(extract(epoch FROM r.updated_at - r.started_at), 0.001))::numeric, 1) AS rows_per_second
  FROM drugembed.run r JOIN drugembed.tracked t ON t.id = r.tracked
 WHERE r.finished_at IS NULL AND EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = r.pid AND a.state <> 'idle');
COMMENT ON VIEW drugembed.progress IS 'backfills that run now, one row a session, as of their last batch';

CREATE FUNCTION drugembed.retry(relation regclass, target name DEFAULT NULL) RETURNS bigint
LANGUAGE sql SET search_path FROM CURRENT
AS $$
    WITH t AS MATERIALIZED (SELECT (drugembed.find(relation, target)).id),
         gone AS (DELETE FROM drugembed.failures f USING t WHERE f.tracked = t.id RETURNING f.tracked, f.key),
         back AS (INSERT INTO drugembed.queue (tracked, key)
                  SELECT g.tracked, g.key FROM gone g
                   WHERE NOT EXISTS (SELECT FROM drugembed.queue q WHERE q.tracked = g.tracked AND q.key = g.key) RETURNING 1),
         now AS (UPDATE drugembed.queue q SET retry_at = NULL, attempts = 0 FROM t WHERE q.tracked = t.id AND q.retry_at IS NOT NULL RETURNING 1)
    SELECT (SELECT count(*) FROM back) + (SELECT count(*) FROM now)
$$;
COMMENT ON FUNCTION drugembed.retry(regclass, name) IS 'queues the failed rows of a table again; returns how many';

CREATE FUNCTION drugembed.refresh(relation regclass, target name DEFAULT NULL) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT
AS $$ UPDATE drugembed.tracked SET scan = true WHERE id = (drugembed.find(relation, target)).id $$;
COMMENT ON FUNCTION drugembed.refresh(regclass, name) IS
    'lets the next backfill look at every row: after triggers were disabled, or a table was changed behind their back';
