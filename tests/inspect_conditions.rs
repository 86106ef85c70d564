//! Which WHERE bounds a write.

use countersign::Dialect;
use countersign::inspect::sql::inspect;

const PG: Dialect = Dialect::PostgreSql;
const MY: Dialect = Dialect::MySql;
const LITE: Dialect = Dialect::Sqlite;

#[test]
fn unbounded_writes_are_seen() {
    for condition in [
        "",
        "WHERE true",
        "WHERE 1=1",
        "WHERE (((1=1)))",
        "WHERE NOT false",
        "WHERE id = id",
        "WHERE t.id = id",
        "WHERE id >= id",
        "WHERE a = 1 OR true",
        "WHERE a = 1 OR 1 = 1",
        "WHERE a = 1 OR a <> 1",
        "WHERE a = 1 OR NOT a = 1",
        "WHERE NOT (1 = 2)",
        "WHERE a IS NULL OR a IS NOT NULL",
        "WHERE a < 5 OR a >= 5",
        "WHERE a > 3 OR a < 9",
        "WHERE a <> 1 OR a <> 2",
        "WHERE 'x' = 'x'",
        "WHERE 1",
        "WHERE 'a' LIKE '%'",
        "WHERE name LIKE '%'",
        "WHERE 2 > 1 AND 3 > 2",
        "WHERE 1 IN (1, 2)",
        "WHERE id IN (id)",
        "WHERE id BETWEEN id AND id",
        "WHERE EXISTS (SELECT 1)",
        "WHERE EXISTS (SELECT 1 FROM x WHERE x.a = 1)",
        "WHERE CASE WHEN true THEN true ELSE a = 1 END",
        "WHERE (a = a) IS TRUE",
        "WHERE coalesce(1, 2) = 1",
        "WHERE 1 = 1 -- AND id = 7",
        "WHERE (a = 1) IS NOT NULL",
        "WHERE length('x') = 1",
        "WHERE a IS NOT DISTINCT FROM a",
    ] {
        let text = format!("DELETE FROM t {condition}");
        let facts = inspect(PG, &text);
        assert_eq!(facts.unbounded_write(), Some(true), "{text}: {:?}", facts.obstacle());
        let text = format!("UPDATE t SET b = 1 {condition}");
        assert_eq!(inspect(PG, &text).unbounded_write(), Some(true), "{text}");
    }
    for text in [
        "DELETE FROM t LIMIT 10",
        "DELETE FROM t WHERE a || 1",
        "DELETE FROM t WHERE \"a\" = 'a'",
        "DELETE a FROM t a JOIN b ON a.x = b.x",
    ] {
        assert_eq!(inspect(MY, text).unbounded_write(), Some(true), "{text}");
    }
    for text in [
        "DELETE FROM t WHERE \"a\" = 'a'",
        "DELETE FROM t WHERE \"1\"",
        "DELETE FROM t WHERE 1 IS 1",
        "WITH t AS (SELECT 1) DELETE FROM t",
    ] {
        assert_eq!(inspect(LITE, text).unbounded_write(), Some(true), "{text}");
    }
    assert_eq!(inspect(PG, "WITH x AS (DELETE FROM t RETURNING 1) SELECT 1").unbounded_write(), Some(true));
    assert_eq!(
        inspect(PG, "MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE").unbounded_write(),
        Some(true)
    );
    assert_eq!(inspect(PG, "TRUNCATE t").unbounded_write(), Some(true));
}

#[test]
fn bounded_writes_raise_no_alarm() {
    for condition in [
        "id = 7",
        "id = $1",
        "a = 1 AND true",
        "1 = 1 AND id = 7",
        "a = 1 OR b = 2",
        "id IN (1, 2)",
        "id IN (SELECT id FROM x)",
        "a BETWEEN 1 AND 2",
        "a > 9 OR a < 3",
        "a = b",
        "name LIKE 'x%'",
        "a IS NULL",
        "NOT a = 1",
        "created < now() - interval '1 day'",
        "EXISTS (SELECT 1 FROM x WHERE x.a = t.a)",
        "year = 2026",
        "date < '2026-01-01'",
        "CURRENT OF c",
        "a = 1 OR a = 2",
        "CASE WHEN a = 1 THEN true ELSE false END",
    ] {
        let text = format!("DELETE FROM t WHERE {condition}");
        let facts = inspect(PG, &text);
        assert_eq!(facts.unbounded_write(), Some(false), "{text}: {:?}", facts.obstacle());
    }
}
