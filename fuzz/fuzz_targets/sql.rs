//! Any text as SQL of any dialect: an answer; and a blank, a comment, another case or one more statement
//! never makes a read of what was none.

#![no_main]

use countersign::Dialect;
use countersign::inspect::sql::{SqlEffect, inspect};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, String)| {
    let (choice, text) = input;
    let dialects = [Dialect::PostgreSql, Dialect::MySql, Dialect::Sqlite, Dialect::Generic];
    let dialect = dialects[usize::from(choice) % dialects.len()];
    let rank = |text: &str| {
        let facts = inspect(dialect, text);
        (!facts.understood(), facts.effect())
    };
    let alone = rank(&text);
    assert_eq!(alone.0, alone.1.is_none());
    // What is put behind may end a text or a comment that was open, so only what was understood can be compared.
    if !alone.0 {
        assert!(rank(&format!("{text}\n;SELECT 1")) >= alone || dialect == Dialect::MySql, "another statement");
        assert!(rank(&format!(" \t\n{text}")) >= alone, "blanks");
        assert!(rank(&format!("/* a */{text}")) >= alone, "a comment");
        assert!(rank(&format!("SELECT 1;{text}")) >= alone, "a statement before");
        if dialect == Dialect::Generic {
            for one in &dialects[..3] {
                assert!(inspect(*one, &text).effect() <= alone.1, "generic is the most of all");
            }
        }
    }
    if alone.1 != Some(SqlEffect::Read) && text.is_ascii() && !text.contains(['\'', '"', '`', '$', '[', '\\']) {
        assert_ne!(rank(&text.to_ascii_uppercase()).1, Some(SqlEffect::Read), "upper case");
        assert_ne!(rank(&text.to_ascii_lowercase()).1, Some(SqlEffect::Read), "lower case");
    }
});
