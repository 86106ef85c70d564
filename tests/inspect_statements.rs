//! The SQL inspector against statements that real servers have labelled.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use countersign::Dialect;
use countersign::inspect::sql::{SqlEffect, SqlFacts, inspect};
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    dialect: String,
    sql: String,
    label: String,
    missing_where: Option<bool>,
    schema_dependent: bool,
}

/// All rows with their facts.
fn rows() -> Vec<(Row, SqlFacts)> {
    let lines = include_str!("data/sql/statements.jsonl").lines();
    let rows = lines.map(|line| serde_json::from_str::<Row>(line).unwrap());
    rows.map(|row| {
        let facts = inspect(Dialect::from_name(&row.dialect).unwrap(), &row.sql);
        (row, facts)
    })
    .collect()
}

/// The label's place among the effects; `unknown` stands above all.
fn rank(label: &str) -> usize {
    let order = ["read", "session", "write", "ddl", "privilege", "admin", "unknown"];
    order.iter().position(|name| *name == label).unwrap()
}

#[test]
fn no_other_statement_is_called_a_read() {
    for (row, facts) in rows().iter().filter(|(row, _)| row.label != "read" && !row.schema_dependent) {
        assert_ne!(facts.effect(), Some(SqlEffect::Read), "{}: {}", row.label, row.sql);
    }
}

#[test]
fn effect_is_never_below_the_label() {
    for (row, facts) in rows().iter().filter(|(row, _)| row.label != "unknown" && !row.schema_dependent) {
        if let Some(effect) = facts.effect() {
            assert!(
                rank(effect.as_str()) >= rank(&row.label),
                "{} called {effect:?}: {}",
                row.label,
                row.sql
            );
        }
    }
}

#[test]
fn false_alarms_stay_below_their_ceilings() {
    let rows = rows();
    for (dialect, ceiling) in [("postgresql", 2), ("sqlite", 2), ("mariadb", 4)] {
        let reads: Vec<_> =
            rows.iter().filter(|(row, _)| row.dialect == dialect && row.label == "read").collect();
        let alarms = reads.iter().filter(|(_, facts)| facts.effect() != Some(SqlEffect::Read)).count();
        assert!(!reads.is_empty());
        assert!(alarms * 100 <= reads.len() * ceiling, "{dialect}: {alarms} of {}", reads.len());
    }
}

#[test]
fn missing_where_is_never_missed() {
    for (row, facts) in rows().iter().filter(|(row, _)| row.missing_where == Some(true)) {
        assert_ne!(facts.unbounded_write(), Some(false), "{}", row.sql);
    }
}

#[test]
fn where_that_narrows_is_no_alarm() {
    let rows = rows();
    let bounded = rows.iter().filter(|(row, facts)| row.missing_where == Some(false) && facts.understood());
    let wrong: Vec<_> = bounded
        .filter(|(_, facts)| facts.unbounded_write() != Some(false))
        .map(|(row, _)| &row.sql)
        .collect();
    // The label counts the words; the condition takes all rows or none.
    assert_eq!(wrong, ["DELETE FROM users WHERE EXISTS (SELECT 1)"]);
}

#[test]
fn generic_dialect_understands_only_what_all_understand() {
    for (row, generic) in rows().iter().map(|(row, _)| (row, inspect(Dialect::Generic, &row.sql))) {
        for dialect in [Dialect::PostgreSql, Dialect::MySql, Dialect::Sqlite] {
            let one = inspect(dialect, &row.sql);
            assert!(
                !generic.understood() || one.effect() <= generic.effect() && one.understood(),
                "{}",
                row.sql
            );
        }
    }
}
