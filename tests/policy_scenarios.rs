//! What approval systems in use do, as policies with cases and no code: each document of `tests/scenarios/policy`
//! loads without a finding, or is refused as it says, and its cases hold.

#![cfg(all(feature = "sql", feature = "toml", feature = "tz"))]
#![allow(clippy::disallowed_methods, reason = "a test reads the files that it is about")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use countersign::{Policy, PolicyError, testing};

const POLICIES: &str = "tests/scenarios/policy";

fn entries(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The documents of a scenario: a file, or all files of a folder.
fn documents(path: &Path) -> Vec<(String, String)> {
    let files = if path.is_dir() { entries(path) } else { vec![path.to_owned()] };
    let name = |file: &PathBuf| file.file_name().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|file| (name(file), std::fs::read_to_string(file).unwrap())).collect()
}

fn load(documents: &[(String, String)]) -> Result<Policy, PolicyError> {
    Policy::from_documents(documents.iter().map(|(name, text)| (name.as_str(), text.as_str())))
}

#[test]
fn every_scenario_comes_out_as_its_cases_say() {
    let mut cases = 0;
    for path in entries(POLICIES) {
        let documents = documents(&path);
        let first = documents.first().and_then(|(_, text)| text.lines().next()).unwrap_or_default();
        if let Some(refused) = first.strip_prefix("# refused: ") {
            let error = load(&documents).unwrap_err();
            let told: Vec<String> = error
                .faults()
                .map(|fault| format!("{}:{} {}", fault.line(), fault.column(), fault.message()))
                .collect();
            assert_eq!(told, [refused], "{}", path.display());
            continue;
        }
        let policy = load(&documents).unwrap_or_else(|error| panic!("{error}"));
        let findings: Vec<String> = policy.warnings().map(ToString::to_string).collect();
        assert!(findings.is_empty(), "{}: {findings:?}", path.display());
        match testing::check(&policy) {
            Ok(0) => panic!("{}: a scenario without cases shows nothing", path.display()),
            Ok(count) => cases += count,
            Err(failures) => {
                let told: Vec<String> = failures.iter().map(ToString::to_string).collect();
                panic!("{}:\n{}", path.display(), told.join("\n"));
            }
        }
        let report = testing::Suite::new(&policy).run();
        let (matched, rules) = report.coverage().rules();
        assert_eq!(matched, rules, "{}: a rule that no case matches", path.display());
    }
    assert!(cases >= 150, "{cases}");
}

#[test]
fn every_rule_of_a_scenario_says_what_happens() {
    for path in entries(POLICIES) {
        for (name, text) in documents(&path) {
            for kind in ["zone", "review", "emergency", "forbid", "hold", "risk"] {
                let head = format!("\n[[{kind}]]\n");
                let rules = text.split(head.as_str()).skip(1);
                for rule in rules.map(|rest| rest.split("\n[").next().unwrap()) {
                    assert!(rule.contains("\nbecause = \""), "{name}: {rule}");
                }
            }
        }
    }
}

#[test]
fn every_number_of_the_collection_is_shown_or_explained() {
    let files = entries(POLICIES).into_iter().chain(entries("tests/scenarios/review"));
    let shown: BTreeSet<String> = files
        .filter_map(|path| path.file_name()?.to_str()?.split_once('-').map(|(number, _)| number.to_owned()))
        .collect();
    let decisions = std::fs::read_to_string("docs/decisions.md").unwrap();
    let (_, section) = decisions.split_once("\n## Scenarios\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let numbers = std::fs::read_to_string("tests/scenarios/numbers.txt").unwrap();
    for number in numbers.lines() {
        let explained = section.contains(&format!("**{}", number.to_uppercase()));
        assert!(shown.contains(number) || explained, "{number} is neither shown nor explained");
    }
    assert_eq!(numbers.lines().count(), 43);
    let known: BTreeSet<&str> = numbers.lines().collect();
    let stray = shown.iter().filter(|name| name.starts_with('s')).find(|name| !known.contains(name.as_str()));
    assert_eq!(stray, None, "a number that is not in the collection");
}
