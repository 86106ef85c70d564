//! The SQL inspector answers every text on a small stack, in a debug build too.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use countersign::Dialect;
use countersign::inspect::sql::inspect;

const STACK: usize = 512 * 1024;
const DIALECTS: [Dialect; 4] = [Dialect::PostgreSql, Dialect::MySql, Dialect::Sqlite, Dialect::Generic];

/// Inspects on a thread with a small stack, so that an overflow fails the run.
fn on_small_stack(texts: Vec<String>) {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || {
        for text in &texts {
            for dialect in DIALECTS {
                let _ = inspect(dialect, text).understood();
            }
        }
    });
    thread.unwrap().join().unwrap();
}

/// `open` and `close` around `core`, 1, 2, 3, … times, past every bound.
fn nested(open: &str, core: &str, close: &str) -> Vec<String> {
    (1..60)
        .chain([100, 1_000])
        .map(|depth| format!("{}{core}{}", open.repeat(depth), close.repeat(depth)))
        .collect()
}

#[test]
fn nested_expressions_fit_a_small_stack() {
    for (open, close) in [
        ("(", ")"),
        ("-", ""),
        ("- (", ")"),
        ("NOT ", ""),
        ("NOT (", ")"),
        ("abs(", ")"),
        ("coalesce(1, ", ")"),
        ("CASE WHEN ", " THEN 1 END"),
        ("CASE ", " WHEN 1 THEN 1 END"),
        ("CASE WHEN 1 THEN ", " ELSE 2 END"),
        ("CAST(", " AS text)"),
        ("ARRAY[", "]"),
        ("a[", "]"),
        ("1 IN (", ")"),
        ("EXISTS (SELECT ", ")"),
        ("(SELECT ", ")"),
        ("1 + (SELECT 1 WHERE ", ")"),
        ("interval ", ""),
        ("interval (", ")"),
        ("row(", ")"),
        ("x BETWEEN 1 AND ", ""),
        ("a LIKE ", ""),
        ("a = ANY (", ")"),
        ("extract(year FROM ", ")"),
        ("substring(", " FROM 1)"),
        ("trim(", ")"),
        ("position(", " IN 'a')"),
        ("a AND (b OR ", ")"),
        ("count(*) FILTER (WHERE ", ")"),
        ("sum(1) OVER (PARTITION BY ", ")"),
    ] {
        on_small_stack(nested(open, "1", close).into_iter().map(|text| format!("SELECT {text}")).collect());
        on_small_stack(
            nested(open, "1", close).into_iter().map(|text| format!("DELETE FROM t WHERE {text}")).collect(),
        );
    }
}

#[test]
fn nested_queries_and_sources_fit_a_small_stack() {
    for (open, core, close) in [
        ("(", "SELECT 1", ")"),
        ("SELECT * FROM (", "SELECT 1", ") a"),
        ("SELECT * FROM a JOIN (", "SELECT 1", ") b ON true"),
        ("WITH a AS (", "SELECT 1", ") SELECT 1"),
        ("EXPLAIN ", "SELECT 1", ""),
        ("EXPLAIN ANALYZE ", "SELECT 1", ""),
        ("PREPARE a AS ", "SELECT 1", ""),
        ("SELECT 1 UNION (", "SELECT 1", ")"),
        ("INSERT INTO t ", "SELECT 1", ""),
        ("BEGIN ", "SELECT 1; ", "END; "),
        ("IF true THEN ", "SELECT 1; ", "END IF; "),
        ("CREATE VIEW v AS ", "SELECT 1", ""),
    ] {
        on_small_stack(nested(open, core, close));
    }
    for (open, close) in
        [("(", ")"), ("(a JOIN ", " ON true)"), ("a JOIN ", " ON true"), ("LATERAL (", ")"), ("a, (", ")")]
    {
        on_small_stack(
            nested(open, "b", close).into_iter().map(|text| format!("SELECT 1 FROM {text}")).collect(),
        );
    }
    for (open, close) in
        [("int", "[]"), ("ARRAY<", ">"), ("STRUCT<a ", ">"), ("SETOF ", ""), ("Nullable(", ")")]
    {
        on_small_stack(
            nested(open, "int", close).into_iter().map(|text| format!("SELECT a::{text}")).collect(),
        );
        on_small_stack(
            nested(open, "int", close).into_iter().map(|text| format!("CREATE TABLE t (a {text})")).collect(),
        );
    }
}

#[test]
fn chains_fit_a_small_stack() {
    for link in [
        "+ 1",
        "|| 'a'",
        "AND true",
        "OR a = 1",
        "::text",
        "IS NULL",
        "COLLATE c",
        "[1]",
        ".b",
        "-> 'a'",
        "LIKE 'a'",
        "BETWEEN 1 AND 2",
        "IN (1)",
        "AT TIME ZONE 'x'",
        "ISNULL",
        "NOTNULL",
        "GLOB 'a'",
        "REGEXP 'a'",
        "MATCH 'a'",
        ", 1",
        "OPERATOR(pg_catalog.+) 1",
        "UNION SELECT 1",
        "EXCEPT SELECT 1",
        "= ANY (b)",
        "DIV 2",
        "XOR 1",
        "MEMBER OF (b)",
    ] {
        for count in (10..200).step_by(10).chain([500, 1_000, 4_000]) {
            on_small_stack(vec![format!("SELECT a {}", format!("{link} ").repeat(count))]);
        }
    }
    for link in
        ["JOIN t", "JOIN t ON true", ", t", "NATURAL JOIN t", "CROSS JOIN t", "LEFT JOIN t USING (a)", "AS b"]
    {
        for count in [10, 50, 100, 200, 1_000] {
            on_small_stack(vec![format!("SELECT 1 FROM t {}", format!("{link} ").repeat(count))]);
        }
    }
}

#[test]
fn nested_chains_fit_a_small_stack() {
    for depth in [4, 8, 12, 16, 20, 24] {
        for width in [1, 2, 5, 10, 20, 40] {
            let open = format!("({}", "1 + ".repeat(width));
            let tail = format!("SELECT {}1{}", open.repeat(depth), ")".repeat(depth));
            let head = format!("{})", " + 1".repeat(width));
            let left = format!("SELECT {}1{}", "(".repeat(depth), head.repeat(depth));
            let query = format!("(SELECT 1 WHERE {}", "a AND ".repeat(width));
            let query = format!("SELECT {}a{}", query.repeat(depth), ")".repeat(depth));
            on_small_stack(vec![tail, left, query]);
        }
    }
}

#[test]
fn one_word_repeated_is_answered_quickly() {
    for word in [
        "SELECT",
        "(",
        "((",
        "CASE",
        "NOT",
        "INTERVAL",
        "EXPLAIN",
        "WITH",
        "JOIN",
        "FROM (",
        "ARRAY[",
        "CAST(",
        "-",
        "~",
        "BEGIN",
        "IF",
        "PREPARE a AS",
        "ON",
        "VALUES (",
        "CREATE",
        "a(",
        "x AS (",
        "DISTINCT",
        "EXISTS(",
        "ANY(",
        "ROW(",
        "LATERAL",
        "TABLE",
        "UNION",
        "SET",
        "DECLARE",
        "PRIOR",
        "CONNECT BY",
        "ROLLUP(",
        "GROUPING SETS(",
        "OVER (",
        "[",
        "{",
        "'a'",
        "E'a'",
        "$1",
        "?",
        ":a",
        "@a",
        "a.",
        "a::",
        "a,",
        ";",
        "IN (",
        "TRIM(",
        "STRUCT(",
        "STRUCT<",
        "MAP{",
        "LIMIT",
    ] {
        on_small_stack(vec![
            word.repeat(200),
            format!("{word} ").repeat(200),
            format!("SELECT {}", format!("{word} ").repeat(60)),
        ]);
    }
}
