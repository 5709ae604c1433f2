-- Schema drugembed: what keeps embeddings in step with their tables. It holds functions and views, and no table.
-- Here, and in views, operators are qualified: what a schema of the caller's search_path holds must not take part.

DO $$
DECLARE
    found pg_catalog.oid := pg_catalog.to_regnamespace('drugembed')::pg_catalog.oid;
BEGIN
    IF pg_catalog.to_regclass('drugembed.tracked') IS NOT NULL AND pg_catalog.to_regclass('drugembed.queue') IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_object', MESSAGE = 'schema "drugembed" holds the tables of drugembed 0.1.0',
            HINT = 'That version has no upgrade. Note the sources in drugembed.tracked, drop the schema and the columns '
                   '"..._state" of the tracked tables, install 0.2.0 and track the tables anew; the vectors are made again.';
    ELSIF found IS NULL THEN
        CREATE SCHEMA drugembed;
        COMMENT ON SCHEMA drugembed IS 'keeps embeddings in step with their tables';
    ELSIF EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.oid OPERATOR(pg_catalog.=) found
                     AND (n.nspowner OPERATOR(pg_catalog.<>) current_user::pg_catalog.regrole::pg_catalog.oid
                          OR EXISTS (SELECT FROM pg_catalog.aclexplode(n.nspacl) a
                                      WHERE a.privilege_type OPERATOR(pg_catalog.=) 'CREATE'
                                        AND a.grantee OPERATOR(pg_catalog.<>) n.nspowner)))
       OR EXISTS (SELECT FROM pg_catalog.pg_depend d
                   WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid
                     AND d.refobjid OPERATOR(pg_catalog.=) found
                     AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                                      WHERE e.classid OPERATOR(pg_catalog.=) d.classid AND e.objid OPERATOR(pg_catalog.=) d.objid
                                        AND e.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog."char")) THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_schema', MESSAGE = 'schema "drugembed" exists, and is not yours alone or not empty',
            HINT = 'drugembed keeps its functions there. Rename or drop that schema: ALTER SCHEMA drugembed RENAME TO ....';
    END IF;
    -- The functions of this extension must get pgvector's type, and no other that happens to be named so.
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid OPERATOR(pg_catalog.=) d.refobjid
                    WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
                      AND d.objid OPERATOR(pg_catalog.=) pg_catalog.to_regtype('vector')::pg_catalog.oid
                      AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass::pg_catalog.oid
                      AND e.extname OPERATOR(pg_catalog.=) 'vector'::pg_catalog.name) THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_object', MESSAGE = 'type "vector" is not the one of the extension vector',
            HINT = 'Another object of that name is in the way: see \dT *.vector, and drop or rename it.';
    END IF;
END $$;
