-- Lists of MFDS's drug utilisation review (DUR). The work is in Rust (src/dur).

-- No search_path of its own: the name is meant by the caller's. All else in it is qualified.
CREATE FUNCTION drugembed.create_dur_list(name text DEFAULT 'dur') RETURNS regclass
LANGUAGE c AS 'MODULE_PATHNAME', 'create_dur_list_wrapper';
COMMENT ON FUNCTION drugembed.create_dur_list(text) IS
    'makes an ordinary table for the entries of the drug utilisation review; set drugembed.dur_list to its name';

CREATE FUNCTION drugembed._dur_list() RETURNS text STABLE LANGUAGE c AS 'MODULE_PATHNAME', 'dur_list_wrapper';
COMMENT ON FUNCTION drugembed._dur_list() IS 'internal: schema and name of the table that drugembed.dur_list names, which the caller must be allowed to read; NULL where it is empty';

CREATE FUNCTION drugembed.load_dur(list regclass, data bytea, kind text DEFAULT NULL, source text DEFAULT NULL) RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'load_dur_bytes_wrapper';
COMMENT ON FUNCTION drugembed.load_dur(regclass, bytea, text, text) IS
    'adds the entries of a list of MFDS (JSON), KIDS or HIRA (CSV in CP949 or Unicode) that are not there yet from that source; returns how many';

CREATE FUNCTION drugembed.load_dur(list regclass, data text, kind text DEFAULT NULL, source text DEFAULT NULL) RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'load_dur_text_wrapper';
COMMENT ON FUNCTION drugembed.load_dur(regclass, text, text, text) IS 'the same of a text';

CREATE FUNCTION drugembed._dur_kind(value text) RETURNS text[] IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'dur_kind_wrapper';
COMMENT ON FUNCTION drugembed._dur_kind(text) IS 'internal: DUR kinds that a table''s own column tells';
