//! Forgetting people: what a log commits to, who can still see it, and what erasing leaves.

#![cfg(feature = "toml")]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod support;

use countersign::{
    Action, Commitment, DisclosureReport, Disclosures, EraseError, Erasure, Ledger, LogVerifier, Opening,
    Openings, Outcome, Replay, ReplayReport, Replayed, Request, Resource, Review, ReviewError, ReviewState,
    Stamp, Subject, Unreplayable, Usage, Value, Vote,
};

use support::walk::{DELETE, action, verify};
use support::{Host, STREAM, after, key};

const POLICY: &str = include_str!("vectors/audit/personal.toml");

/// Whatever must not be found in the log.
const SECRETS: [&str; 6] = ["ana@", "bot@", "bo@", "olga", "p-4711", "DELETE"];

fn person(id: &str, groups: &[&str]) -> Subject {
    Subject::new("user", id).with("groups", groups.to_vec()).with("email", format!("{id}@example.com"))
}

fn ask(environment: &str) -> Request {
    let owner: countersign::Attributes = [("Name", "olga")].into_iter().collect();
    let resource = Resource::new("database", "orders").with("environment", environment).with("owner", owner);
    Request::new(person("ana", &[]), action(DELETE), resource)
        .with("patient", "p-4711")
        .with_actor(person("bot", &[]))
        .with_usage(Usage::none())
}

/// A zone's grant, a review that led to a grant, and one that is open.
fn walked() -> (Host, Review) {
    let mut host = Host::new(POLICY);
    assert!(matches!(host.submit(ask("dev"), after(0)), Ok(Outcome::Allow(_))));
    let review = host.open(ask("prod"), after(1));
    assert!(host.vote(&review, Vote::approve(person("cy", &[])), after(2)).is_err());
    let outcome = host.vote(&review, Vote::approve(person("bo", &["sre"])), after(3));
    assert!(matches!(outcome, Ok(Outcome::Allow(_))), "{outcome:?}");
    let open = host.open(ask("prod"), after(4));
    (host, open)
}

fn records_of<'h>(host: &'h Host, review: &str) -> Vec<&'h [u8]> {
    let needle = format!("\"review\":\"{review}\"");
    let lines = host.lines.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| String::from_utf8_lossy(line).contains(&needle)).collect()
}

fn disclosed(lines: &[u8], openings: Openings) -> DisclosureReport {
    let (mut log, mut disclosures) = (LogVerifier::new(STREAM), Disclosures::new(openings));
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        disclosures.push(&log.push(line).unwrap());
    }
    disclosures.finish()
}

fn replayed(host: &Host, openings: Openings) -> (ReplayReport, Vec<Replayed>) {
    let mut log = LogVerifier::new(STREAM);
    let mut replay = Replay::new([host.gate.policy().clone()]).with_openings(openings);
    let lines = host.lines.split_inclusive(|byte| *byte == b'\n');
    let each = lines.filter_map(|line| replay.push(&log.push(line).unwrap())).collect();
    (replay.finish(), each)
}

fn erase(host: &mut Host, erasure: Erasure, second: i64) -> Vec<Commitment> {
    let stamp = host.stamp(after(second));
    host.store(erasure.into_step("user/dpo", "demand 17", stamp).unwrap())
}

#[test]
fn no_personal_value_stands_in_the_log() {
    let (host, _) = walked();
    let (log, openings) = (String::from_utf8(host.lines.clone()).unwrap(), lines(&host.openings));
    for secret in SECRETS {
        assert!(!log.contains(secret), "{secret}");
        assert!(openings.contains(secret), "{secret}");
    }
    assert!(!log.contains(
        &countersign::Payload::sql(countersign::Dialect::PostgreSql, DELETE).digest("database", "orders")
    ));
    for review in host_reviews(&host) {
        assert!(log.contains(review.id()));
    }
}

fn lines(openings: &[Opening]) -> String {
    openings.iter().map(|opening| opening.to_line() + "\n").collect()
}

fn host_reviews(host: &Host) -> Vec<Review> {
    let openings = Openings::new(host.openings.clone());
    Ledger::resume(STREAM, &host.lines).unwrap().reviews_with(&openings).unwrap()
}

#[test]
fn review_lives_on_from_its_records_and_openings() {
    let (mut host, open) = walked();
    let reviews = host_reviews(&host);
    assert_eq!(
        reviews.iter().map(Review::state).collect::<Vec<_>>(),
        [ReviewState::Approved, ReviewState::Open]
    );
    assert_eq!(reviews[1].request(), open.request());
    let text = lines(&host.openings);
    let records = records_of(&host, open.id());
    let replayed = Review::replay(records.iter().copied(), text.lines().map(str::as_bytes)).unwrap();
    assert_eq!(format!("{replayed:?}"), format!("{open:?}"));

    // What was committed to when it opened stays so when it is approved.
    let outcome = host.vote(&replayed, Vote::approve(person("bo", &["sre"])), after(5));
    let Ok(Outcome::Allow(authorization)) = outcome else { panic!("{outcome:?}") };
    let _ = verify(authorization.sign(&key()).token(), DELETE, after(6)).unwrap();
    let authorized = String::from_utf8(host.lines.clone()).unwrap();
    assert!(authorized.lines().last().unwrap().contains("\"adg\":{\"$committed\":"), "{authorized}");
    let recovered = host.recover(&host_reviews(&host).remove(1), after(7));
    assert!(matches!(recovered, Ok(Outcome::Allow(_))), "{recovered:?}");
}

#[test]
fn review_without_its_openings_is_not_guessed() {
    let (host, open) = walked();
    let records = records_of(&host, open.id());
    let error = Review::replay(records, []).unwrap_err();
    assert!(matches!(&error, ReviewError::Closed { path, .. } if path.starts_with('/')), "{error}");
    assert!(matches!(
        Ledger::resume(STREAM, &host.lines).unwrap().reviews(),
        Err(ReviewError::Closed { .. })
    ));
}

#[test]
fn replay_with_all_openings_is_the_same_and_names_what_is_missing() {
    let (host, _) = walked();
    let (report, _) = replayed(&host, Openings::new(host.openings.clone()));
    assert_eq!((report.same, report.different, report.unreplayable), (3, 0, 0));
    assert_eq!((report.founded, report.unfounded, report.unjudged), (2, 0, 0));
    let (report, each) = replayed(&host, Openings::default());
    assert_eq!((report.same, report.different, report.unreplayable), (0, 0, 3));
    assert_eq!((report.founded, report.unfounded, report.unjudged), (1, 0, 1));
    let Replayed::Unreplayable(why @ Unreplayable::Erased { paths }) = &each[0] else { panic!("{each:?}") };
    assert!(paths.contains(&"/request/action/payload".to_owned()), "{paths:?}");
    assert!(why.to_string().starts_with("nothing opens /"), "{why}");
}

#[test]
fn erasing_any_openings_changes_no_other_verdict() {
    let (host, _) = walked();
    let checkpoint = host.ledger.checkpoint().sign(&key());
    let all = u64::try_from(host.openings.len()).unwrap();
    for seed in 1..40_u64 {
        let kept: Vec<Opening> = (0_u64..)
            .zip(&host.openings)
            .filter(|(place, _)| {
                seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7) >> (place % 64) & 1 == 1
            })
            .map(|(_, opening)| opening.clone())
            .collect();
        let kept_count = u64::try_from(kept.len()).unwrap();
        let mut log = LogVerifier::new(STREAM).with_key(key().public()).with_checkpoint(&checkpoint).unwrap();
        host.lines.split_inclusive(|byte| *byte == b'\n').for_each(|line| drop(log.push(line)));
        log.finish(after(60)).require_sound().unwrap();
        let (report, _) = replayed(&host, Openings::new(kept.clone()));
        assert_eq!((report.different, report.unfounded), (0, 0), "{seed}");
        assert_eq!(report.same + report.unreplayable, 3);
        let found = disclosed(&host.lines, Openings::new(kept));
        assert_eq!((found.disclosed, found.withheld), (kept_count, all - kept_count), "{seed}");
        assert!(found.is_sound());
    }
}

#[test]
fn one_flipped_bit_of_an_opening_is_no_disclosure() {
    let (host, _) = walked();
    let all = u64::try_from(host.openings.len()).unwrap();
    let line = host.openings.iter().find(|opening| opening.value() == "ana@example.com").unwrap().to_line();
    let others: Vec<Opening> =
        host.openings.iter().filter(|opening| opening.to_line() != line).cloned().collect();
    let (mut refused, mut mismatched) = (0, 0);
    for place in 0..line.len() * 8 {
        let mut flipped = line.clone().into_bytes();
        flipped[place / 8] ^= 1 << (place % 8);
        let Ok(opening) = Opening::read(&flipped) else {
            refused += 1;
            continue;
        };
        let elsewhere = (opening.stream(), opening.seq(), opening.path())
            != (STREAM, 1, "/request/subject/properties/email");
        let found = disclosed(&host.lines, others.iter().cloned().chain([opening]).collect());
        assert_eq!(found.disclosed, all - 1, "bit {place}");
        // What names another place leaves this one closed.
        assert_eq!(
            (found.mismatched.len(), found.withheld),
            if elsewhere { (0, 1) } else { (1, 0) },
            "bit {place}"
        );
        mismatched += usize::from(!elsewhere);
    }
    assert!(refused > 100 && mismatched > 100, "{refused} {mismatched}");
}

#[test]
fn what_an_open_review_or_a_living_grant_rests_on_cannot_be_erased() {
    let (mut host, open) = walked();
    let error = Erasure::of(records_of(&host, open.id())).unwrap_err();
    assert_eq!(error, EraseError::Open { review: open.id().to_owned() });
    let stamp = |second| Stamp::new(after(second), [9; 32]);
    let ended = host_reviews(&host).remove(0);
    let erasure = Erasure::of(records_of(&host, ended.id())).unwrap();
    let error = erasure.clone().into_step("user/dpo", "x", stamp(60)).unwrap_err();
    assert!(matches!(error, EraseError::Granted { .. }), "{error}");
    assert_eq!(
        Erasure::of::<&[u8]>([]).unwrap().into_step("user/dpo", "x", stamp(60)).unwrap_err(),
        EraseError::Nothing
    );
    let gone = erase(&mut host, erasure, 36_000);
    assert!(gone.iter().any(|place| place.path == "/claims/adg"), "{gone:?}");
    // The ended review is gone for good, the open one is as it was.
    host.openings.retain(|opening| !is_among(&gone, opening));
    assert_eq!(host_reviews(&host).iter().map(Review::id).collect::<Vec<_>>(), [open.id()]);
}

fn is_among(gone: &[Commitment], opening: &Opening) -> bool {
    gone.iter().any(|place| (place.seq, &*place.path) == (opening.seq(), opening.path()))
}

#[test]
fn each_disclosure_has_its_verdict() {
    let (mut host, _) = walked();
    let ended = host_reviews(&host).remove(0);
    let all = u64::try_from(host.openings.len()).unwrap();
    let whole = Openings::new(host.openings.clone()).all();
    assert_eq!(disclosed(&host.lines, whole).disclosed, all);

    // Gone, and no record says so.
    let kept: Vec<Opening> = host.openings.iter().skip(1).cloned().collect();
    let found = disclosed(&host.lines, Openings::new(kept.clone()).all());
    assert_eq!((found.disclosed, found.withheld, found.unrecorded.len()), (all - 1, 0, 1));
    assert!(!found.is_sound());
    let found = disclosed(&host.lines, Openings::new(kept));
    assert_eq!((found.disclosed, found.withheld, found.unrecorded.len()), (all - 1, 1, 0));

    let erasure =
        Erasure::of(records_of(&host, ended.id())).unwrap().only(|place| place.path.contains("email"));
    let gone = erase(&mut host, erasure, 36_000);
    let count = u64::try_from(gone.len()).unwrap();
    assert!(count >= 3, "{gone:?}");
    // Said to be erased, and still there.
    let found = disclosed(&host.lines, Openings::new(host.openings.clone()).all());
    assert_eq!(found.undeleted, gone);
    assert!(!found.is_sound());
    host.openings.retain(|opening| !is_among(&gone, opening));
    let found = disclosed(&host.lines, Openings::new(host.openings.clone()).all());
    assert_eq!((found.disclosed, found.erased), (all - count, count));
    assert!(found.is_sound(), "{found:?}");
}

#[test]
fn erasure_of_what_is_not_there_is_found() {
    let (mut host, _) = walked();
    let mut other = Host::new(POLICY);
    let stamp = other.stamp(after(0));
    other.store(countersign::Step::note("padding", 1.into(), stamp));
    let _ = other.submit(ask("dev"), after(0)).unwrap();
    let records: Vec<&[u8]> = other.lines.split_inclusive(|byte| *byte == b'\n').collect();
    let erasure = Erasure::of(records).unwrap();
    erase(&mut host, erasure, 36_000);
    let found = disclosed(&host.lines, Openings::new(host.openings.clone()).all());
    let last = host.ledger.next_seq() - 1;
    assert_eq!(found.unfounded, [(STREAM.to_owned(), last)]);
    assert!(!found.is_sound());
}

/// What a release wrote, every later one writes and reads.
#[test]
fn log_with_commitments_is_written_as_it_was() {
    let (host, _) = walked();
    let saved =
        |end| std::fs::read_to_string(format!("tests/vectors/audit/personal.{end}")).unwrap_or_default();
    if std::env::var("WRITE_VECTORS").is_ok() {
        std::fs::write("tests/vectors/audit/personal.jsonl", &host.lines).unwrap();
        std::fs::write("tests/vectors/audit/personal.openings.jsonl", lines(&host.openings)).unwrap();
    }
    assert_eq!(String::from_utf8(host.lines.clone()).unwrap(), saved("jsonl"));
    assert_eq!(lines(&host.openings), saved("openings.jsonl"));
}

#[test]
fn every_one_of_several_resources_is_committed_to() {
    let mut host = Host::new(POLICY);
    let secret = |id: &str| {
        let owner: countersign::Attributes = [("Name", format!("secret-{id}"))].into_iter().collect();
        Resource::new("database", id).with("environment", "prod").with("owner", owner)
    };
    let request = Request::new(person("ana", &[]), action(DELETE), secret("a"))
        .with_resources([secret("b"), secret("a"), secret("c")])
        .with_audience("proxy")
        .with_usage(Usage::none());
    let review = host.open(request, after(0));
    let outcome = host.vote(&review, Vote::approve(person("bo", &["sre"])), after(1));
    assert!(matches!(outcome, Ok(Outcome::Allow(_))), "{outcome:?}");
    let log = String::from_utf8(host.lines.clone()).unwrap();
    assert!(!log.contains("secret-") && log.contains("\"resources\":["), "{log}");
    assert_eq!(lines(&host.openings).matches("secret-").count(), 3);
    let (report, _) = replayed(&host, Openings::new(host.openings.clone()));
    assert_eq!((report.same, report.founded), (1, 1));
    for openings in [Openings::new(host.openings.clone()), Openings::default()] {
        let (mut log, mut lifecycle) =
            (LogVerifier::new(STREAM), countersign::Lifecycle::new().with_openings(openings));
        for line in host.lines.split_inclusive(|byte| *byte == b'\n') {
            lifecycle.push(&log.push(line).unwrap());
        }
        assert_eq!(lifecycle.finish(), []);
    }
}

#[test]
fn value_in_the_place_of_a_personal_members_parent_is_committed_to() {
    let policy = "format = 1\nname = 'x'\n[defaults]\nrisk = 'low'\n[attributes]\n\
        'resource.owner.email' = { type = 'string?', personal = true }\n\
        'action.to.name' = { type = 'string?', personal = true }\n\
        [[zone]]\nid = 'all'\nwhen = 'true'\nmax_risk = 'low'\n";
    for stray in [Value::from("olga"), Value::from(vec!["olga"]), Value::Bytes(b"olga".to_vec())] {
        let mut host = Host::new(policy);
        let resource = Resource::new("database", "orders").with("owner", stray.clone());
        let action = Action::new("mail.send").with("to", stray);
        let request = Request::new(person("ana", &[]), action, resource).with_usage(Usage::none());
        assert!(matches!(host.submit(request, after(0)), Ok(Outcome::Allow(_))));
        let log = String::from_utf8_lossy(&host.lines).into_owned();
        assert!(!log.contains("olga") && !log.contains("6f6c6761"), "{log}");
        assert!(!log.contains(r#""adg":"sha-256"#), "a digest over a personal value: {log}");
        assert_eq!(replayed(&host, Openings::new(host.openings.clone())).0.same, 1);
    }
}

#[test]
fn erasure_of_many_records_is_recorded_in_several() {
    let mut host = Host::new(POLICY);
    for second in 0..1_000 {
        let _ = host.submit(ask("dev"), after(second)).unwrap();
    }
    let records: Vec<&[u8]> = host.lines.split_inclusive(|byte| *byte == b'\n').collect();
    let erasure = Erasure::of(records).unwrap();
    let before = host.ledger.next_seq();
    let gone = erase(&mut host, erasure, 36_000);
    assert_eq!(gone.len(), host.openings.len());
    assert!(host.ledger.next_seq() - before > 1);
    host.openings.retain(|opening| !is_among(&gone, opening));
    let found = disclosed(&host.lines, Openings::new(host.openings.clone()).all());
    assert_eq!((found.erased, found.disclosed), (u64::try_from(gone.len()).unwrap(), 0));
    assert!(found.is_sound(), "{found:?}");
}

/// Else a note could have an erasure named that no record bears out.
#[test]
fn note_that_looks_like_a_commitment_is_none() {
    let mut host = Host::new(POLICY);
    let stamp = host.stamp(after(0));
    let content = serde_json::json!({ "$committed": "ab".repeat(32) });
    host.store(countersign::Step::note("deploy", content, stamp));
    let records: Vec<&[u8]> = host.lines.split_inclusive(|byte| *byte == b'\n').collect();
    let erasure = Erasure::of(records).unwrap();
    let stamp = host.stamp(after(1));
    assert_eq!(erasure.into_step("user/dpo", "demand 17", stamp).unwrap_err(), EraseError::Nothing);
    assert_eq!(disclosed(&host.lines, Openings::new([]).all()), DisclosureReport::default());
}
