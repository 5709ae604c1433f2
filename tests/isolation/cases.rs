//! What meets a backfill.

use crate::session::Gate::{Read, Write};
use crate::session::Step::{self, Batch, Kill, Pass, Rest, Sql, Terminate};
use crate::tables::Shape::{self, Partitioned, Plain};

pub struct Case {
    pub name: &'static str,
    pub shape: Shape,
    pub sessions: &'static [&'static [Step]],
    /// SQLSTATEs that steps may end with.
    pub errors: &'static [&'static str],
    /// True in the end, whatever the order.
    pub after: &'static str,
    /// The table, and the column whose text it embeds, while it is tracked in the end.
    pub tracked: Option<(&'static str, &'static str)>,
    /// The first major of PostgreSQL that has what it does.
    pub since: u32,
}

impl Case {
    /// Whether a session or the server is ended on purpose.
    pub fn is_deadly(&self) -> bool {
        self.sessions.iter().copied().flatten().any(|step| matches!(step, Terminate(_) | Kill(_)))
    }
}

/// As the procedure does: listed, one batch held while it reads and while it writes, the rest.
const BACKFILL: &[Step] = &[
    Sql("SELECT drugembed._backfill_begin('product', 2, NULL, NULL, 'public')"),
    Batch,
    Pass(Read),
    Pass(Write),
    Rest,
];
const CALL: &[Step] = &[Sql("CALL drugembed.backfill('product', batch => 2)")];

const ALL: &str = "(SELECT count(*) = 5 FROM product)";
const PRODUCT: Option<(&str, &str)> = Some(("product", "name"));
/// The table was dropped or untracked during the run, or before it.
const GONE: &[&str] = &["55000", "42704", "42P01"];

/// A backfill beside a session that does one thing in a transaction.
const fn beside(name: &'static str, sessions: &'static [&'static [Step]]) -> Case {
    Case { name, shape: Plain, sessions, errors: &[], after: ALL, tracked: PRODUCT, since: 13 }
}

macro_rules! transaction {
    ($sql:literal) => { transaction!("BEGIN", $sql, "COMMIT") };
    ($($sql:literal),+) => { &[BACKFILL, &[$(Sql($sql)),+]] };
}

macro_rules! alone {
    ($sql:literal) => {
        &[BACKFILL, &[Sql($sql)]]
    };
}

pub const DDL: &[Case] = &[
    Case {
        tracked: Some(("product", "title")),
        ..beside("rename the source", transaction!("ALTER TABLE product RENAME COLUMN name TO title"))
    },
    beside("rename the vector", transaction!("ALTER TABLE product RENAME COLUMN embedding TO vec")),
    beside("rename the state", transaction!("ALTER TABLE product RENAME COLUMN embedding_state TO stand")),
    Case {
        after: "(SELECT count(*) = 5 FROM other)",
        tracked: Some(("other", "name")),
        errors: &["42P01", "55000"],
        ..beside("rename the table", transaction!("ALTER TABLE product RENAME TO other"))
    },
    Case {
        after: "(SELECT count(*) = 5 FROM moved.product)",
        tracked: Some(("moved.product", "name")),
        errors: &["42P01", "55000"],
        ..beside(
            "move to a schema",
            transaction!("BEGIN", "CREATE SCHEMA moved; ALTER TABLE product SET SCHEMA moved", "COMMIT"),
        )
    },
    beside("drop a column", transaction!("ALTER TABLE product DROP COLUMN note")),
    Case { errors: &["2BP01"], ..beside("drop the source", alone!("ALTER TABLE product DROP COLUMN name")) },
    Case {
        errors: GONE,
        tracked: None,
        ..beside("drop the source and what needs it", transaction!("ALTER TABLE product DROP COLUMN name CASCADE"))
    },
    beside(
        "add a column, which rewrites",
        transaction!("ALTER TABLE product ADD at timestamptz DEFAULT clock_timestamp()"),
    ),
    beside("alter a type, which rewrites", transaction!("ALTER TABLE product ALTER price TYPE numeric")),
    beside(
        "alter the key's type",
        transaction!(
            "ALTER TABLE basket DROP CONSTRAINT basket_product_fkey; ALTER TABLE product ALTER id TYPE integer"
        ),
    ),
    Case {
        errors: &["0A000"],
        ..beside("alter the source's type", alone!("ALTER TABLE product ALTER name TYPE varchar"))
    },
    Case { errors: GONE, tracked: None, ..beside("untrack", transaction!("SELECT drugembed.untrack('product')")) },
    Case {
        errors: GONE,
        tracked: None,
        after: "(SELECT count(*) = 5 FROM product WHERE embedding IS NULL OR vector_dims(embedding) = 384)",
        ..beside("untrack and keep", transaction!("SELECT drugembed.untrack('product', keep => true)"))
    },
    Case {
        errors: GONE,
        ..beside(
            "track anew",
            transaction!(
                "BEGIN",
                "SELECT drugembed.untrack('product', keep => true)",
                "SELECT drugembed.track('product', 'name')",
                "COMMIT"
            ),
        )
    },
    Case {
        errors: &["42P08", "55000"],
        ..beside(
            "track another column",
            transaction!(
                "SELECT drugembed.track('product', 'note', 'note_embedding')",
                "SELECT drugembed.untrack('product', 'note_embedding')"
            ),
        )
    },
    beside("refresh", transaction!("SELECT drugembed.refresh('product')")),
    beside("refresh, rolled back", transaction!("BEGIN", "SELECT drugembed.refresh('product')", "ROLLBACK")),
    beside("retry", transaction!("SELECT drugembed.retry('product')")),
    Case {
        after: "(SELECT count(*) = 0 FROM product)",
        ..beside("truncate", transaction!("TRUNCATE product CASCADE"))
    },
    Case {
        after: "(SELECT string_agg(name, '') = '새것' FROM product)",
        ..beside(
            "truncate and fill",
            transaction!(
                "BEGIN",
                "TRUNCATE product CASCADE",
                "INSERT INTO product (id, name) VALUES (1, '새것')",
                "COMMIT"
            ),
        )
    },
    beside("truncate, rolled back", transaction!("BEGIN", "TRUNCATE product CASCADE", "ROLLBACK")),
    Case {
        errors: GONE,
        after: "to_regclass('product') IS NULL",
        tracked: None,
        ..beside("drop", transaction!("DROP TABLE product CASCADE"))
    },
    Case {
        errors: GONE,
        after: "(SELECT count(*) = 1 FROM product)",
        ..beside(
            "drop and create",
            transaction!(
                "BEGIN",
                "DROP TABLE product CASCADE",
                "CREATE TABLE product (id bigint PRIMARY KEY, name text); SELECT drugembed.track('product', 'name'); INSERT INTO product VALUES (1, '새것')",
                "COMMIT"
            ),
        )
    },
    beside("vacuum full", alone!("VACUUM FULL product")),
    beside("vacuum freeze", alone!("VACUUM (FREEZE, INDEX_CLEANUP on) product")),
    beside("cluster", alone!("CLUSTER product USING product_pkey")),
    beside("index concurrently", alone!("CREATE INDEX CONCURRENTLY ON product (name)")),
    beside("vector index", transaction!("CREATE INDEX ON product USING hnsw (embedding vector_cosine_ops)")),
    beside("reindex", alone!("REINDEX TABLE product")),
    beside("lock", transaction!("BEGIN", "LOCK TABLE product IN SHARE MODE; LOCK TABLE product", "COMMIT")),
    beside(
        "a trigger",
        transaction!(
            "CREATE TRIGGER more BEFORE UPDATE ON product FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        ),
    ),
    beside("another owner", transaction!("ALTER TABLE product OWNER TO another")),
];

pub const PARTITIONS: &[Case] = &[
    Case {
        shape: Partitioned,
        after: "(SELECT count(*) = 3 FROM product) AND (SELECT count(*) = 2 FROM low)",
        ..beside("detach", transaction!("ALTER TABLE product DETACH PARTITION low"))
    },
    Case {
        since: 14,
        shape: Partitioned,
        after: "(SELECT count(*) = 3 FROM product) AND (SELECT count(*) = 2 FROM low)",
        ..beside("detach concurrently", alone!("ALTER TABLE product DETACH PARTITION low CONCURRENTLY"))
    },
    Case {
        shape: Partitioned,
        after: "(SELECT count(*) = 3 FROM product)",
        ..beside("drop a partition", transaction!("DROP TABLE low CASCADE"))
    },
    Case {
        shape: Partitioned,
        after: "(SELECT count(*) = 3 FROM product)",
        ..beside("truncate a partition", transaction!("TRUNCATE low CASCADE"))
    },
    Case {
        shape: Partitioned,
        after: "(SELECT count(*) = 7 FROM product)",
        ..beside(
            "attach",
            transaction!(
                "BEGIN",
                "CREATE TABLE third (LIKE product INCLUDING ALL); INSERT INTO third (id, name) VALUES (1001, '훼스탈'), (1002, '베아제')",
                "ALTER TABLE product ATTACH PARTITION third FOR VALUES FROM (1000) TO (MAXVALUE)",
                "COMMIT"
            ),
        )
    },
    Case {
        shape: Partitioned,
        ..beside(
            "index of a partition, then more",
            transaction!("BEGIN", "CREATE INDEX ON low (name)", "ALTER TABLE low ADD CHECK (id < 1000)", "COMMIT"),
        )
    },
    Case {
        shape: Partitioned,
        after: "(SELECT count(*) = 2 FROM high WHERE id IN (101, 102))",
        ..beside("rows that move", transaction!("UPDATE product SET id = id + 100 WHERE id < 3"))
    },
    Case {
        shape: Partitioned,
        tracked: Some(("product", "title")),
        ..beside("rename the source of partitions", transaction!("ALTER TABLE product RENAME COLUMN name TO title"))
    },
    Case {
        shape: Partitioned,
        errors: GONE,
        tracked: None,
        ..beside("untrack partitions", transaction!("SELECT drugembed.untrack('product')"))
    },
    Case {
        shape: Partitioned,
        after: "(SELECT name = '새 이름' FROM product WHERE id = 1)",
        ..beside("write a partition", transaction!("UPDATE low SET name = '새 이름' WHERE id = 1"))
    },
];

pub const WRITERS: &[Case] = &[
    Case {
        after: "(SELECT name = '새 이름' FROM product WHERE id = 1)",
        ..beside("update", transaction!("UPDATE product SET name = '새 이름' WHERE id = 1"))
    },
    Case {
        after: "(SELECT count(*) = 5 FROM product WHERE name LIKE '%!')",
        ..beside("update all", transaction!("UPDATE product SET name = name || '!'"))
    },
    beside(
        "update, rolled back",
        transaction!("BEGIN", "UPDATE product SET name = '새 이름' WHERE id <= 2", "ROLLBACK"),
    ),
    Case {
        after: "(SELECT name = '둘' FROM product WHERE id = 1)",
        ..beside(
            "update twice",
            transaction!(
                "BEGIN",
                "UPDATE product SET name = '하나' WHERE id = 1",
                "UPDATE product SET name = '둘' WHERE id = 1",
                "COMMIT"
            ),
        )
    },
    Case {
        after: "(SELECT name = '하나' FROM product WHERE id = 1)",
        ..beside(
            "savepoint",
            transaction!(
                "BEGIN",
                "UPDATE product SET name = '하나' WHERE id = 1; SAVEPOINT s; UPDATE product SET name = '둘'",
                "ROLLBACK TO s",
                "COMMIT"
            ),
        )
    },
    beside(
        "there and back",
        transaction!(
            "BEGIN",
            "UPDATE product SET name = name || '!'",
            "UPDATE product SET name = rtrim(name, '!')",
            "COMMIT"
        ),
    ),
    Case {
        after: "(SELECT name = '하나' FROM product WHERE id = 2)",
        ..beside(
            "two transactions",
            transaction!(
                "UPDATE product SET name = '하나!' WHERE id = 2",
                "UPDATE product SET name = rtrim(name, '!') WHERE id = 2"
            ),
        )
    },
    Case {
        after: "(SELECT name = '새 이름' FROM product WHERE id = 5)",
        ..beside("update one that is done", transaction!("UPDATE product SET name = '새 이름' WHERE id = 5"))
    },
    Case {
        after: "(SELECT sum(price) = 5 FROM product)",
        ..beside("another column", transaction!("UPDATE product SET price = price + 1"))
    },
    Case {
        after: "(SELECT count(*) = 5 FROM product WHERE id > 10)",
        ..beside("update the key", transaction!("UPDATE product SET id = id + 10"))
    },
    Case {
        after: "(SELECT count(*) = 3 FROM product)",
        ..beside("delete", transaction!("DELETE FROM product WHERE id IN (1, 3)"))
    },
    Case {
        after: "(SELECT name = '새것' FROM product WHERE id = 1)",
        ..beside(
            "delete and insert",
            transaction!(
                "BEGIN",
                "DELETE FROM product WHERE id = 1",
                "INSERT INTO product (id, name) VALUES (1, '새것')",
                "COMMIT"
            ),
        )
    },
    Case {
        after: "(SELECT count(*) = 6 FROM product)",
        ..beside("insert", transaction!("INSERT INTO product (id, name) VALUES (6, '새것')"))
    },
    Case {
        after: "(SELECT name = '새것' FROM product WHERE id = 2)",
        ..beside(
            "insert on conflict",
            transaction!(
                "INSERT INTO product (id, name) VALUES (2, '새것') ON CONFLICT (id) DO UPDATE SET name = excluded.name"
            ),
        )
    },
    beside("lock rows", transaction!("SELECT FROM product FOR UPDATE")),
    beside("share rows", transaction!("SELECT FROM product FOR SHARE")),
    Case {
        after: "(SELECT count(*) = 2 FROM basket)",
        ..beside("refer to rows", transaction!("INSERT INTO basket VALUES (1), (2)"))
    },
    Case {
        after: "(SELECT count(*) = 5 FROM product WHERE name IS NULL)",
        ..beside("blank", transaction!("UPDATE product SET name = NULL"))
    },
    Case {
        errors: &["40001"],
        ..beside(
            "repeatable read",
            transaction!(
                "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM product",
                "UPDATE product SET name = '새 이름' WHERE id = 1",
                "COMMIT"
            ),
        )
    },
    Case {
        errors: &["40001"],
        ..beside(
            "serializable",
            transaction!(
                "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT max(name), max(embedding_state::text) FROM product",
                "UPDATE product SET name = '새 이름' WHERE id = 1",
                "COMMIT"
            ),
        )
    },
    beside("remove a vector", transaction!("UPDATE product SET embedding = NULL")),
    beside(
        "search",
        transaction!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ",
            "SELECT count(*) FROM drug_search('product', '두통', 3)",
            "COMMIT"
        ),
    ),
];

pub const BACKFILLS: &[Case] = &[
    beside("another backfill", &[BACKFILL, BACKFILL]),
    Case {
        after: "(SELECT name = '새 이름' FROM product WHERE id = 1)",
        ..beside(
            "another backfill and a writer",
            &[BACKFILL, CALL, &[Sql("BEGIN"), Sql("UPDATE product SET name = '새 이름' WHERE id = 1"), Sql("COMMIT")]],
        )
    },
    Case {
        tracked: Some(("product", "title")),
        ..beside(
            "another backfill and a rename",
            &[BACKFILL, CALL, &[Sql("BEGIN"), Sql("ALTER TABLE product RENAME COLUMN name TO title"), Sql("COMMIT")]],
        )
    },
    Case {
        errors: GONE,
        tracked: None,
        ..beside(
            "another backfill and untrack",
            &[BACKFILL, CALL, &[Sql("BEGIN"), Sql("SELECT drugembed.untrack('product')"), Sql("COMMIT")]],
        )
    },
    Case { shape: Partitioned, ..beside("another backfill of partitions", &[BACKFILL, BACKFILL]) },
];

pub const DEATHS: &[Case] = &[
    beside("terminated", &[BACKFILL, &[Terminate(0)]]),
    beside("terminated beside another backfill", &[BACKFILL, CALL, &[Terminate(0)]]),
    Case {
        after: "(SELECT name = '새 이름' FROM product WHERE id = 1)",
        ..beside(
            "terminated beside a writer",
            &[
                BACKFILL,
                &[Sql("BEGIN"), Sql("UPDATE product SET name = '새 이름' WHERE id = 1"), Sql("COMMIT")],
                &[Terminate(0)],
            ],
        )
    },
    beside(
        "a writer terminated",
        &[BACKFILL, &[Sql("BEGIN"), Sql("UPDATE product SET name = '새 이름' WHERE id = 1")], &[Terminate(1)]],
    ),
    beside("killed", &[BACKFILL, &[Kill(0)]]),
    beside("killed beside another backfill", &[BACKFILL, CALL, &[Kill(0)]]),
    beside(
        "killed beside a writer",
        &[BACKFILL, &[Sql("BEGIN"), Sql("UPDATE product SET name = '새 이름' WHERE id = 1")], &[Kill(1)]],
    ),
];
