-- 예제마다 새 데이터베이스에서 실행된다. / Run in a new database for each example.
CREATE EXTENSION drugembed CASCADE;
CREATE EXTENSION pg_trgm;
CREATE TABLE drug (item_sequence text PRIMARY KEY, item_name text, product_type text, ingredient_name text);
INSERT INTO drug VALUES
    ('196800036', '판콜에이내복액', '[01140]해열.진통.소염제', 'Acetaminophen/Anhydrous Caffeine/Chlorpheniramine Maleate'),
    ('195500006', '중외5%포도당주사액', '[03230]당류제', 'Glucose'),
    ('197100073', '벤나민정(벤지다민염산염)', '[01140]해열.진통.소염제', 'Benzydamine Hydrochloride');
SELECT drugembed.track('drug', 'drug_document(item_name, product_type, ingredient_name)');
