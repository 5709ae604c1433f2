-- One batch of a backfill: claim queue entries, embed with no row of the table locked, write the rows whose text is still the same.

CREATE TYPE drugembed.step AS (embedded integer, blank integer, unchanged integer, failed integer, again boolean, sqlstate text, message text, hint text);
COMMENT ON TYPE drugembed.step IS 'internal: what became of a batch; again: a row of it is guilty; sqlstate: the run cannot go on';

CREATE FUNCTION drugembed.key_match(relation regclass, key name[], stored text) RETURNS text
LANGUAGE sql STABLE SET search_path FROM CURRENT
AS $$
    SELECT string_agg(format('"@row".%I = (%s[%s])::%s', a.attname, stored, k.n, format_type(a.atttypid, a.atttypmod)), ' AND ' ORDER BY k.n)
      FROM unnest(key) WITH ORDINALITY AS k (name, n) JOIN pg_attribute a ON a.attrelid = relation AND a.attname = k.name
$$;
COMMENT ON FUNCTION drugembed.key_match(regclass, name[], text) IS 'internal: SQL that finds the row of a stored key';

-- Of the entries of a key, the oldest stands for all: whoever locks it has the key to himself. Plans are forced because the queue's
-- statistics are always old.
CREATE FUNCTION drugembed.claim(tracked_id integer, after bigint, horizon bigint, batch integer) RETURNS SETOF bigint
LANGUAGE sql SET search_path FROM CURRENT SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
    SELECT q.id FROM drugembed.queue q
     WHERE q.tracked = tracked_id AND q.id > after AND q.id <= horizon AND (q.retry_at IS NULL OR q.retry_at <= clock_timestamp())
       AND NOT EXISTS (SELECT FROM drugembed.queue p WHERE p.tracked = tracked_id AND p.key = q.key AND p.id < q.id)
     ORDER BY q.id LIMIT batch
       FOR UPDATE OF q SKIP LOCKED
$$;
COMMENT ON FUNCTION drugembed.claim(integer, bigint, bigint, integer) IS 'internal: locks the next entries of the queue';

-- One snapshot for the row and for the entries of its key: what is removed later has been seen together with the text.
CREATE FUNCTION drugembed.read_sql(t drugembed.tracked) RETURNS text
LANGUAGE sql STABLE SET search_path FROM CURRENT
AS $$
    SELECT format($q$
        SELECT c.id, (SELECT max(f.id) FROM drugembed.queue f WHERE f.tracked = c.tracked AND f.key = c.key) AS upto,
               r.source, drugembed.text_hash(r.source) AS hash, drugembed.is_blank(r.source) AS blank,
               r.present IS NULL AS gone,
               r.present AND r.state IS NOT DISTINCT FROM drugembed.row_state(r.source, $2)
                         AND r.bare = drugembed.is_blank(r.source) AS unchanged
          FROM drugembed.queue c
          LEFT JOIN LATERAL (SELECT true AS present, (%1$s) AS source, "@row".%2$I AS state, "@row".%3$I IS NULL AS bare
                               FROM %4$s AS "@row" WHERE %5$s OFFSET 0) r ON true
         WHERE c.tracked = %6$s AND c.id = ANY ($1)$q$,
        t.source, t.state, t.target, t.relation, drugembed.key_match(t.relation, t.key, 'c.key'), t.id)
$$;
COMMENT ON FUNCTION drugembed.read_sql(drugembed.tracked) IS 'internal: SQL that reads claimed rows; $1 entries, $2 model';

-- A row that a writer has locked is left for later, so that no two sessions ever wait for each other.
CREATE FUNCTION drugembed.write_sql(t drugembed.tracked) RETURNS text
LANGUAGE sql STABLE SET search_path FROM CURRENT
AS $$
    SELECT format($q$
        WITH made AS MATERIALIZED (
            SELECT c.key, m.* FROM unnest($1, $2, $3) AS m (id, embedding, hash)
              JOIN drugembed.queue c ON c.tracked = %5$s AND c.id = m.id
        ), locked AS MATERIALIZED (
            SELECT made.* FROM made JOIN %4$s AS "@row" ON %6$s
             WHERE drugembed.text_hash(%1$s) = made.hash
               FOR NO KEY UPDATE OF "@row" SKIP LOCKED
        ), written AS (
            UPDATE %4$s AS "@row" SET %3$I = locked.embedding, %2$I = (locked.hash << 23) | drugembed.model_hash($4)
              FROM locked WHERE %7$s RETURNING locked.id
        )
        SELECT COALESCE(array_agg(id), '{}') FROM written$q$,
        t.source, t.state, t.target, t.relation, t.id,
        drugembed.key_match(t.relation, t.key, 'made.key'), drugembed.key_match(t.relation, t.key, 'locked.key'))
$$;
COMMENT ON FUNCTION drugembed.write_sql(drugembed.tracked) IS
    'internal: SQL that writes embeddings; $1 entries, $2 vectors, $3 text hashes, $4 model; returns the entries written';

-- Locked entries (of a writer that deletes the row) are left: the next pass finds them done.
CREATE FUNCTION drugembed.settle(tracked_id integer, ids bigint[], uptos bigint[]) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT
AS $$
    DELETE FROM drugembed.failures x USING drugembed.queue c
     WHERE c.tracked = tracked_id AND c.id = ANY (ids) AND x.tracked = tracked_id AND x.key = c.key;
    DELETE FROM drugembed.queue WHERE ctid = ANY (ARRAY(
        SELECT q.ctid FROM unnest(ids, uptos) AS d (id, upto)
          JOIN drugembed.queue c ON c.tracked = tracked_id AND c.id = d.id
          JOIN drugembed.queue q ON q.tracked = tracked_id AND q.key = c.key AND q.id <= d.upto
           FOR UPDATE OF q SKIP LOCKED));
$$;
COMMENT ON FUNCTION drugembed.settle(integer, bigint[], bigint[]) IS 'internal: removes entries of rows that are right now';

CREATE FUNCTION drugembed.embed_batch(t drugembed.tracked, ids bigint[]) RETURNS drugembed.step
LANGUAGE plpgsql SET search_path FROM CURRENT
    SET DateStyle = 'ISO, YMD' SET TimeZone = 'UTC' SET IntervalStyle = 'postgres' SET extra_float_digits = 1 SET bytea_output = 'hex'
AS $$
DECLARE
    step drugembed.step;
    todo bigint[];
    todo_upto bigint[];
    texts text[];
    hashes bigint[];
    bare bigint[];
    bare_upto bigint[];
    bare_hashes bigint[];
    settled bigint[];
    settled_upto bigint[];
    written bigint[];
BEGIN
    EXECUTE format('SELECT array_agg(id) FILTER (WHERE todo), array_agg(upto) FILTER (WHERE todo), array_agg(source) FILTER (WHERE todo),
                           array_agg(hash) FILTER (WHERE todo),
                           array_agg(id) FILTER (WHERE bare), array_agg(upto) FILTER (WHERE bare), array_agg(hash) FILTER (WHERE bare),
                           array_agg(id) FILTER (WHERE settled), array_agg(upto) FILTER (WHERE settled)
                      FROM (SELECT r.*, NOT gone AND NOT unchanged AND NOT blank AS todo, NOT gone AND NOT unchanged AND blank AS bare,
                                   unchanged OR (gone AND NOT row_security_active(%L)) AS settled FROM (%s) r) s',
                   t.relation, drugembed.read_sql(t))
       INTO todo, todo_upto, texts, hashes, bare, bare_upto, bare_hashes, settled, settled_upto USING ids, t.model;
    EXECUTE drugembed.write_sql(t) INTO written USING
        todo || bare, drug_embed(COALESCE(texts, '{}')) || array_fill(NULL::vector, ARRAY[COALESCE(cardinality(bare), 0)]),
        hashes || bare_hashes, t.model;
    PERFORM drugembed.settle(t.id, array_agg(d.id), array_agg(d.upto))
       FROM unnest(todo || bare || settled, todo_upto || bare_upto || settled_upto) AS d (id, upto)
      WHERE d.id = ANY (written || settled);
    step.embedded := (SELECT count(*) FROM unnest(todo) i WHERE i = ANY (written));
    step.blank := (SELECT count(*) FROM unnest(bare) i WHERE i = ANY (written));
    step.unchanged := COALESCE(cardinality(settled), 0);
    step.failed := 0;
    RETURN step;
END $$;
COMMENT ON FUNCTION drugembed.embed_batch(drugembed.tracked, bigint[]) IS 'internal: embeds and writes claimed rows';

-- Errors that another row would meet too end the run; of the others, one row is guilty. A deadlock or the like is tried again.
CREATE FUNCTION drugembed.try_batch(tracked_id integer, ids bigint[]) RETURNS drugembed.step
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    t drugembed.tracked := (SELECT x FROM drugembed.tracked x WHERE x.id = tracked_id);
    step drugembed.step;
    state text;
    message text;
    hint text;
BEGIN
    BEGIN
        IF t.model IS DISTINCT FROM (SELECT model FROM drug_model()) THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'the model changed during the backfill',
                HINT = 'Run the backfill again.';
        END IF;
        step := drugembed.embed_batch(t, ids);
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
        step := (0, 0, 0, 0, false, NULL, NULL, NULL);
        IF left(state, 2) IN ('08', '0A', '25', '28', '42', '53', '55', '57', '58', 'F0') THEN
            step.sqlstate := state;
            step.message := message;
            step.hint := hint;
        ELSIF left(state, 2) = '40' THEN
            NULL;
        ELSIF cardinality(ids) > 1 THEN
            step.again := true;
        ELSE
            PERFORM drugembed.record_failure(tracked_id, ids[1], state, message, hint);
            step.failed := 1;
        END IF;
    END;
    RETURN step;
END $$;
COMMENT ON FUNCTION drugembed.try_batch(integer, bigint[]) IS 'internal: embeds and writes claimed rows, or says what stood in the way';

CREATE FUNCTION drugembed.record_failure(tracked_id integer, entry bigint, state text, message text, hint text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT
AS $$
DECLARE
    tries integer;
    failed_key text[];
BEGIN
    UPDATE drugembed.queue SET attempts = attempts + 1, retry_at = clock_timestamp() + interval '10 s' * (2 ^ attempts)
     WHERE tracked = tracked_id AND id = entry RETURNING attempts, key INTO tries, failed_key;
    INSERT INTO drugembed.failures (tracked, key, sqlstate, message, hint, attempts) VALUES (tracked_id, failed_key, state, message, hint, tries)
    ON CONFLICT (tracked, key) DO UPDATE SET sqlstate = excluded.sqlstate, message = excluded.message, hint = excluded.hint,
        attempts = excluded.attempts, failed_at = excluded.failed_at;
    -- The same text fails the same way; anything else may pass.
    IF tries >= 3 OR left(state, 2) IN ('22', '23', '54') THEN
        DELETE FROM drugembed.queue WHERE tracked = tracked_id AND id = entry;
    END IF;
END $$;
COMMENT ON FUNCTION drugembed.record_failure(integer, bigint, text, text, text) IS 'internal: notes why a row failed, and whether it is tried again';
