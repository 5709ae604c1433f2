-- Run once by the official image in the database that it makes.
CREATE EXTENSION drugembed CASCADE;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
SELECT * FROM drugembed.prepare();
