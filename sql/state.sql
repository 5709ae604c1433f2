-- What a vector was made from, in one bigint beside it: 40 bits of the text's hash, 23 bits of the model's.
-- Written with qualified names and no SET, so that PostgreSQL inlines them.

CREATE FUNCTION drugembed.text_hash(source text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT pg_catalog.hashtextextended(COALESCE(source, '') COLLATE pg_catalog."C", 0) OPERATOR(pg_catalog.&) 1099511627775 $$;
COMMENT ON FUNCTION drugembed.text_hash(text) IS '40 bits of a text''s hash; NULL counts as an empty text';

CREATE FUNCTION drugembed.model_hash(model text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT pg_catalog.hashtextextended(model COLLATE pg_catalog."C", 1) OPERATOR(pg_catalog.&) 8388607 $$;
COMMENT ON FUNCTION drugembed.model_hash(text) IS '23 bits of a model''s hash, from its name@revision';

CREATE FUNCTION drugembed.row_state(source text, model text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT (drugembed.text_hash(source) OPERATOR(pg_catalog.<<) 23) OPERATOR(pg_catalog.|) drugembed.model_hash(model) $$;
COMMENT ON FUNCTION drugembed.row_state(text, text) IS 'value of the state column of a row whose vector was made from this text by this model';

CREATE FUNCTION drugembed.state_text(state bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT state OPERATOR(pg_catalog.>>) 23 $$;
COMMENT ON FUNCTION drugembed.state_text(bigint) IS 'the text_hash within a state';

CREATE FUNCTION drugembed.state_model(state bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT state OPERATOR(pg_catalog.&) 8388607 $$;
COMMENT ON FUNCTION drugembed.state_model(bigint) IS 'the model_hash within a state';

-- Unicode White_Space, which is what the encoder takes for blank. chr(): the script must also load where the encoding is not UTF8.
CREATE FUNCTION drugembed.is_blank(source text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT COALESCE(pg_catalog.btrim(source, E' \t\n\x0b\f\r'
    OPERATOR(pg_catalog.||) pg_catalog.chr(133) OPERATOR(pg_catalog.||) pg_catalog.chr(160) OPERATOR(pg_catalog.||) pg_catalog.chr(5760)
    OPERATOR(pg_catalog.||) pg_catalog.chr(8192) OPERATOR(pg_catalog.||) pg_catalog.chr(8193) OPERATOR(pg_catalog.||) pg_catalog.chr(8194)
    OPERATOR(pg_catalog.||) pg_catalog.chr(8195) OPERATOR(pg_catalog.||) pg_catalog.chr(8196) OPERATOR(pg_catalog.||) pg_catalog.chr(8197)
    OPERATOR(pg_catalog.||) pg_catalog.chr(8198) OPERATOR(pg_catalog.||) pg_catalog.chr(8199) OPERATOR(pg_catalog.||) pg_catalog.chr(8200)
    OPERATOR(pg_catalog.||) pg_catalog.chr(8201) OPERATOR(pg_catalog.||) pg_catalog.chr(8202) OPERATOR(pg_catalog.||) pg_catalog.chr(8232)
    OPERATOR(pg_catalog.||) pg_catalog.chr(8233) OPERATOR(pg_catalog.||) pg_catalog.chr(8239) OPERATOR(pg_catalog.||) pg_catalog.chr(8287)
    OPERATOR(pg_catalog.||) pg_catalog.chr(12288)) OPERATOR(pg_catalog.=) '', true) $$;
COMMENT ON FUNCTION drugembed.is_blank(text) IS 'whether a text is NULL or holds only blanks: its embedding is NULL';
