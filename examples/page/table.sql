-- DUR: 페이지가 검색 결과에 다는 표시. / The marks that the page adds to what is found.
CREATE TABLE dur (
    item_sequence text, kind text, partner_sequence text NOT NULL DEFAULT '', partner_name text, reason text,
    PRIMARY KEY (item_sequence, kind, partner_sequence)
);
