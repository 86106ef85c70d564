//! Any words, one a line, as a command: an answer on a small stack's worth of calls, the same one each time;
//! a flag that no table knows is never read.

#![no_main]

use countersign::inspect::command::{CommandEffect, inspect};
use libfuzzer_sys::fuzz_target;

const UNKNOWN: &str = "--zz-not-a-flag";

fuzz_target!(|text: &str| {
    let words: Vec<&str> = text.split('\n').collect();
    let facts = inspect(&words);
    assert_eq!(facts, inspect(&words));
    assert_eq!(facts.understood(), facts.obstacle().is_none());
    assert!(facts.targets().is_sorted());
    let program = words[0].rsplit('/').next().unwrap_or_default();
    // Behind `--`, and behind the first operand of these programs, nothing is a flag.
    if ["[", "echo", "false", "ip", "printf", "redis-cli", "test", "true"].contains(&program) {
        return;
    }
    let end = words.iter().position(|word| *word == "--").unwrap_or(words.len());
    for at in 1..=end.min(12) {
        let mut more = words.clone();
        more.insert(at, UNKNOWN);
        assert_ne!(inspect(&more).effect(), Some(CommandEffect::Read), "{more:?}");
    }
});
