-- Products in the column names of MFDS's permit list; form_code_name (제형코드명) is of the pill table, efficacy (효능) of the
-- over-the-counter one.
CREATE TABLE drug (
    item_sequence        text PRIMARY KEY,
    item_name            text NOT NULL,
    item_eng_name        text,
    enterprise_name      text,
    special_general_type text,
    product_type         text,
    ingredient_name      text,
    main_ingredient_eng  text,
    form_code_name       text,
    efficacy             text
);
