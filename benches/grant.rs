//! Grants beside bare Ed25519, in one run: what the profile costs on top of the signature.
#![allow(missing_docs, reason = "macros of the harness write undocumented items")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a bench of something broken must stop"
)]

use std::hint::black_box;
use std::time::Instant;

use chrono::{DateTime, Utc};
use countersign::{
    Action, Attempt, Authorization, Dialect, Gate, GrantVerifier, KeySet, Ledger, Outcome, Payload, Policy,
    Request, Resource, SigningKey, Stamp, Subject,
};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use ed25519_dalek::Signer;

const POLICY: &str = "format = 1\nname = 'bench'\n[defaults]\nrisk = 'low'\n\
    [[zone]]\nid = 'all'\nwhen = 'action.name == \"sql.execute\"'\nmax_risk = 'low'\ngrant = { default = \"15m\", max = \"1h\" }\n";
const SQL: &str = "UPDATE orders SET state = 'paid' WHERE id = $1 AND state = 'open'";

/// Calls in a round, and rounds.
const ROUND: usize = 16;
const ROUNDS: usize = 400;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default()
}

fn action() -> Action {
    Action::new("sql.execute").with_payload(Payload::sql(Dialect::PostgreSql, SQL).with_parameters(["7"]))
}

fn resource() -> Resource {
    Resource::new("database", "orders")
}

fn authorization(gate: &Gate) -> Authorization {
    let mut ledger = Ledger::create("bench").expect("a stream's name");
    let request = Request::new(Subject::new("user", "ana"), action(), resource());
    let staged = ledger.stage(gate.submit(request, Stamp::new(now(), [7; 32]))).expect("an empty ledger");
    match staged.commit() {
        Ok(Outcome::Allow(authorization)) => authorization,
        other => panic!("the zone allows: {other:?}"),
    }
}

/// Seconds that a round takes; what it consumes is made before.
fn elapsed<I, O>(inputs: Vec<I>, mut run: impl FnMut(I) -> O) -> f64 {
    let start = Instant::now();
    for input in inputs {
        black_box(run(input));
    }
    start.elapsed().as_secs_f64()
}

/// Prints the ratio of two kinds of rounds, taken in turn so that a busy machine slows both; the smallest of
/// each is the least disturbed.
fn compare(name: &str, must: f64, mut profile: impl FnMut() -> f64, mut bare: impl FnMut() -> f64) {
    let (mut above, mut below) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        above = above.min(profile());
        below = below.min(bare());
    }
    println!("{name}: {:.3} (must be at most {must})", above / below);
}

fn grants(criterion: &mut Criterion) {
    let gate = Gate::new(Policy::from_toml(POLICY).expect("a policy"), "https://jit.example");
    let key = SigningKey::from_seed([1; 32]);
    let bare = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    let public = bare.verifying_key();
    let token = authorization(&gate).sign(&key).token().to_owned();
    let signed = token.rsplit_once('.').map(|(signed, _)| signed.as_bytes()).expect("three parts");
    let signature = bare.sign(signed);
    let verifier = GrantVerifier::new("https://jit.example", "database/orders", KeySet::new([key.public()]));
    let attempt = || Attempt::new(action(), resource());
    let refused = token.replacen("eyJhbGciOiJFZERTQSIs", "eyJhbGciOiJub25lIiAs", 1);
    assert!(verifier.verify(&token, attempt(), now()).is_ok());
    assert_eq!(
        verifier.verify(&refused, attempt(), now()).map(drop).map_err(|e| e.reason()),
        Err("alg_rejected")
    );

    let signing = || elapsed((0..ROUND).map(|_| ()).collect(), |()| bare.sign(black_box(signed)));
    let verifying = || {
        elapsed((0..ROUND).map(|_| ()).collect(), |()| {
            public.verify_strict(black_box(signed), &signature).is_ok()
        })
    };
    let issuing =
        || elapsed((0..ROUND).map(|_| authorization(&gate)).collect(), |one| one.sign(black_box(&key)));
    let judging = |token: &str| {
        elapsed((0..ROUND).map(|_| attempt()).collect(), |one| {
            verifier.verify(black_box(token), one, now()).is_ok()
        })
    };
    compare("issue / bare sign", 1.3, issuing, signing);
    compare("verify / bare verify_strict", 1.25, || judging(&token), verifying);
    compare("early refusal / bare verify_strict", 0.1, || judging(&refused), verifying);

    let mut group = criterion.benchmark_group("grant");
    group.bench_function("bare_sign", |bench| bench.iter(|| bare.sign(black_box(signed))));
    group.bench_function("issue", |bench| {
        bench.iter_batched(|| authorization(&gate), |one| one.sign(black_box(&key)), BatchSize::SmallInput);
    });
    group.bench_function("bare_verify", |bench| {
        bench.iter(|| public.verify_strict(black_box(signed), &signature).is_ok());
    });
    group.bench_function("verify", |bench| {
        bench.iter_batched(
            attempt,
            |one| verifier.verify(black_box(&token), one, now()),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("refuse_early", |bench| {
        bench.iter_batched(
            attempt,
            |one| verifier.verify(black_box(&refused), one, now()),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(60).measurement_time(std::time::Duration::from_secs(3));
    targets = grants
}
criterion_main!(benches);
