-- Lists of MFDS's drug utilisation review (DUR). The work is in Rust (src/dur).

-- No search_path of its own: the name is meant by the caller's. All else in it is qualified.
CREATE FUNCTION drugembed.create_dur_list(name text DEFAULT 'dur') RETURNS regclass
LANGUAGE c AS 'MODULE_PATHNAME', 'create_dur_list_wrapper';
COMMENT ON FUNCTION drugembed.create_dur_list(text) IS
    'makes an ordinary table for the entries of the drug utilisation review; set drugembed.dur_list to its name';

CREATE FUNCTION drugembed._dur_list() RETURNS text STABLE LANGUAGE c AS 'MODULE_PATHNAME', 'dur_list_wrapper';
COMMENT ON FUNCTION drugembed._dur_list() IS 'internal: schema and name of the table that drugembed.dur_list names, which the caller must be allowed to read; NULL where it is empty';
