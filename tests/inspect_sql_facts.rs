//! What the facts about SQL say besides the effect: tables, bounds, credentials, and why there are none.

use countersign::Dialect;
use countersign::inspect::sql::{MEMBERS, Obstacle, SqlEffect, inspect};

const PG: Dialect = Dialect::PostgreSql;
const MY: Dialect = Dialect::MySql;
const LITE: Dialect = Dialect::Sqlite;

#[test]
fn every_statement_counts() {
    let facts = inspect(PG, "SELECT 1; DELETE FROM t; ; SELECT 2");
    assert_eq!(
        (facts.effect(), facts.statements(), facts.multi()),
        (Some(SqlEffect::Write), Some(3), Some(true))
    );
    assert_eq!(facts.kinds(), ["delete", "select"]);
    assert!(!inspect(PG, "SELECT 1; nonsense").understood());
    assert_eq!(inspect(PG, "-- nothing").statements(), Some(0));
}

#[test]
fn tables_are_named_as_the_server_folds_them() {
    let cases: &[(Dialect, &str, &[&str])] = &[
        (PG, "SELECT * FROM Vault.Keys, \"Vault\".\"Keys\"", &["Vault.Keys", "vault.keys"]),
        (PG, "SELECT * FROM \"vault.keys\"", &["\"vault.keys\""]),
        (LITE, "SELECT * FROM \"Users\", [x y]", &["\"x y\"", "users"]),
        (MY, "SELECT * FROM Orders", &["Orders", "orders"]),
        (PG, "WITH a AS (SELECT * FROM b) SELECT * FROM a", &["b"]),
        (PG, "WITH a AS (SELECT * FROM a) SELECT * FROM a", &["a"]),
        (PG, "WITH RECURSIVE a AS (SELECT 1 UNION SELECT * FROM a) SELECT * FROM a", &[]),
        (PG, "SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) x, a", &["a"]),
        (PG, "WITH a AS (SELECT 1) SELECT * FROM s.a", &["s.a"]),
        (PG, "SELECT 1 WHERE 1 IN (TABLE secrets)", &["secrets"]),
        (PG, "TABLE secrets", &["secrets"]),
        (
            PG,
            "SELECT (SELECT a FROM x), ARRAY(SELECT b FROM y) FROM z JOIN w USING (c)",
            &["w", "x", "y", "z"],
        ),
        (PG, "COPY secrets TO STDOUT", &["secrets"]),
        (PG, "INSERT INTO a SELECT * FROM b ON CONFLICT DO NOTHING", &["a", "b"]),
        (PG, "UPDATE a SET x = b.x FROM b WHERE a.id = b.id", &["a", "b"]),
        (PG, "WITH RECURSIVE a AS (SELECT 1) (SELECT * FROM b) ORDER BY x, b", &["b"]),
        (MY, "DELETE a FROM a JOIN b ON a.x = b.x", &["a", "b"]),
        (LITE, "SELECT a IN b FROM c", &["b", "c"]),
        (LITE, "WITH users AS (SELECT 1) DELETE FROM users", &["users"]),
        (PG, "DROP TABLE a, b.c", &["a", "b.c"]),
        (PG, "CREATE TABLE a PARTITION OF b FOR VALUES IN (1)", &["a", "b"]),
        (PG, "CREATE VIEW a AS SELECT * FROM b", &["a", "b"]),
    ];
    for (dialect, text, expected) in cases {
        let facts = inspect(*dialect, text);
        assert_eq!(facts.tables(), *expected, "{text}: {:?}", facts.obstacle());
    }
}

#[test]
fn bound_on_rows_is_that_of_the_outermost_query() {
    let cases: &[(&str, Option<u64>)] = &[
        ("SELECT * FROM t LIMIT 10", Some(10)),
        ("SELECT * FROM t LIMIT 10 OFFSET 5", Some(10)),
        ("SELECT * FROM t FETCH FIRST 3 ROWS ONLY", Some(3)),
        ("SELECT * FROM t FETCH FIRST ROW ONLY", Some(1)),
        ("SELECT * FROM t FETCH FIRST 3 ROWS WITH TIES", None),
        ("SELECT * FROM t LIMIT ALL", None),
        ("SELECT * FROM t LIMIT 5 + 5", None),
        ("SELECT * FROM t LIMIT $1", None),
        ("SELECT * FROM (SELECT * FROM t LIMIT 10) x", None),
        ("SELECT * FROM t WHERE id IN (SELECT id FROM x LIMIT 10)", None),
        ("SELECT 1 UNION SELECT 2 LIMIT 4", Some(4)),
        ("WITH a AS (SELECT 1 LIMIT 1) SELECT * FROM a", None),
        ("SELECT 1 LIMIT 1; SELECT 2 LIMIT 1", None),
        ("DELETE FROM t WHERE id IN (SELECT id FROM x LIMIT 10)", None),
        ("INSERT INTO t SELECT * FROM x LIMIT 10", None),
        ("EXPLAIN SELECT 1 LIMIT 1", None),
    ];
    for (text, expected) in cases {
        let facts = inspect(PG, text);
        assert_eq!(facts.bounded_read(), *expected, "{text}: {:?}", facts.obstacle());
    }
    assert_eq!(inspect(MY, "SELECT * FROM t LIMIT 5, 10").bounded_read(), Some(10));
}

#[test]
fn credentials_are_seen() {
    for (dialect, text) in [
        (PG, "SELECT * FROM pg_authid"),
        (PG, "TABLE pg_catalog.\"pg_shadow\""),
        (PG, "SELECT 1 WHERE EXISTS (SELECT rolpassword FROM PG_AUTHID)"),
        (PG, "COPY pg_user_mappings TO STDOUT"),
        (PG, "SELECT subconninfo FROM pg_subscription LIMIT 1"),
        (PG, "SELECT * FROM information_schema.user_mapping_options"),
        (PG, "UPDATE pg_authid SET rolpassword = NULL WHERE oid = 1"),
        (PG, "ALTER ROLE ana PASSWORD 'x'"),
        (PG, "CREATE USER ana WITH ENCRYPTED PASSWORD 'x'"),
        (PG, "CREATE USER MAPPING FOR ana SERVER s OPTIONS (user 'u', password 'x')"),
        (PG, "SELECT 1; SELECT * FROM pg_authid"),
        (MY, "SELECT user FROM mysql.user"),
        (MY, "SELECT user FROM `MySQL`.`User`"),
        (MY, "SELECT * FROM mysql.global_priv"),
        (MY, "SHOW GRANTS FOR ana"),
        (MY, "SHOW CREATE USER ana"),
        (MY, "CREATE OR REPLACE USER ana IDENTIFIED BY 'x'"),
        (MY, "GRANT ALL ON *.* TO ana IDENTIFIED BY 'x'"),
        (MY, "SET PASSWORD FOR ana = 'x'"),
        (Dialect::Generic, "SELECT * FROM pg_shadow"),
        (Dialect::Generic, "SELECT * FROM mysql.user"),
    ] {
        let facts = inspect(dialect, text);
        assert_eq!(facts.secrets(), Some(true), "{dialect}: {text}: {:?}", facts.obstacle());
    }
    for (dialect, text) in [
        (PG, "SELECT password FROM app_users"),
        (PG, "SELECT rolname FROM pg_roles"),
        (PG, "CREATE TABLE t (password text)"),
        (PG, "WITH pg_authid AS (SELECT 1) SELECT * FROM pg_authid"),
        (MY, "SELECT * FROM user"),
        (MY, "SELECT * FROM shop.user"),
        (MY, "SHOW CREATE TABLE t"),
        (LITE, "SELECT * FROM pg_authid"),
    ] {
        let facts = inspect(dialect, text);
        assert_eq!(facts.secrets(), Some(false), "{dialect}: {text}: {:?}", facts.obstacle());
    }
}

#[test]
fn payload_that_is_not_understood_states_only_that() {
    let facts = inspect(PG, "SELECT evil()");
    assert_eq!(facts.obstacle(), Some(&Obstacle::Name("evil".to_owned())));
    assert_eq!(facts.attributes().len(), 1);
    assert_eq!(
        (facts.effect(), facts.unbounded_write(), facts.locks(), facts.multi()),
        (None, None, None, None)
    );
    assert!(facts.tables().is_empty() && facts.kinds().is_empty() && facts.functions().is_empty());
}

#[test]
fn attributes_are_the_members() {
    let facts = inspect(PG, "SELECT lower(a) FROM t LIMIT 1");
    let attributes = facts.attributes();
    let names: Vec<_> = attributes.iter().map(|(name, _)| name).collect();
    assert_eq!(names, MEMBERS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    assert_eq!(facts.functions(), ["lower"]);
}

#[test]
fn obstacles_say_what_was_found() {
    let long = format!("SELECT '{}'", "x".repeat(20_000));
    let cases: &[(&str, &str)] = &[
        ("SELECT evil()", "`evil` is not known to be harmless"),
        ("SELECT 1 FROM", "the statement does not parse"),
        ("CALL p()", "this kind of statement is not judged"),
        (&long, "size in bytes 20009 exceeds the limit of 16384"),
        ("SELECT '\u{202e}'", "a hidden or direction-changing character"),
    ];
    for (text, expected) in cases {
        assert_eq!(inspect(PG, text).obstacle().map(ToString::to_string).as_deref(), Some(*expected));
    }
}
