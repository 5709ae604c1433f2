//! Where the pages go.

use postgres::{Client, Error};

/// Pages of one operation, by their names.
pub trait Store {
    type Error: std::error::Error;
    fn has(&mut self, source: &str) -> Result<bool, Self::Error>;
    fn put(&mut self, source: &str, body: &str) -> Result<(), Self::Error>;
}

/// `drug_import.page` of a database (schema.sql makes it). A page is committed as soon as it is there.
pub struct Database {
    pub client: Client,
    pub operation: String,
}

impl Store for Database {
    type Error = Error;

    fn has(&mut self, source: &str) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT FROM drug_import.page WHERE operation = $1 AND source = $2)";
        Ok(self.client.query_one(sql, &[&self.operation, &source])?.get(0))
    }

    fn put(&mut self, source: &str, body: &str) -> Result<(), Error> {
        let sql = "INSERT INTO drug_import.page AS p (operation, source, body) VALUES ($1, $2, $3)
                   ON CONFLICT (operation, source) DO UPDATE SET body = excluded.body, received_at = now() WHERE p.body <> excluded.body";
        self.client.execute(sql, &[&self.operation, &source, &body])?;
        Ok(())
    }
}
