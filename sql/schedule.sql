-- Backfills by the clock: pg_cron inside, or the line that does the same from outside.

CREATE FUNCTION drugembed._writable_target(relation regclass, target name) RETURNS name
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'writable_target_wrapper';
COMMENT ON FUNCTION drugembed._writable_target(regclass, name) IS
    'internal: the tracked vector column that is meant, if the caller may backfill it';

-- minute hour day month weekday -> weekday *-month-day hour:minute
CREATE FUNCTION drugembed._on_calendar(cron text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    f text[] := regexp_split_to_array(btrim(cron), '\s+');
    days CONSTANT text[] := ARRAY['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
BEGIN
    IF cardinality(f) <> 5 OR cron !~ '^[-0-9*/, ]+$' THEN
        RETURN NULL;
    END IF;
    FOR i IN 1 .. 5 LOOP
        f[i] := replace(regexp_replace(f[i], '^\*/', CASE WHEN i IN (3, 4) THEN '1/' ELSE '0/' END), '-', '..');
    END LOOP;
    FOR d IN REVERSE 7 .. 0 LOOP
        f[5] := regexp_replace(f[5], '\m' || d || '\M', days[d + 1], 'g');
    END LOOP;
    RETURN format('%s*-%s-%s ', CASE WHEN f[5] = '*' THEN '' ELSE f[5] || ' ' END, f[4], f[3]) || format('%s:%s', f[2], f[1]);
END $$;
COMMENT ON FUNCTION drugembed._on_calendar(text) IS 'internal: a cron schedule as systemd writes it, NULL if it cannot be';

CREATE FUNCTION drugembed._from_outside(schedule text, command text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- A shell's quotes; a crontab takes % for a new line, systemd for a specifier.
    WITH shell AS (SELECT format('psql -X -d %s -c %s', d, c) AS line
                     FROM (SELECT '''' || replace(current_database(), '''', '''\''''') || '''',
                                  '''' || replace(command, '''', '''\''''') || '''') AS quoted (d, c))
    SELECT CASE WHEN line || schedule ~ '[\n\r]' THEN 'none: a name of the table or database has a line break'
                ELSE format(E'crontab: %s %s', schedule, replace(line, '%', '\%')) END
        || COALESCE(format(E'\nsystemd: systemd-run --on-calendar="%s" %s', drugembed._on_calendar(schedule), replace(line, '%', '%%')), '')
      FROM shell
$$;
COMMENT ON FUNCTION drugembed._from_outside(text, text) IS 'internal: how to run a command by the clock without pg_cron';

CREATE FUNCTION drugembed.schedule(relation regclass, schedule text, target name DEFAULT NULL, batch integer DEFAULT 256) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted name := drugembed._writable_target(relation, target);
    command text := format('CALL drugembed.backfill(%L, %s, %L)', relation, batch, wanted);
    job bigint;
BEGIN
    IF schedule IS NULL OR btrim(schedule) = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'schedule is empty',
            HINT = 'For example: "*/5 * * * *", every five minutes.';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') THEN
        RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = 'scheduling needs the extension pg_cron in this database',
            DETAIL = format(E'The same from outside:\n%s', drugembed._from_outside(schedule, command)),
            HINT = format('Install the package postgresql-%s-cron, add pg_cron to shared_preload_libraries, set cron.database_name to "%s", '
                          'restart the server, and run CREATE EXTENSION pg_cron; or use one of the lines above.',
                          current_setting('server_version_num')::integer / 10000, current_database());
    END IF;
    BEGIN
        EXECUTE 'SELECT cron.schedule($1, $2, $3)' INTO job USING format('drugembed %s %I', relation, wanted), schedule, command;
    EXCEPTION WHEN internal_error OR invalid_parameter_value THEN  -- how pg_cron reports a schedule it cannot read
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = SQLERRM,
            HINT = 'Give five fields, minute hour day month weekday: "*/5 * * * *" is every five minutes.';
    END;
    RETURN job;
END $$;
COMMENT ON FUNCTION drugembed.schedule(regclass, text, name, integer) IS 'runs a backfill by the clock, by pg_cron; returns its job id';

CREATE FUNCTION drugembed.unschedule(relation regclass, target name DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted name := drugembed._writable_target(relation, target);
    gone boolean := false;
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') THEN
        EXECUTE 'SELECT count(cron.unschedule(jobid)) > 0 FROM cron.job WHERE jobname = $1'
           INTO gone USING format('drugembed %s %I', relation, wanted);
    END IF;
    RETURN gone;
END $$;
COMMENT ON FUNCTION drugembed.unschedule(regclass, name) IS 'ends the job of a table; false if it had none';
