//! What a request asks of its grant reaches the grant.

#![cfg(feature = "toml")]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod support;

use countersign::{
    Attempt, Authorization, GrantVerifier, LogProof, LogProofError, Outcome, ProofPlan, Record,
    RevocationList, SigningKey, VerifyError, Vote,
};

use support::walk::{DELETE, POLICY, action, allowed, approved, ask, orders, verifier, verify};
use support::{Host, STREAM, after, key, member};

fn attempt() -> Attempt {
    Attempt::new(action(DELETE), orders("prod"))
}

#[test]
fn request_with_a_holder_leads_to_a_grant_that_its_key_alone_can_use() {
    let holder = SigningKey::from_seed([41; 32]);
    let mut host = Host::new(POLICY);
    let opened = host.open(ask("prod").with_holder(holder.public()), after(0));
    host.vote(&opened, Vote::approve(member("bo", &["sre"])), after(1)).unwrap();
    let replayed = host.review(opened.id());
    assert_eq!(replayed.request(), opened.request());
    let grant = allowed(host.vote(&replayed, Vote::approve(member("cy", &["sre"])), after(2)));
    let alone = verify(grant.token(), DELETE, after(3)).unwrap_err();
    assert_eq!(alone, VerifyError::ProofRequired { key_id: holder.public().thumbprint().into() });
    let by = |key: &SigningKey| attempt().prove(grant.token(), "database/orders", key, after(3));
    let stolen = attempt().with_proof(&by(&SigningKey::from_seed([42; 32])));
    assert!(matches!(verifier().verify(grant.token(), stolen, after(3)), Err(VerifyError::Proof(_))));
    assert!(verifier().verify(grant.token(), attempt().with_proof(&by(&holder)), after(3)).is_ok());
    let again = allowed(host.recover(&host.review(opened.id()), after(4)));
    assert_eq!(again.token(), grant.token());
}

#[test]
fn zone_binds_to_the_holder_too() {
    let holder = SigningKey::from_seed([41; 32]);
    let mut host = Host::new(POLICY);
    let grant = allowed(host.submit(ask("dev").with_holder(holder.public()), after(0)));
    let error = verify(grant.token(), DELETE, after(1)).unwrap_err();
    assert!(matches!(error, VerifyError::ProofRequired { .. }));
}

/// The log's key, which signs no grants.
fn log_key() -> SigningKey {
    SigningKey::from_seed([31; 32])
}

fn strict() -> GrantVerifier {
    verifier().requiring_log([(STREAM.to_owned(), log_key().public())])
}

/// What the keeper of the log makes for the holder of a grant.
fn proof_of(host: &Host, place: impl Fn(&Record) -> bool) -> String {
    let resumed = countersign::Ledger::resume(STREAM, &host.lines).unwrap();
    let records = resumed.records();
    let record = records.iter().find(|record| place(record)).unwrap();
    let plan = ProofPlan::inclusion(record.seq(), records.len().try_into().unwrap()).unwrap();
    let leaf = |at: u64| records.get(usize::try_from(at).unwrap()).unwrap().leaf();
    let hashes = plan.subtrees().map(|tree| tree.hash(tree.records().map(leaf)).unwrap());
    let note = host.ledger.checkpoint().sign(&log_key());
    LogProof::new(record.seq(), record.bytes(), plan.assemble(hashes).unwrap(), &note).to_text()
}

#[test]
fn grant_of_a_gate_is_shown_to_be_logged() {
    let mut host = Host::new(POLICY);
    let (_, grant) = approved(&mut host);
    let proof = proof_of(&host, |record| record.event() == "grant.authorized");
    assert!(strict().verify(grant.token(), attempt().with_log_proof(&proof), after(3)).is_ok());
    let other = proof_of(&host, |record| record.event() == "review.approved");
    let error = strict().verify(grant.token(), attempt().with_log_proof(&other), after(3)).unwrap_err();
    assert!(matches!(error, VerifyError::Log(LogProofError::Seq { .. })));
}

#[test]
fn thief_of_the_issuer_key_has_no_record_for_a_grant_of_their_own() {
    let mut host = Host::new(POLICY);
    let (_, genuine) = approved(&mut host);
    let proof = proof_of(&host, |record| record.event() == "grant.authorized");
    // The thief runs a gate of their own, whose log has the same name.
    let mut own = Host::new(POLICY);
    let forge = |own: &mut Host| -> Authorization {
        match own.submit(ask("prod").as_emergency().with_reason("mine"), after(2)) {
            Ok(Outcome::Allow(authorization)) => authorization,
            other => panic!("expected a grant, found {other:?}"),
        }
    };
    let forged = forge(&mut own).sign(&key());
    assert!(verify(forged.token(), DELETE, after(3)).is_ok(), "without the log the key is enough");
    let shown = |proof: &str| {
        strict().verify(forged.token(), attempt().with_log_proof(proof), after(3)).map(drop).unwrap_err()
    };
    assert!(matches!(shown(&proof), VerifyError::Log(_)));
    let own_proof = proof_of(&own, |record| record.event() == "grant.authorized");
    let resigned = own_proof.split_once("\n\n").unwrap().0.to_owned();
    let note = own.ledger.checkpoint().sign(&key());
    let error = shown(&format!("{resigned}\n\n{note}"));
    assert!(matches!(error, VerifyError::Log(LogProofError::Checkpoint(_))), "{error}");
    let genuine_note = proof.split_once("\n\n").unwrap().1;
    assert!(matches!(shown(&format!("{resigned}\n\n{genuine_note}")), VerifyError::Log(_)));
    assert!(strict().verify(genuine.token(), attempt().with_log_proof(&proof), after(3)).is_ok());
}

#[test]
fn rule_is_revoked_by_the_grants_that_it_led_to() {
    let mut host = Host::new(POLICY);
    let (_, by_review) = approved(&mut host);
    let by_zone = allowed(host.submit(ask("dev"), after(3)));
    let resumed = countersign::Ledger::resume(STREAM, &host.lines).unwrap();
    let judge = |rule: &str, now| {
        let list = RevocationList::new(support::ISSUER, 1, now).rule(rule, resumed.records().iter().rev());
        let list = list.sign(&key()).unwrap();
        let verifier = verifier().with_revocations(&list, std::time::Duration::from_secs(60)).unwrap();
        [&by_review, &by_zone]
            .map(|grant| verifier.verify(grant.token(), attempt(), now).map_err(|error| error.reason()).err())
    };
    assert_eq!(judge("prod", after(4)), [Some("revoked"), None]);
    assert_eq!(judge("dev", after(4)), [None, Some("revoked")]);
    assert_eq!(judge("glass", after(4)), [None, None]);
    let ended = RevocationList::new(support::ISSUER, 1, by_review.expires_at());
    assert_eq!(ended.clone().rule("prod", resumed.records()), ended, "what has ended is not listed");
}
