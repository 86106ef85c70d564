//! Properties of the command inspector, over words that nobody chose, on a small stack.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use countersign::inspect::command::{CommandEffect, CommandFacts, inspect};
use proptest::prelude::*;

/// Programs behind whose first operand nothing is a flag.
const PLAIN: [&str; 8] = ["[", "echo", "false", "ip", "printf", "redis-cli", "test", "true"];

/// Flags that choose what is done, so that the same words without them do something else.
const CHOICES: [&str; 22] = [
    "--list",
    "-l",
    "-r",
    "-D",
    "-0",
    "-c",
    "-e",
    "-p",
    "-V",
    "-v",
    "-b",
    "-t",
    "-Z",
    "-tf",
    "--version",
    "-version",
    "--get",
    "-check",
    "--scan",
    "--stat",
    "--latency",
    "--stdio",
];

/// All labelled commands.
fn commands() -> Vec<Vec<String>> {
    let files = [
        include_str!("data/commands/labelled.jsonl"),
        include_str!("data/commands/own.jsonl"),
        include_str!("data/commands/later.jsonl"),
        include_str!("data/commands/hostile.jsonl"),
    ];
    let rows = files.iter().flat_map(|file| file.lines());
    let rows = rows.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    rows.filter_map(|row| serde_json::from_value(row["command"].clone()).ok()).collect()
}

/// The effect, with what is not understood above all.
fn rank(facts: &CommandFacts) -> (bool, Option<CommandEffect>) {
    (!facts.understood(), facts.effect())
}

fn command() -> impl Strategy<Value = Vec<String>> {
    prop::sample::select(commands())
}

/// A command that is understood.
fn known() -> impl Strategy<Value = Vec<String>> {
    let known = commands().into_iter().filter(|words| inspect(words).understood());
    prop::sample::select(known.collect::<Vec<_>>())
}

/// A word that stands in some labelled command.
fn word() -> impl Strategy<Value = String> {
    prop::sample::select(commands().concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn any_words_get_an_answer(words in prop::collection::vec(any::<String>(), 0..12)) {
        let facts = inspect(&words);
        prop_assert_eq!(facts.understood(), facts.obstacle().is_none());
    }

    #[test]
    fn known_words_in_any_order_get_an_answer(words in prop::collection::vec(word(), 1..12)) {
        let facts = inspect(&words);
        prop_assert_eq!(facts.understood(), facts.effect().is_some());
        prop_assert_eq!(&facts, &inspect(&words));
        prop_assert!(facts.targets().is_sorted());
    }

    #[test]
    fn unknown_flag_anywhere_is_never_read(words in command(), at in any::<prop::sample::Index>(), flag in "--zz[a-z]{1,8}(=[a-z]{0,3})?") {
        let program = words[0].rsplit('/').next().unwrap();
        let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
        prop_assume!(!PLAIN.contains(&program));
        let mut more = words.clone();
        more.insert(1 + at.index(end), flag);
        prop_assert_ne!(inspect(&more).effect(), Some(CommandEffect::Read), "{:?}", more);
    }

    #[test]
    fn appended_word_never_lowers_the_effect(words in known(), word in word()) {
        let before = inspect(&words);
        prop_assume!(!CHOICES.contains(&word.as_str()));
        let mut more = words.clone();
        more.push(word);
        let after = inspect(&more);
        prop_assert!(rank(&after) >= rank(&before), "{:?}: {:?} {:?}", more, rank(&before), rank(&after));
        prop_assert!(after.secrets().is_none_or(|secrets| secrets || before.secrets() == Some(false)), "{:?}", more);
    }

    #[test]
    fn repeated_word_never_lowers_the_effect(words in known(), at in any::<prop::sample::Index>()) {
        let before = inspect(&words);
        let mut more = words.clone();
        more.push(words[at.index(words.len())].clone());
        prop_assert!(rank(&inspect(&more)) >= rank(&before), "{:?}", more);
    }

    #[test]
    fn another_name_of_the_program_is_never_read(words in command(), prefix in "(\\./|/tmp/|\\.\\./bin/|/usr/bin/\\.\\./|/opt/|A=b |bin/|/bin//|/usr/bin/env )") {
        let mut more = words;
        more[0].insert_str(0, &prefix);
        prop_assert!(!inspect(&more).understood());
    }
}

#[test]
fn cut_off_flag_is_accepted_only_where_it_is_another_flag() {
    let mut accepted = Vec::new();
    for words in commands() {
        let before = rank(&inspect(&words));
        for at in 1..words.len() {
            let name = words[at].split('=').next().unwrap();
            for keep in (3..name.len()).filter(|_| name.starts_with("--")) {
                let mut more = words.clone();
                more[at].truncate(keep);
                if rank(&inspect(&more)) < before {
                    accepted.push(format!("{} {} for {name}", words[0], more[at]));
                }
            }
        }
    }
    accepted.sort_unstable();
    accepted.dedup();
    assert_eq!(accepted, ["curl --data for --data-urlencod", "git --text for --textconv"]);
}

#[test]
fn large_commands_fit_a_small_stack() {
    let words = ["-", "--", "-n", "a", "--name=x", "(", "kubectl", "get", "-c", "1", ",", ";", "-#", "=", ""];
    let programs =
        ["kubectl", "git", "find", "ps", "awk", "sed", "psql", "sqlite3", "redis-cli", "aws", "ip", "tar"];
    let run = move || {
        for program in programs {
            for word in words {
                for count in [1, 16, 255, 300] {
                    let mut command = vec![program.to_owned()];
                    command.extend(vec![word.to_owned(); count]);
                    let facts = inspect(&command);
                    assert!(count < 300 || !facts.understood());
                    command.push(word.repeat(2_000));
                    let _ = inspect(&command).understood();
                }
            }
            for text in ["(", "{", "/", "\"", "s/", "a(", "\\", ";", "../", "x=", "-"] {
                let _ = inspect(&[program, &text.repeat(8_000)]).understood();
                let _ = inspect(&[program, "-c", &text.repeat(8_000)]).understood();
                let _ = inspect(&[program, "-e", &text.repeat(8_000), "a"]).understood();
            }
        }
    };
    std::thread::Builder::new().stack_size(512 * 1024).spawn(run).unwrap().join().unwrap();
}
