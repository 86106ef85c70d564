use serde_json::json;

use super::*;
use crate::audit::{Draft, Fate, Ledger, Position, ProofPlan, Refusal, Step};
use crate::grant::claims::{Approval, Terms};
use crate::grant::tests::{attempt, issuer_key, now, terms, verifier};
use crate::grant::{Authorization, Delegation, GrantVerifier, SignedApproval, VerifyError};
use crate::keys::SigningKey;
use crate::stamp::Stamp;

/// A log whose third record authorizes what the terms say, its grant, and how to show it.
struct Logged {
    token: String,
    records: Vec<Record>,
    note: String,
}

fn log_key() -> SigningKey {
    SigningKey::from_seed([31; 32])
}

fn logs() -> [(String, PublicKey); 1] {
    [("orders-gate".to_owned(), log_key().public())]
}

fn strict() -> GrantVerifier {
    verifier().requiring_log(logs())
}

/// Writes five records in a stream, of which number 2 says this, and signs a grant that names it.
fn logged_as(stream: &str, event: Event, recorded: &Claims, granted: Claims) -> Logged {
    let mut ledger = Ledger::create(stream).unwrap();
    let mut records = Vec::new();
    let mut place = None;
    for (index, event) in
        [Event::PolicyLoaded, event, Event::GrantRedeemed, Event::PolicyLoaded].into_iter().enumerate()
    {
        let stamp = Stamp::new(now(), [index.try_into().unwrap(); 32]);
        let draft = Draft::new(event, stamp.id("test"), stamp.now()).with("claims", recorded.to_value());
        let step = Step::new(vec![draft], Refusal::new(&stamp), |fate| match fate {
            Fate::Stored(places) => places.into_iter().next(),
            Fate::Refused { .. } => None,
        });
        let staged = ledger.stage(step).unwrap();
        records.extend(staged.records().to_vec());
        let stored: Option<Position> = staged.commit();
        place = place.or(stored.filter(|place| place.seq == 2));
    }
    let place = place.unwrap();
    let reference = LogReference::new(&place.stream, place.seq, place.leaf).unwrap();
    let token = Authorization::of_claims(granted).with_log(reference).sign(&issuer_key());
    Logged { token: token.token().to_owned(), records, note: ledger.checkpoint().sign(&log_key()) }
}

fn logged(terms: Terms) -> Logged {
    let claims = Claims::new(terms).unwrap();
    logged_as("orders-gate", Event::GrantAuthorized, &claims.clone(), claims)
}

impl Logged {
    fn proof(&self, seq: usize) -> LogProof {
        let size = self.records.len().try_into().unwrap();
        let plan = ProofPlan::inclusion(seq.try_into().unwrap(), size).unwrap();
        let leaves = |tree: crate::audit::Subtree| {
            tree.records().map(|at| self.records[usize::try_from(at).unwrap()].leaf()).collect::<Vec<_>>()
        };
        let hashes = plan.subtrees().map(|tree| tree.hash(leaves(tree)).unwrap()).collect::<Vec<_>>();
        LogProof::new(
            seq.try_into().unwrap(),
            self.records[seq].bytes(),
            plan.assemble(hashes).unwrap(),
            &self.note,
        )
    }

    fn judge(&self, proof: &LogProof) -> Result<(), VerifyError> {
        self.judge_text(&proof.to_text())
    }

    fn judge_text(&self, proof: &str) -> Result<(), VerifyError> {
        strict().verify(&self.token, attempt().with_log_proof(proof), now()).map(drop)
    }
}

fn refusal(verdict: Result<(), VerifyError>) -> LogProofError {
    match verdict {
        Err(VerifyError::Log(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn logged_grant_passes_with_its_proof() {
    let logged = logged(terms());
    assert_eq!(logged.records.len(), 5);
    logged.judge(&logged.proof(2)).unwrap();
}

#[test]
fn proof_survives_its_text() {
    let proof = logged(terms()).proof(2);
    assert_eq!(LogProof::read(&proof.to_text()), Ok(proof));
}

#[test]
fn missing_reference_and_missing_proof_are_refused() {
    let unlogged = Authorization::of_claims(Claims::new(terms()).unwrap()).sign(&issuer_key());
    let logged = logged(terms());
    let proof = logged.proof(2).to_text();
    let error = strict().verify(unlogged.token(), attempt().with_log_proof(&proof), now()).map(drop);
    assert_eq!(refusal(error), LogProofError::Unlogged);
    let error = refusal(strict().verify(&logged.token, attempt(), now()).map(drop));
    assert_eq!(error, LogProofError::Missing { stream: "orders-gate".into(), seq: 2 });
    assert_eq!(error.to_string(), "grant is of record 2 in `orders-gate`, the attempt has no proof of it");
    assert_eq!(error.reason(), "log_required");
}

#[test]
fn proof_beside_a_verifier_that_does_not_check_it_is_refused() {
    let logged = logged(terms());
    let attempt = attempt().with_log_proof(&logged.proof(2).to_text());
    let error = verifier().verify(&logged.token, attempt, now()).unwrap_err();
    assert_eq!(error, VerifyError::LogProofUnchecked);
    assert_eq!(
        (error.reason(), error.to_string().as_str()),
        ("log_unchecked", "log proofs are not checked here")
    );
}

#[test]
fn genuine_record_carries_no_other_grant() {
    let recorded = Claims::new(terms()).unwrap();
    type Change = fn(&mut Claims);
    let changes: [(&str, Change); 9] = [
        ("exp", |claims| claims.expires_at += 1),
        ("nbf", |claims| claims.not_before -= 1),
        ("sub", |claims| claims.subject = "user/eve".into()),
        ("jti", |claims| claims.id.push('x')),
        ("req", |claims| claims.request = "req-4822".into()),
        ("pol", |claims| claims.policy = Some(format!("sha-256:{}", "0".repeat(64)))),
        ("apr", |claims| claims.approvals = vec![Approval::Named { by: "user/eve".into(), at: 1 }]),
        ("iat", |claims| claims.issued_at -= 1),
        ("con", |claims| {
            claims.constraints.set(crate::grant::constraint::Constraint::MaxUses, json!(5)).unwrap();
        }),
    ];
    for (claim, change) in changes {
        let mut granted = recorded.clone();
        change(&mut granted);
        let logged = logged_as("orders-gate", Event::GrantAuthorized, &recorded, granted);
        let error = refusal(logged.judge(&logged.proof(2)));
        assert_eq!(error, LogProofError::Differs { claim });
        assert_eq!(error.to_string(), format!("`{claim}` of the grant differs from what was recorded"));
    }
}

#[test]
fn record_of_another_event_authorizes_nothing() {
    let claims = Claims::new(terms()).unwrap();
    let logged = logged_as("orders-gate", Event::GrantRedeemed, &claims.clone(), claims);
    let error = refusal(logged.judge(&logged.proof(2)));
    assert_eq!(error.to_string(), "record is `grant.redeemed`, expected `grant.authorized`");
}

#[test]
fn foreign_log_and_foreign_key_are_refused() {
    let claims = Claims::new(terms()).unwrap();
    let other = logged_as("other-gate", Event::GrantAuthorized, &claims.clone(), claims);
    let error = refusal(other.judge(&other.proof(2)));
    assert_eq!(error.to_string(), "no key of the log `other-gate` is known here");
    let mut logged = logged(terms());
    logged.note = other.note;
    let foreign = refusal(logged.judge(&logged.proof(2)));
    assert!(matches!(foreign, LogProofError::Checkpoint(CheckpointError::Origin { .. })), "{foreign}");
    assert_eq!(foreign.to_string(), "log proof: checkpoint is of `other-gate`, expected `orders-gate`");
    let mut ledger = Ledger::create("orders-gate").unwrap();
    let step = Step::note("a", json!(1), Stamp::new(now(), [9; 32]));
    ledger.stage(step).unwrap().commit();
    logged.note = ledger.checkpoint().sign(&issuer_key());
    let forged = refusal(logged.judge(&logged.proof(2)));
    assert_eq!(forged, LogProofError::Checkpoint(CheckpointError::Signature));
    assert_eq!(forged.reason(), "log_rejected");
}

#[test]
fn log_may_have_two_keys_while_one_is_replaced() {
    let logged = logged(terms());
    let keys = [[30; 32], [31; 32]].map(|seed| SigningKey::from_seed(seed).public());
    let verifier = verifier().requiring_log(keys.map(|key| ("orders-gate".to_owned(), key)));
    let attempt = attempt().with_log_proof(&logged.proof(2).to_text());
    assert!(verifier.verify(&logged.token, attempt, now()).is_ok());
}

#[test]
fn record_that_belongs_elsewhere_is_refused_whatever_the_checkpoint_says() {
    // The log's key signed a tree of another stream's records, or of records in other places.
    let claims = Claims::new(terms()).unwrap();
    let elsewhere = logged_as("orders-gate-2", Event::GrantAuthorized, &claims, claims.clone());
    let grant = |stream: &str, records: &[Record], seq: u64| {
        let mut tree = crate::audit::Frontier::default();
        records.iter().for_each(|record| tree.push(record.leaf()));
        let note = Checkpoint::new(stream, tree.size(), tree.root()).sign(&log_key());
        let leaf = records[usize::try_from(seq).unwrap()].leaf();
        let reference = LogReference::new(stream, seq, leaf).unwrap();
        let token = Authorization::of_claims(claims.clone()).with_log(reference).sign(&issuer_key());
        let logged = Logged { token: token.token().to_owned(), records: records.to_vec(), note };
        refusal(logged.judge(&logged.proof(usize::try_from(seq).unwrap()))).to_string()
    };
    assert_eq!(
        grant("orders-gate", &elsewhere.records, 2),
        "log proof: stream is `orders-gate-2`, expected `orders-gate`"
    );
    let mut moved = logged(terms()).records;
    moved.remove(0);
    assert_eq!(grant("orders-gate", &moved, 1), "log proof: number is 2, expected 1");
}

#[test]
fn checkpoint_from_before_the_record_is_too_old() {
    let mut logged = logged(terms());
    logged.note = Checkpoint::new("orders-gate", 2, [7; 32]).sign(&log_key());
    let error = refusal(logged.judge(&logged.proof(2)));
    assert_eq!(error, LogProofError::Stale { seq: 2, size: 2 });
    assert_eq!(error.to_string(), "log proof has a checkpoint of 2 records, too old for record 2");
    assert_eq!(error.reason(), "log_stale");
}

#[test]
fn proof_of_another_record_is_refused() {
    let logged = logged(terms());
    let error = refusal(logged.judge(&logged.proof(3)));
    assert_eq!(error, LogProofError::Seq { found: 3, expected: 2 });
    assert_eq!(error.to_string(), "log proof is of record 3, grant is of record 2");
    let mut proof = logged.proof(3);
    proof.seq = 2;
    let error = refusal(logged.judge(&proof));
    assert!(matches!(&error, LogProofError::Leaf { found, expected } if found != expected), "{error}");
    assert!(error.to_string().starts_with("log proof shows record `sha-256:"), "{error}");
}

#[test]
fn hashes_must_lead_to_the_checkpoint() {
    let logged = logged(terms());
    let mut proof = logged.proof(2);
    proof.hashes.reverse();
    let error = refusal(logged.judge(&proof));
    assert_eq!(
        (&error, error.to_string().as_str()),
        (&LogProofError::Inclusion, "log proof does not lead to its checkpoint")
    );
    for hashes in [vec![], [proof.hashes.clone(), vec![[0; 32]; 64]].concat()] {
        proof.hashes = hashes;
        assert_eq!(refusal(logged.judge(&proof)), LogProofError::Inclusion);
    }
}

#[test]
fn malformed_proofs_name_the_line() {
    let logged = logged(terms());
    let text = logged.proof(2).to_text();
    for (from, to, line) in [
        ("@v1", "@v2", 1),
        ("@v1\n", "@v1 \n", 1),
        ("extra ", "extra  ", 2),
        ("extra ", "", 2),
        ("index 2", "index 02", 3),
        ("index 2", "index +2", 3),
        ("index 2", "index 18446744073709551616", 3),
        ("index 2\n", "index 2\nAAAA\n", 4),
        ("index 2\n", "index 2\nextra AAAA\n", 4),
        ("\n\n", "\n", 1),
    ] {
        let changed = text.replace(from, to);
        let error = refusal(logged.judge_text(&changed));
        if from == "\n\n" {
            assert!(matches!(error, LogProofError::Line { .. }), "{error}");
        } else {
            assert_eq!(error, LogProofError::Line { line }, "{from} {to}");
        }
    }
    assert_eq!(LogProofError::Line { line: 4 }.to_string(), "line 4 of the log proof is malformed");
    let large = format!("{text}{}", "x".repeat(limits::LOG_PROOF_BYTES));
    let error = refusal(logged.judge_text(&large));
    assert_eq!(error, LogProofError::TooLarge { bytes: large.len() });
    assert_eq!(error.to_string(), format!("log proof is {} bytes, limit is 163840", large.len()));
    let mut proof = logged.proof(2);
    proof.record = b"[]".to_vec();
    assert!(matches!(refusal(logged.judge(&proof)), LogProofError::Record(_)));
}

#[test]
fn every_flipped_bit_of_a_proof_is_refused() {
    let logged = logged(terms());
    let text = logged.proof(2).to_text().into_bytes();
    let mut ignored = 0;
    for bit in 0..text.len() * 8 {
        let mut changed = text.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let Ok(changed) = String::from_utf8(changed) else { continue };
        ignored += usize::from(logged.judge_text(&changed).is_ok());
    }
    assert_eq!(ignored, 0);
}

#[test]
fn the_largest_proof_is_within_its_bound() {
    let hashes = vec![[0; 32]; 64];
    let proof =
        LogProof::new(u64::MAX, &vec![b'x'; limits::RECORD_BYTES], hashes, &"x".repeat(limits::NOTE_BYTES));
    assert!(proof.to_text().len() <= limits::LOG_PROOF_BYTES);
}

#[test]
fn chain_is_logged_by_its_root() {
    let holder = SigningKey::from_seed([11; 32]);
    let logged = logged(Terms { holder: Some(holder.public()), ..terms() });
    let agent = SigningKey::from_seed([12; 32]);
    let child =
        Delegation::new(&logged.token, "agent/runner", &agent.public(), "01JD8X2M9Q7ZK4T6V3").unwrap();
    let child = child.sign(&holder).unwrap();
    let chain = [&logged.token, child.token()];
    let proven = || attempt().with_proof(&attempt().prove(child.token(), "database/orders", &agent, now()));
    let proof = logged.proof(2).to_text();
    assert!(strict().verify_chain(&chain, proven().with_log_proof(&proof), now()).is_ok());
    let error = refusal(strict().verify_chain(&chain, proven(), now()).map(drop));
    assert!(matches!(error, LogProofError::Missing { .. }));
}

#[test]
fn log_and_signed_approvals_can_both_be_demanded() {
    let until = now() + chrono::TimeDelta::hours(1);
    let approval = SignedApproval::new("https://jit.example", "req-4821", "user/ana", &attempt(), 1, until);
    let bo = SigningKey::from_seed([21; 32]);
    let approvals = vec![Approval::Signed(approval.sign("user/bo", &bo).unwrap())];
    let mut constraints = crate::grant::constraint::Constraints::default();
    constraints.set(crate::grant::constraint::Constraint::MaxUses, json!(1)).unwrap();
    let logged = logged(Terms { approvals, constraints, ..terms() });
    let verifier = strict().requiring_approvals(1, [("user/bo".to_owned(), bo.public())]);
    let attempt = attempt().with_log_proof(&logged.proof(2).to_text());
    assert!(verifier.verify(&logged.token, attempt, now()).is_ok());
}

/// A grant whose record only commits to the action's digest.
fn committed() -> (Logged, Vec<Opening>) {
    let claims = Claims::new(terms()).unwrap();
    let mut ledger = Ledger::create("orders-gate").unwrap();
    let stamp = Stamp::new(now(), [3; 32]);
    let draft = Draft::new(Event::GrantAuthorized, stamp.id("test"), stamp.now())
        .with("claims", claims.to_value())
        .committing(["/claims/adg".to_owned()], &stamp);
    let padding = Step::note("padding", 1.into(), Stamp::new(now(), [4; 32]));
    let staged = ledger.stage(padding).unwrap();
    let mut records = staged.records().to_vec();
    staged.commit();
    let staged = ledger.stage(Step::new(vec![draft], Refusal::new(&stamp), |fate| fate)).unwrap();
    records.extend(staged.records().to_vec());
    let openings = staged.openings().cloned().collect();
    let Fate::Stored(places) = staged.commit() else { panic!("refused") };
    let reference = LogReference::new("orders-gate", 2, places[0].leaf).unwrap();
    let token = Authorization::of_claims(claims).with_log(reference).sign(&issuer_key());
    let note = ledger.checkpoint().sign(&log_key());
    (Logged { token: token.token().to_owned(), records, note }, openings)
}

#[test]
fn committed_claim_passes_with_its_opening_alone() {
    let (logged, openings) = committed();
    assert_eq!(openings.len(), 1, "the terms have a digest");
    let closed = LogProofError::Closed { path: "/claims/adg".to_owned() };
    assert_eq!(refusal(logged.judge(&logged.proof(2))), closed);
    assert_eq!(closed.to_string(), "log proof has nothing that opens /claims/adg");
    let proof = logged.proof(2).with_openings(openings.clone());
    assert_eq!(LogProof::read(&proof.to_text()), Ok(proof.clone()));
    logged.judge(&proof).unwrap();

    let other = openings[0].to_line().replacen("sha-256:", "sha-256:0", 1);
    let proof = logged.proof(2).with_openings([Opening::read(other).unwrap()]);
    assert_eq!(refusal(logged.judge(&proof)), closed);
    let mut torn = logged.proof(2);
    torn.record.extend_from_slice(b"\n{}");
    assert_eq!(refusal(logged.judge(&torn)), LogProofError::Line { line: 2 });
}
