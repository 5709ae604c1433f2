-- What pgrx cannot say in Rust: a COMMENT for every object, and row estimates.

ALTER FUNCTION drug_model() ROWS 1;

COMMENT ON FUNCTION drug_embed(text) IS
    'vector of a document (a row to be found), by the model of drug_model()';
COMMENT ON FUNCTION drug_embed(text[]) IS
    'vectors of documents, in their order, computed in batches; a NULL stays NULL';
COMMENT ON FUNCTION drug_embed(text, text) IS
    'vector of a document by the model named as in drug_model().model, or an error; for generated columns and expression indexes';
COMMENT ON FUNCTION drug_embed_query(text) IS
    'vector of a question; ORDER BY embedding <=> drug_embed_query(...) can use an index';
COMMENT ON FUNCTION drug_similarity(text, text) IS
    'symmetric similarity of two texts, from -1 to 1';
COMMENT ON FUNCTION drug_similarity(vector, text) IS
    'similarity of a stored document vector to a question, from -1 to 1; cannot use an index';
COMMENT ON FUNCTION drug_token_count(text) IS
    'tokens of a document, to compare with drug_model().max_tokens';
COMMENT ON FUNCTION drug_model() IS
    'the model that answers in this session';
COMMENT ON FUNCTION drug_document(text, text, text, text) IS
    'text that stands for a product: name | type | ingredients | DUR kinds, from MFDS columns as they are';
COMMENT ON FUNCTION drug_question(text) IS
    'what a question asks for beside its meaning, and the rest: form, strength, ingredient, safety and its direction, ...';
COMMENT ON FUNCTION drugembed.prepare() IS
    'makes files in the data folder from which sessions load the model faster and share its memory; for superusers, once after an installation';
