//! What a review costs: a vote among many, the worst search, and opening ten thousand.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "a bench"
)]

use std::fmt::Write;
use std::hint::black_box;

use chrono::{DateTime, TimeDelta, Utc};
use countersign::{
    Action, Gate, Ledger, Outcome, Policy, Request, Resource, Review, Stamp, Step, Subject, Vote,
};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const HEAD: &str = "format = 1\nname = 'bench'\n[attributes]\n'approver.groups' = 'list<string>'\n";

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_435_200, 0).unwrap()
}

fn stamp(number: u64) -> Stamp {
    let mut random = [0; 32];
    random.iter_mut().zip(number.to_be_bytes()).for_each(|(byte, of)| *byte = of);
    Stamp::new(noon() + TimeDelta::seconds(1), random)
}

fn store<T: 'static>(ledger: &mut Ledger, step: Step<T>) -> T {
    ledger.stage(step).unwrap().commit()
}

fn request() -> Request {
    Request::new(Subject::new("user", "ana"), Action::new("run"), Resource::new("database", "orders"))
}

fn voter(number: usize, groups: usize) -> Subject {
    let groups: Vec<String> = (0..3).map(|place| format!("g{}", (number + place * 5) % groups)).collect();
    Subject::new("user", format!("voter-{number}")).with("groups", groups)
}

/// A review of sixteen leaves with so many votes, none of which closes it.
fn voted(approve: &str, votes: usize) -> (Gate, Review) {
    let text = format!("{HEAD}[[review]]\nid = 'r'\nwhen = 'true'\napprove = {approve}\n");
    let gate = Gate::new(Policy::from_toml(&text).unwrap(), "https://jit.example");
    let mut ledger = Ledger::create("bench").unwrap();
    let Ok(Outcome::Review(mut review)) = store(&mut ledger, gate.submit(request(), stamp(0))) else {
        panic!("expected a review")
    };
    for number in 0..votes {
        let step =
            gate.vote(&review, Vote::approve(voter(number, 16)), stamp(u64::try_from(number).unwrap() + 1));
        review = match store(&mut ledger, step) {
            Ok(Outcome::Review(review)) => review,
            other => panic!("vote {number}: {other:?}"),
        };
    }
    (gate, review)
}

fn sixteen(count: usize, joined: &str) -> String {
    let mut leaves = String::new();
    for place in 0..16 {
        let _ = write!(leaves, "{{ count = {count}, from = '\"g{place}\" in approver.groups' }}, ");
    }
    format!("{{ {joined} = [{leaves}] }}")
}

fn judge(c: &mut Criterion) {
    let mut group = c.benchmark_group("review");
    // Four of each: 64 seats, so 50 votes never close it.
    let (gate, review) = voted(&sixteen(4, "all"), 50);
    group.bench_function("vote_50_of_16_leaves", |b| {
        b.iter(|| black_box(gate.vote(&review, Vote::approve(voter(50, 16)), stamp(99))));
    });
    // Without candidates it holds every vote against every leaf once, and matches people to seats.
    group.bench_function("judge_50_of_16_leaves", |b| b.iter(|| black_box(review.outlook(&[], noon()))));
    let candidates = [voter(60, 16)];
    group.bench_function("outlook_50_of_16_leaves", |b| {
        b.iter(|| black_box(review.outlook(&candidates, noon())));
    });
    // Fifteen of sixteen, each by four: no search finds it, and the budget ends the attempt.
    let (gate, review) = voted(&sixteen(4, "at_least = 15, of"), 50);
    group.bench_function("worst_search", |b| {
        b.iter(|| black_box(gate.vote(&review, Vote::approve(voter(50, 16)), stamp(99))));
    });
    group.finish();
}

fn open(c: &mut Criterion) {
    let text = format!(
        "{HEAD}[[review]]\nid = 'r'\nwhen = 'true'\napprove = {{ count = 2, from = '\"g1\" in approver.groups' }}\n"
    );
    let gate = Gate::new(Policy::from_toml(&text).unwrap(), "https://jit.example");
    let mut group = c.benchmark_group("open");
    group.sample_size(10);
    for count in [1_000_u64, 10_000] {
        group.bench_function(format!("{count}"), |b| {
            b.iter_batched(
                || Ledger::create("bench").unwrap(),
                |mut ledger| {
                    for number in 0..count {
                        black_box(store(&mut ledger, gate.submit(request(), stamp(number))).unwrap());
                    }
                    ledger
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, judge, open);
criterion_main!(benches);
