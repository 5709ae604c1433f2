-- DUR warnings in the column names of MFDS's DurPrdlstInfoService, and their kinds as a column of the products.
CREATE TABLE dur_product (
    item_seq       text NOT NULL,
    type_name      text NOT NULL,   -- 임부금기, 특정연령대금기, 노인주의, 용량주의, 투여기간주의
    age_months     integer,         -- the oldest that must not take it
    prohbt_content text,
    PRIMARY KEY (item_seq, type_name)
);
-- 병용금기 by ingredient code, and the codes of the products.
CREATE TABLE dur_pair (
    ingr_code             text NOT NULL,
    ingr_eng_name         text NOT NULL,
    mixture_ingr_code     text NOT NULL,
    mixture_ingr_eng_name text NOT NULL,
    prohbt_content        text
);
CREATE TABLE dur_ingredient (
    item_seq  text NOT NULL,
    ingr_code text NOT NULL,
    PRIMARY KEY (item_seq, ingr_code)
);
CREATE INDEX ON dur_pair (ingr_code);
CREATE INDEX ON dur_pair (mixture_ingr_code);
CREATE INDEX ON dur_ingredient (ingr_code);
