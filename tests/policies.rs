//! The shipped policies: they load, their cases hold, no rule is idle, and the request files do what
//! `policies/README.md` says.

#![cfg(all(feature = "sql", feature = "toml"))]
#![allow(clippy::disallowed_methods, reason = "a test reads the files that it is about")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "as above"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use countersign::inspect::sql;
use countersign::{
    Action, Dialect, Effect, Gate, Ledger, Outcome, Payload, Policy, ReasonCode, Request, Resource, Review,
    Risk, Stamp, Subject, Usage, Vote, VoteError, testing,
};
use proptest::prelude::*;

const DEBUGGING: &str = "policies/production-debugging.toml";
const NOW: &str = "2026-06-01T12:00:00Z";

#[test]
fn every_shipped_policy_loads_and_its_cases_hold() {
    let policies = files("policies", "toml");
    assert!(!policies.is_empty());
    let readme = read("policies/README.md");
    for path in policies {
        let policy = load(&path, &read(&path));
        let cases = check(&policy).unwrap_or_else(|failures| panic!("{failures}"));
        assert_eq!(policy.warnings().len(), 0, "{}", path.display());
        let file = path.file_name().unwrap().to_str().unwrap();
        assert!(readme.contains(&format!("]({file})")), "the README does not name {file}");
        assert!(cases >= 10, "{} has only {cases} cases", path.display());
    }
}

#[test]
fn every_rule_has_an_id_and_says_why() {
    for path in files("policies", "toml") {
        for rule in rules(&read(path)) {
            assert!(rule.text.contains("\nbecause = \""), "`{}` has no `because`", rule.id);
        }
    }
}

#[test]
fn every_rule_is_named_by_a_case() {
    for path in files("policies", "toml") {
        let text = read(&path);
        let expected: BTreeSet<&str> = text
            .lines()
            .filter(|line| line.starts_with("expect = "))
            .filter_map(|line| line.split_once("rules = [")?.1.split_once(']'))
            .flat_map(|(rules, _)| rules.split(", ").map(|id| id.trim_matches('"')))
            .collect();
        let written = rules(&text);
        assert!(written.len() >= 8, "only {} rules were found", written.len());
        for rule in written {
            assert!(expected.contains(rule.id), "no case expects `{}`", rule.id);
        }
    }
}

#[test]
fn a_case_fails_without_any_one_rule() {
    for path in files("policies", "toml") {
        let text = read(&path);
        for rule in rules(&text) {
            let without = text.replacen(rule.text, "", 1);
            assert!(check(&load(&path, &without)).is_err(), "nothing needs `{}`", rule.id);
        }
    }
}

#[test]
fn a_case_fails_where_any_one_rule_always_matches() {
    for path in files("policies", "toml") {
        let text = read(&path);
        for rule in rules(&text) {
            let start = rule.text.find("when = ").unwrap();
            let end = start + rule.text[start..].find("\nlevel").or(rule.text[start..].find('\n')).unwrap();
            let always = rule.text.replacen(&rule.text[start..end], "when = 'true'", 1);
            if always == rule.text {
                continue;
            }
            let always = text.replacen(rule.text, &always, 1);
            assert!(check(&load(&path, &always)).is_err(), "nothing bounds `{}`", rule.id);
        }
    }
}

#[test]
fn the_order_of_rules_changes_nothing() {
    let text = read(DEBUGGING);
    let written = rules(&text);
    let mut reversed = text.clone();
    for rule in &written {
        reversed = reversed.replacen(rule.text, "", 1);
    }
    for rule in written.iter().rev() {
        reversed.push_str(rule.text);
    }
    assert_ne!(reversed, text);
    check(&load(DEBUGGING, &reversed)).unwrap_or_else(|failures| panic!("{failures}"));
}

#[test]
fn request_files_do_what_the_readme_says() {
    let policy = load(DEBUGGING, &read(DEBUGGING));
    let readme = read("policies/README.md");
    let mut seen = BTreeSet::new();
    for row in readme.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [file, _, effect, risk, rules] = cells[..] else { panic!("{row}") };
        let file = file.trim_matches('`');
        let request = Request::from_trusted_json(read(format!("policies/requests/{file}"))).unwrap();
        let decision = policy.decide(&request, NOW.parse().unwrap());
        assert_eq!((decision.effect().as_str(), decision.risk().as_str()), (effect, risk), "{file}");
        let deciding: Vec<String> = decision.rules().map(|id| format!("`{id}`")).collect();
        assert!(deciding.join(", ").ends_with(rules), "{file}: {deciding:?}");
        seen.insert(PathBuf::from(format!("policies/requests/{file}")));
    }
    assert_eq!(seen, files("policies/requests", "json"));
}

#[test]
fn request_files_are_not_for_callers_to_send() {
    let policy = load(DEBUGGING, &read(DEBUGGING));
    let claimed = Request::from_caller_json(read("policies/requests/delete-orders.json")).unwrap();
    let decision = policy.decide(&claimed, NOW.parse().unwrap());
    assert_eq!(decision.effect(), Effect::Deny);
    assert_eq!(
        decision.reasons().map(|reason| reason.code()).collect::<Vec<_>>(),
        [ReasonCode::InvalidRequest]
    );

    let error = Request::from_caller_json(read("policies/requests/break-glass.json")).unwrap_err();
    assert_eq!(error.to_string(), "`context.usage` is not the caller's to state");
}

#[test]
fn delete_orders_takes_two_people_and_not_its_requester() {
    let mut desk = Desk::new();
    let Outcome::Review(review) = desk.submit("delete-orders.json") else { panic!("expected a review") };
    let (ana, bo, cy) = (person("ana"), person("bo"), person("cy"));
    assert_eq!(review.eligible([&ana, &bo, &cy]), [&bo, &cy]);

    let own = desk.vote(&review, Vote::approve(ana)).unwrap_err();
    assert!(matches!(own, VoteError::OwnRequest { .. }), "{own}");
    let stranger = Subject::new("user", "eli").with("groups", ["search"]);
    let error = desk.vote(&review, Vote::approve(stranger)).unwrap_err();
    assert!(matches!(error, VoteError::NotEligible { .. }), "{error}");

    let Ok(Outcome::Review(review)) = desk.vote(&review, Vote::approve(bo)) else { panic!("pending") };
    let outcome = desk.vote(&review, Vote::approve(cy)).unwrap();
    let Outcome::Allow(authorization) = outcome else {
        panic!("expected a grant, found {:?}", outcome.effect())
    };
    assert_eq!(authorization.decision().duration(), Some(std::time::Duration::from_secs(15 * 60)));
}

#[test]
fn a_large_vocabulary_leaves_room_for_reviews() {
    let names: String = (0..3000).map(|n| format!("name_{n} = 'action.name == \"action-{n}\"'\n")).collect();
    let text = format!(
        "format = 1\nname = 'large'\n[let]\n{names}[[review]]\nid = 'r'\nwhen = '!name_7'\n\
         approve = {{ from = 'name_8 || approver.id == \"bo\"' }}\n"
    );
    let gate = Gate::new(load("large.toml", &text), "https://jit.example");
    let mut desk = Desk { gate, ..Desk::new() };
    let Outcome::Review(review) = desk.submit("delete-orders.json") else { panic!("expected a review") };
    assert_eq!(desk.vote(&review, Vote::approve(person("bo"))).unwrap().effect(), Effect::Allow);
}

#[test]
fn a_rejection_by_a_peer_blocks_until_it_is_withdrawn() {
    let mut desk = Desk::new();
    let Outcome::Review(review) = desk.submit("delete-orders.json") else { panic!("expected a review") };
    let Ok(Outcome::Review(review)) = desk.vote(&review, Vote::reject(person("dan"))) else {
        panic!("blocked")
    };
    let Ok(Outcome::Review(review)) = desk.vote(&review, Vote::approve(person("bo"))) else {
        panic!("blocked")
    };
    let Ok(Outcome::Review(review)) = desk.vote(&review, Vote::approve(person("cy"))) else {
        panic!("blocked")
    };
    let outcome = desk.vote(&review, Vote::withdraw(person("dan"))).unwrap();
    assert_eq!(outcome.effect(), Effect::Allow);
}

#[test]
fn a_rejection_by_a_lead_ends_the_review() {
    let mut desk = Desk::new();
    let Outcome::Review(review) = desk.submit("delete-orders.json") else { panic!("expected a review") };
    let lead = Subject::new("user", "lea").with("groups", ["sre-leads"]);
    assert_eq!(desk.vote(&review, Vote::reject(lead)).unwrap().effect(), Effect::Deny);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sql_that_is_not_understood_is_never_allowed(
        text in prop_oneof![
            "\\PC{1,40}",
            "(SELECT|DELETE FROM|EXPLAIN|WITH|CALL|DO|COPY) [a-z_()*;'$-]{1,20}( LIMIT [0-9]{1,4})?",
        ],
        environment in prop::sample::select(vec!["dev", "staging", "production"]),
        role in prop::sample::select(vec!["primary", "replica"]),
        emergency: bool,
    ) {
        static POLICY: LazyLock<Policy> = LazyLock::new(|| load(DEBUGGING, &read(DEBUGGING)));
        let facts = sql::inspect(Dialect::PostgreSql, &text);
        let dee = Subject::new("user", "dee").with("groups", ["sre"]).with("on_call", true);
        let action = Action::new("sql.execute").with_payload(Payload::sql(Dialect::PostgreSql, text));
        let database = Resource::new("database", "orders")
            .with("environment", environment)
            .with("role", role)
            .with("data", "internal");
        let request = Request::new(dee, action, database).with_reason("try").with_usage(Usage::none());
        let request = if emergency { request.as_emergency() } else { request };
        let decision = POLICY.decide(&request, NOW.parse().unwrap());
        if !facts.understood() {
            prop_assert_eq!(decision.risk(), Risk::Critical);
            prop_assert_ne!(decision.effect(), Effect::Allow);
        }
    }
}

/// A gate with its ledger. Each step has the next minute.
struct Desk {
    gate: Gate,
    ledger: Ledger,
    steps: u8,
}

impl Desk {
    fn new() -> Self {
        let gate = Gate::new(load(DEBUGGING, &read(DEBUGGING)), "https://jit.example");
        Self { gate, ledger: Ledger::create("policies").unwrap(), steps: 0 }
    }

    fn stamp(&mut self) -> Stamp {
        self.steps += 1;
        let start: chrono::DateTime<chrono::Utc> = NOW.parse().unwrap();
        Stamp::new(start + chrono::TimeDelta::minutes(self.steps.into()), [self.steps; 32])
    }

    fn submit(&mut self, file: &str) -> Outcome {
        let request = Request::from_trusted_json(read(format!("policies/requests/{file}"))).unwrap();
        let stamp = self.stamp();
        self.ledger.stage(self.gate.submit(request, stamp)).unwrap().commit().unwrap()
    }

    fn vote(&mut self, review: &Review, vote: Vote) -> Result<Outcome, VoteError> {
        let stamp = self.stamp();
        self.ledger.stage(self.gate.vote(review, vote, stamp)).unwrap().commit()
    }
}

/// A rule as it is written, its stages included.
struct Written<'t> {
    id: &'t str,
    text: &'t str,
}

/// Cuts a document into its rules: each starts with `[[kind]]` and ends before the next top-level table.
fn rules(text: &str) -> Vec<Written<'_>> {
    let starts: Vec<usize> = text.match_indices("\n[[").map(|(place, _)| place).collect();
    let tops: Vec<usize> =
        starts.iter().copied().filter(|start| !text[*start..].starts_with("\n[[review.stage]]")).collect();
    let ends = tops.iter().skip(1).copied().chain([text.len()]);
    let all = tops.iter().zip(ends).map(|(start, end)| &text[*start..end]);
    all.filter(|rule| !rule.starts_with("\n[[case]]"))
        .map(|text| Written { id: text.split('"').nth(1).unwrap(), text })
        .collect()
}

fn check(policy: &Policy) -> Result<usize, String> {
    testing::check(policy)
        .map_err(|failures| failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn load(path: impl AsRef<Path>, text: &str) -> Policy {
    let name = path.as_ref().to_str().unwrap();
    Policy::from_documents([(name, text)]).unwrap_or_else(|error| panic!("{error}"))
}

fn files(folder: &str, extension: &str) -> BTreeSet<PathBuf> {
    let entries = Path::new(folder).read_dir().unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

fn person(id: &str) -> Subject {
    Subject::new("user", id).with("groups", ["sre"])
}
