-- CALL drugembed.backfill. A procedure that commits cannot have SET clauses: all work is in functions that do, and what a run must
-- remember from one transaction to the next is in drugembed.run.

-- Rows that no trigger has reported (the first backfill, a restored or altered table), or that another model made.
CREATE FUNCTION drugembed.enqueue_missing(t drugembed.tracked) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT
    SET DateStyle = 'ISO, YMD' SET TimeZone = 'UTC' SET IntervalStyle = 'postgres' SET extra_float_digits = 1 SET bytea_output = 'hex'
AS $$
DECLARE
    found bigint;
    statement text := format('INSERT INTO drugembed.queue (tracked, key) SELECT %s, %s FROM %s AS "@row"',
                             t.id, drugembed.key_array(t.key), t.relation);
BEGIN
    BEGIN
        EXECUTE statement || format(' WHERE "@row".%1$I IS NULL OR "@row".%1$I <> drugembed.row_state(%2$s, %3$L) '
                                    'OR ("@row".%4$I IS NULL AND NOT drugembed.is_blank(%2$s))', t.state, t.source, t.model, t.target);
    EXCEPTION WHEN data_exception OR raise_exception THEN
        EXECUTE statement;  -- a row's source cannot be computed: the batches find out which
    END;
    GET DIAGNOSTICS found = ROW_COUNT;
    RETURN found;
END $$;
COMMENT ON FUNCTION drugembed.enqueue_missing(drugembed.tracked) IS 'internal: queues every row whose embedding is not right';

CREATE FUNCTION drugembed.require_columns(t drugembed.tracked) RETURNS void
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT
AS $$
DECLARE
    lost integer := array_position(drugembed.attnums_of(t.relation, t.columns), NULL);
BEGIN
    IF lost IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_column',
            MESSAGE = format('column "%s" of table "%s", used for its embeddings, does not exist any more', t.columns[lost], t.relation),
            HINT = 'Untrack the table with keep => true, and track it again.';
    END IF;
END $$;
COMMENT ON FUNCTION drugembed.require_columns(drugembed.tracked) IS 'internal: refuses a table that lost a column of its source';

CREATE FUNCTION drugembed.begin_run(relation regclass, target name, batch integer) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    t drugembed.tracked := drugembed.find(relation, target);
    held text := (SELECT model FROM drug_model());
    started bigint;
BEGIN
    IF batch IS NULL OR batch NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('batch is %s, not between 1 and 10000', COALESCE(batch::text, 'NULL')),
            HINT = 'Rows of a batch stay locked while they are written: a few hundred is a good size.';
    END IF;
    PERFORM drugembed.require_columns(t);
    PERFORM drugembed.bury_dead_runs(t.id);
    IF t.scan OR t.model <> held THEN
        -- Other backfills wait here until the queue is filled.
        SELECT * INTO STRICT t FROM drugembed.tracked x WHERE x.id = t.id FOR NO KEY UPDATE;
        IF t.model <> held THEN
            DELETE FROM drugembed.failures x WHERE x.tracked = t.id;
            UPDATE drugembed.tracked x SET model = held, generation = generation + 1, mixed = true, scan = true
             WHERE x.id = t.id RETURNING * INTO t;
        END IF;
        IF t.scan THEN
            PERFORM drugembed.enqueue_missing(t);
            UPDATE drugembed.tracked x SET scan = false WHERE x.id = t.id;
        END IF;
    END IF;
    INSERT INTO drugembed.run (tracked, batch, horizon)
    VALUES (t.id, batch, COALESCE((SELECT max(id) FROM drugembed.queue WHERE tracked = t.id), 0)) RETURNING id INTO started;
    PERFORM drugembed.plan(started);
    RETURN started;
END $$;
COMMENT ON FUNCTION drugembed.begin_run(regclass, name, integer) IS 'internal: starts a backfill';

CREATE FUNCTION drugembed.hold_run(run_id bigint) RETURNS boolean
LANGUAGE sql SET search_path FROM CURRENT
AS $$ SELECT pg_try_advisory_xact_lock(hashtext('drugembed.run'), run_id::integer) $$;
COMMENT ON FUNCTION drugembed.hold_run(bigint) IS 'internal: locks a run until the transaction ends; false while its backend works on it';

-- A backend that died, or whose statement was cancelled, has left what it had in hand: each such row counts one attempt, and comes in
-- smaller batches from then on. A row that takes its backend down alone, again and again, ends in drugembed.failures.
CREATE FUNCTION drugembed.bury_dead_runs(tracked_id integer) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    dead drugembed.run;
    suspects bigint[] := '{}';
    entries bigint[];
BEGIN
    FOR dead IN SELECT * FROM drugembed.run r WHERE r.tracked = tracked_id AND finished_at IS NULL FOR UPDATE SKIP LOCKED LOOP
        CONTINUE WHEN NOT drugembed.hold_run(dead.id);
        entries := CASE WHEN dead.alone <> '{}' THEN dead.alone[1:1]
                        ELSE ARRAY(SELECT id FROM drugembed.queue WHERE tracked = tracked_id AND id > dead.after AND id <= dead.until) END;
        IF dead.in_hand = 1 AND (SELECT attempts FROM drugembed.queue WHERE tracked = tracked_id AND id = entries[1]) >= 5 THEN
            PERFORM drugembed.record_failure(tracked_id, entries[1], 'XX000', 'the server process ended while it embedded this row',
                                             'See the server log.');
        END IF;
        suspects := suspects || entries;
        UPDATE drugembed.run SET finished_at = updated_at, sqlstate = '57P01', error = 'the backfill was cancelled or its backend ended' WHERE id = dead.id;
    END LOOP;
    UPDATE drugembed.queue SET attempts = attempts + 1 WHERE (tracked, id) IN (
        SELECT tracked, id FROM drugembed.queue WHERE tracked = tracked_id AND id = ANY (suspects) FOR UPDATE SKIP LOCKED);
END $$;
COMMENT ON FUNCTION drugembed.bury_dead_runs(integer) IS 'internal: ends runs whose backend is gone';

-- Committed before the batch begins, so that its rows are known if the backend dies.
CREATE FUNCTION drugembed.plan(run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    r drugembed.run := (SELECT x FROM drugembed.run x WHERE x.id = run_id);
BEGIN
    IF r.alone <> '{}' THEN
        UPDATE drugembed.run SET in_hand = 1 WHERE id = run_id;
        RETURN;
    END IF;
    UPDATE drugembed.run SET (until, in_hand) = (
        SELECT COALESCE(max(c.id), r.horizon), count(*) FROM (
            SELECT q.id, row_number() OVER w AS n, q.attempts = first_value(q.attempts) OVER w AND q.attempts = max(q.attempts) OVER w AS alike,
                   GREATEST(r.batch / 16 ^ LEAST(first_value(q.attempts) OVER w, 4), 1) AS most
              FROM drugembed.claim(r.tracked, r.after, r.horizon, r.batch) i JOIN drugembed.queue q ON q.tracked = r.tracked AND q.id = i
            WINDOW w AS (ORDER BY q.id)) c
         WHERE c.alike AND c.n <= c.most)
     WHERE id = run_id;
END $$;
COMMENT ON FUNCTION drugembed.plan(bigint) IS 'internal: decides which queue entries come next';

CREATE FUNCTION drugembed.step(run_id bigint, max_rows bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    r drugembed.run := (SELECT x FROM drugembed.run x WHERE x.id = run_id);
    step drugembed.step := (0, 0, 0, 0, false, NULL, NULL, NULL);
    ids bigint[];
BEGIN
    PERFORM drugembed.hold_run(run_id);
    ids := CASE WHEN r.alone <> '{}' THEN ARRAY(SELECT drugembed.claim(r.tracked, r.alone[1] - 1, r.alone[1], 1))
                ELSE ARRAY(SELECT drugembed.claim(r.tracked, r.after, r.until, r.batch)) END;
    IF ids <> '{}' THEN
        step := drugembed.try_batch(r.tracked, ids);
    ELSIF r.alone = '{}' AND r.until >= r.horizon AND NOT r.moved THEN
        RETURN false;
    END IF;
    UPDATE drugembed.run SET
        embedded = embedded + step.embedded, blank = blank + step.blank, unchanged = unchanged + step.unchanged, failed = failed + step.failed,
        alone = CASE WHEN step.again THEN ids ELSE r.alone[2:] END,
        after = CASE WHEN r.alone <> '{}' THEN r.after WHEN ids = '{}' AND r.until >= r.horizon THEN 0 ELSE r.until END,
        moved = CASE WHEN ids = '{}' AND r.until >= r.horizon THEN false ELSE r.moved OR step.embedded + step.blank + step.unchanged + step.failed > 0 END,
        updated_at = clock_timestamp(), finished_at = NULL, sqlstate = step.sqlstate, error = step.message, hint = step.hint
     WHERE id = run_id RETURNING * INTO r;
    PERFORM drugembed.plan(run_id);
    IF ids <> '{}' AND r.told_at < r.updated_at - interval '5 s' THEN
        PERFORM drugembed.tell(r);
        UPDATE drugembed.run SET told_at = r.updated_at WHERE id = run_id;
    END IF;
    RETURN r.sqlstate IS NULL AND (max_rows IS NULL OR r.embedded < max_rows);
END $$;
COMMENT ON FUNCTION drugembed.step(bigint, bigint) IS 'internal: one batch, or one row of a batch that failed; false at the end';

CREATE FUNCTION drugembed.tell(r drugembed.run) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    rate float8 := r.embedded / GREATEST(extract(epoch FROM r.updated_at - r.started_at), 0.001);
    waiting bigint := (SELECT count(*) FROM drugembed.queue WHERE tracked = r.tracked);
BEGIN
    RAISE INFO '%: % embedded, % failed, % waiting, % rows/s, % left', (SELECT relation FROM drugembed.tracked WHERE id = r.tracked),
        r.embedded, r.failed, waiting, round(rate::numeric, 1),
        COALESCE(make_interval(secs => round(waiting / NULLIF(rate, 0)))::text, 'unknown time');
END $$;
COMMENT ON FUNCTION drugembed.tell(drugembed.run) IS 'internal: progress as INFO';

CREATE FUNCTION drugembed.end_run(run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    r drugembed.run;
    t drugembed.tracked;
    stale boolean;
BEGIN
    UPDATE drugembed.run SET finished_at = clock_timestamp(), in_hand = 0 WHERE id = run_id RETURNING * INTO r;
    DELETE FROM drugembed.run WHERE tracked = r.tracked AND id <= (SELECT id FROM drugembed.run WHERE tracked = r.tracked
                                                                    ORDER BY id DESC OFFSET 100 LIMIT 1);
    SELECT * INTO STRICT t FROM drugembed.tracked WHERE id = r.tracked;
    IF t.mixed AND NOT row_security_active(t.relation) THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %s AS r WHERE r.%I IS NOT NULL AND drugembed.state_model(r.%I) IS DISTINCT FROM drugembed.model_hash($1))',
                       t.relation, t.target, t.state) INTO stale USING t.model;
        UPDATE drugembed.tracked SET mixed = false WHERE id = t.id AND NOT stale;
    END IF;
    PERFORM drugembed.tell(r);
END $$;
COMMENT ON FUNCTION drugembed.end_run(bigint) IS 'internal: ends a backfill, and notices that no vector of an older model is left';

CREATE FUNCTION drugembed.raise_error_of(run_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    r drugembed.run := (SELECT x FROM drugembed.run x WHERE x.id = run_id);
BEGIN
    IF r.sqlstate IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = r.sqlstate, MESSAGE = r.error,
            HINT = COALESCE(NULLIF(r.hint, ''), 'Nothing is lost: run the backfill again when the cause is gone.');
    END IF;
END $$;
COMMENT ON FUNCTION drugembed.raise_error_of(bigint) IS 'internal: the error that ended a run';

CREATE PROCEDURE drugembed.backfill(relation regclass, batch integer DEFAULT 256, target name DEFAULT NULL, max_rows bigint DEFAULT NULL)
LANGUAGE plpgsql
AS $$
DECLARE
    run_id bigint;
    more boolean;
BEGIN
    COMMIT;  -- an error inside a transaction block; and SET TRANSACTION must come first in a transaction
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    run_id := drugembed.begin_run(relation, target, batch);
    LOOP
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
        more := drugembed.step(run_id, max_rows);
        EXIT WHEN NOT more;
    END LOOP;
    COMMIT;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    PERFORM drugembed.end_run(run_id);
    COMMIT;
    PERFORM drugembed.raise_error_of(run_id);
END $$;
COMMENT ON PROCEDURE drugembed.backfill(regclass, integer, name, bigint) IS
    'embeds every row that waits, batch by batch, each in its own transaction; any number of sessions may run it at once';
