-- The table that MFDS publishes as the summary of its permits, as users have it.
CREATE EXTENSION drugembed CASCADE;
CREATE TABLE drug_summary (
    item_sequence        text PRIMARY KEY,
    item_name            text NOT NULL,
    item_eng_name        text,
    item_permit_date     text,
    special_general_type text,
    product_type         text,
    ingredient_name      text,
    enterprise_name      text
);
-- What drugembed adds.
ALTER TABLE drug_summary ADD COLUMN embedding vector(384);
