//! Properties of the SQL inspector, over texts that nobody chose.

use countersign::Dialect;
use countersign::inspect::sql::{SqlEffect, inspect};
use proptest::prelude::*;

const STATEMENTS: [&str; 24] = [
    "SELECT 1",
    "SELECT * FROM t WHERE a = 1 LIMIT 5",
    "SELECT evil()",
    "SELECT a FROM t FOR UPDATE",
    "SELECT * INTO x FROM t",
    "WITH x AS (DELETE FROM t RETURNING a) SELECT * FROM x",
    "DELETE FROM t",
    "DELETE FROM t WHERE id = 1",
    "UPDATE t SET a = 1 WHERE id = 2",
    "INSERT INTO t (a) VALUES (1)",
    "EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE DELETE FROM t",
    "CREATE TABLE t (a int)",
    "DROP TABLE t",
    "TRUNCATE t",
    "GRANT SELECT ON t TO x",
    "SET x = 1",
    "SET ROLE x",
    "BEGIN",
    "COMMIT",
    "VACUUM",
    "PRAGMA x",
    "SELECT nextval(a) FROM t",
    "KILL 1",
];

const WORDS: [&str; 64] = [
    "SELECT", "FROM", "WHERE", "t", "a", "1", "'x'", "(", ")", ",", ";", "*", "=", "AND", "OR", "NOT",
    "INSERT", "INTO", "UPDATE", "SET", "DELETE", "WITH", "AS", "UNION", "ORDER", "BY", "LIMIT", "FOR",
    "SHARE", "JOIN", "ON", "USING", "CASE", "WHEN", "THEN", "END", "IN", "BETWEEN", "LIKE", "IS", "NULL",
    "::", "[", "]", ".", "\"q\"", "`q`", "lower", "evil", "nextval", "EXPLAIN", "ANALYZE", "CREATE", "TABLE",
    "DROP", "GROUP", "HAVING", "VALUES", "COPY", "TO", "STDOUT", "--", "/*", "*/",
];

fn dialects() -> impl Strategy<Value = Dialect> {
    prop::sample::select(vec![Dialect::PostgreSql, Dialect::MySql, Dialect::Sqlite, Dialect::Generic])
}

/// The effect, with what is not understood above all.
fn rank(dialect: Dialect, text: &str) -> (bool, Option<SqlEffect>) {
    let facts = inspect(dialect, text);
    (!facts.understood(), facts.effect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_get_an_answer(dialect in dialects(), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let facts = inspect(dialect, &String::from_utf8_lossy(&bytes));
        prop_assert_eq!(facts.understood(), facts.obstacle().is_none());
    }

    #[test]
    fn any_words_get_an_answer(dialect in dialects(), words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..60)) {
        let facts = inspect(dialect, &words.join(" "));
        prop_assert_eq!(facts.understood(), facts.effect().is_some());
    }

    #[test]
    fn added_statement_never_lowers_the_effect(
        dialect in dialects(),
        first in prop::sample::select(&STATEMENTS[..]),
        second in prop::sample::select(&STATEMENTS[..]),
    ) {
        let both = rank(dialect, &format!("{first}; {second}"));
        prop_assert!(both >= rank(dialect, first) && both >= rank(dialect, second), "{first}; {second}: {both:?}");
    }

    #[test]
    fn blanks_comments_and_case_never_move_towards_read(
        dialect in dialects(),
        statement in prop::sample::select(&STATEMENTS[..]),
        blanks in prop::collection::vec(prop::sample::select(&[" ", "\n", "\t ", "/**/", " -- x\n", "/* SELECT 1; */", "\r\n"][..]), 24),
        upper in prop::collection::vec(any::<bool>(), 24),
    ) {
        let mut text = String::new();
        for ((word, blank), flip) in statement.split(' ').zip(&blanks).zip(&upper) {
            text.push_str(blank);
            text.push_str(&if *flip { word.to_ascii_lowercase() } else { word.to_ascii_uppercase() });
        }
        prop_assert!(rank(dialect, &text) >= rank(dialect, statement), "{text:?}");
    }

    #[test]
    fn equal_texts_give_equal_facts(dialect in dialects(), statement in prop::sample::select(&STATEMENTS[..])) {
        prop_assert_eq!(inspect(dialect, statement), inspect(dialect, statement));
    }
}
