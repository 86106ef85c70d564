//! The command inspector against labelled commands.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use countersign::inspect::command::{CommandEffect, CommandFacts, inspect};
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    command: Command,
    label: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Command {
    Argv(Vec<String>),
    Shell(String),
}

const FILES: [&str; 3] = [
    include_str!("data/commands/labelled.jsonl"),
    include_str!("data/commands/own.jsonl"),
    include_str!("data/commands/later.jsonl"),
];

/// The rows of a file with what each is called; a shell string runs as `sh -c` would run it.
fn rows(file: &str) -> Vec<(String, String, CommandFacts)> {
    let rows = file.lines().map(|line| serde_json::from_str::<Row>(line).unwrap());
    rows.map(|row| {
        let words = match row.command {
            Command::Argv(words) => words,
            Command::Shell(text) => vec!["sh".to_owned(), "-c".to_owned(), text],
        };
        (row.label, words.join(" "), inspect(&words))
    })
    .collect()
}

/// The label's place among the effects; what is not understood stands above all.
fn rank(label: &str) -> usize {
    ["read", "write", "destructive", "privilege", "unknown"].iter().position(|name| *name == label).unwrap()
}

#[test]
fn no_other_command_is_called_a_read() {
    for (label, line, facts) in FILES.iter().flat_map(|file| rows(file)) {
        assert!(label == "read" || facts.effect() != Some(CommandEffect::Read), "{label}: {line}");
    }
}

#[test]
fn what_is_labelled_unknown_is_at_least_not_a_mere_write() {
    for (label, line, facts) in FILES.iter().flat_map(|file| rows(file)) {
        let found = facts.effect().map_or("unknown", CommandEffect::as_str);
        assert!(label == "read" || rank(found) > 0, "{label}, called {found}: {line}");
    }
}

#[test]
fn most_reads_are_called_reads() {
    for file in FILES {
        let rows = rows(file);
        let reads: Vec<_> = rows.iter().filter(|(label, ..)| label == "read").collect();
        let missed: Vec<_> =
            reads.iter().filter(|(_, _, facts)| facts.effect() != Some(CommandEffect::Read)).collect();
        let lines: Vec<_> =
            missed.iter().map(|(_, line, facts)| (line, facts.obstacle(), facts.effect())).collect();
        println!("{} of {}: {lines:#?}", reads.len() - missed.len(), reads.len());
        assert!(missed.len() * 100 <= reads.len() * 5, "{lines:#?}");
    }
}
