//! Issue, verify and redeem together.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::claims::{Approval, Claims, Terms};
use super::constraint::{Constraint, Constraints};
use super::error::moment;
use super::token::seal;
use super::*;
use crate::keys::{KeySet, SigningKey};
use crate::payload::{Dialect, Payload};
use crate::request::{Action, Resource, Subject};

const ISSUED: i64 = 1_800_000_000;
const SQL: &str = "DELETE FROM orders WHERE id = 7";

pub(super) fn issuer_key() -> SigningKey {
    SigningKey::from_seed([1; 32])
}

fn sql(text: &str) -> Action {
    Action::new("sql.execute").with_payload(Payload::sql(Dialect::PostgreSql, text))
}

fn orders() -> Resource {
    Resource::new("database", "orders")
}

pub(super) fn attempt() -> Attempt {
    Attempt::new(sql(SQL), orders())
}

pub(super) fn terms() -> Terms {
    Terms {
        issuer: "https://jit.example".into(),
        subject: Subject::new("user", "ana").reference(),
        audience: orders().reference(),
        issued_at: moment(ISSUED),
        not_before: moment(ISSUED),
        expires_at: moment(ISSUED + 900),
        id: "01JD8X2M9Q7ZK4T6V3W5Y1B0CA".into(),
        action: "sql.execute".into(),
        resource: orders().reference().into(),
        request: "req-4821".into(),
        action_digest: sql(SQL).payload().map(|payload| payload.digest("database", "orders")),
        policy: None,
        constraints: Constraints::default(),
        approvals: vec![Approval::Named { by: "user/bo".into(), at: ISSUED - 60 }],
        holder: None,
    }
}

fn constrained(name: &str, value: serde_json::Value) -> Terms {
    let mut constraints = Constraints::default();
    constraints.set(Constraint::from_name(name).unwrap(), value).unwrap();
    Terms { constraints, ..terms() }
}

pub(super) fn token(terms: Terms) -> String {
    Authorization::of_claims(Claims::new(terms).unwrap()).sign(&issuer_key()).token().to_owned()
}

/// Signs claims that no terms can make.
pub(super) fn token_of(change: impl FnOnce(&mut Claims)) -> String {
    let mut claims = Claims::new(terms()).unwrap();
    change(&mut claims);
    Authorization::of_claims(claims).sign(&issuer_key()).token().to_owned()
}

pub(super) fn verifier() -> GrantVerifier {
    GrantVerifier::new("https://jit.example", "database/orders", KeySet::new([issuer_key().public()]))
}

pub(super) fn now() -> DateTime<Utc> {
    moment(ISSUED + 60)
}

fn verify(token: &str) -> Result<VerifiedGrant, VerifyError> {
    verifier().verify(token, attempt(), now())
}

fn refusal(token: &str) -> VerifyError {
    verify(token).unwrap_err()
}

#[test]
fn grant_verifies_for_what_was_approved() {
    let grant = Authorization::of_claims(Claims::new(terms()).unwrap()).sign(&issuer_key());
    let verified = verify(grant.token()).unwrap();
    assert_eq!((verified.id(), grant.id()), ("01JD8X2M9Q7ZK4T6V3W5Y1B0CA", "01JD8X2M9Q7ZK4T6V3W5Y1B0CA"));
    assert_eq!((verified.subject(), verified.request()), ("user/ana", "req-4821"));
    assert_eq!((verified.expires_at(), grant.expires_at()), (moment(ISSUED + 900), moment(ISSUED + 900)));
    assert_eq!((verified.policy(), verified.log()), (None, None));
    let permit = verified.redeem().confirm(None).unwrap();
    assert_eq!((permit.payload(), permit.action(), permit.resource()), (SQL, &sql(SQL), &orders()));
    assert_eq!((permit.grant(), permit.subject()), ("01JD8X2M9Q7ZK4T6V3W5Y1B0CA", "user/ana"));
    assert_eq!(permit.expires_at(), moment(ISSUED + 900));
}

#[test]
fn same_authorization_gives_the_same_bytes() {
    let claims = Claims::new(terms()).unwrap();
    let recorded = Claims::from_value(&claims.to_value()).unwrap();
    let reference = LogReference::new("gate/1", 4, [5; 32]).unwrap();
    let sign =
        |claims: Claims| Authorization::of_claims(claims).with_log(reference.clone()).sign(&issuer_key());
    let (first, again) = (sign(claims), sign(recorded));
    assert_eq!(first, again);
    assert_eq!(verify(first.token()).unwrap().log(), Some(&reference));
}

#[test]
fn grant_verifies_under_both_algorithm_names() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Ed25519] {
        let grant =
            Authorization::of_claims(Claims::new(terms()).unwrap()).using(algorithm).sign(&issuer_key());
        assert!(verify(grant.token()).is_ok());
    }
}

#[test]
fn signature_from_elsewhere_must_be_the_key_s() {
    let authorization = Authorization::of_claims(Claims::new(terms()).unwrap());
    assert_eq!(authorization.id(), "01JD8X2M9Q7ZK4T6V3W5Y1B0CA");
    let unsigned = authorization.prepare(&issuer_key().public());
    let wrong = SigningKey::from_seed([2; 32]).sign(unsigned.bytes());
    let error = unsigned.finish(wrong).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "signature is not that of key `{}` over the prepared bytes",
            issuer_key().public().thumbprint()
        )
    );
    let grant = unsigned.finish(issuer_key().sign(unsigned.bytes())).unwrap();
    assert_eq!(grant.token(), token(terms()));
}

#[test]
fn largest_claims_make_a_token_that_verifies() {
    let approvals: Vec<_> = (0..64).map(|at| Approval::Named { by: "b".repeat(50), at }).collect();
    let of = |subject: usize| {
        Claims::new(Terms { approvals: approvals.clone(), subject: "s".repeat(subject), ..terms() })
    };
    let room = crate::limits::CLAIMS_BYTES - of(1).unwrap().to_text().len();
    assert!(matches!(of(room + 2), Err(ClaimError::TooLarge { .. })));
    let claims = of(room + 1).unwrap();
    let stream = "\"".repeat(256);
    let claims = Authorization::of_claims(claims)
        .with_log(LogReference::new(&stream, (1 << 53) - 1, [0; 32]).unwrap());
    let grant = claims.using(Algorithm::Ed25519).sign(&issuer_key());
    assert!(grant.token().len() <= crate::limits::TOKEN_BYTES);
    assert!(verify(grant.token()).is_ok());
}

#[test]
fn other_key_and_altered_bytes_are_one_refusal() {
    let good = token(terms());
    let (head, _) = good.rsplit_once('.').unwrap();
    let forged = seal(head.to_owned(), &SigningKey::from_seed([2; 32]).sign(head.as_bytes()));
    assert_eq!(refusal(&forged), VerifyError::Signature);
    let other = token(Terms { subject: "user/eve".into(), ..terms() });
    let (_, stolen) = good.rsplit_once('.').unwrap();
    assert_eq!(refusal(&format!("{}.{stolen}", other.rsplit_once('.').unwrap().0)), VerifyError::Signature);
}

#[test]
fn unknown_and_unusable_keys_are_told_apart() {
    let keys = format!(r#"{{"keys":[{{"kty":"RSA","kid":"{}"}}]}}"#, issuer_key().public().thumbprint());
    let unusable = KeySet::from_jwks(&keys).unwrap();
    let with = |keys| GrantVerifier::new("https://jit.example", "database/orders", keys);
    let refusal = |keys| with(keys).verify(&token(terms()), attempt(), now()).unwrap_err();
    let key_id = issuer_key().public().thumbprint().to_owned();
    assert_eq!(refusal(unusable), VerifyError::UnusableKey { key_id: key_id.clone() });
    assert_eq!(refusal(KeySet::default()), VerifyError::UnknownKey { key_id: key_id.clone() });
    let other = KeySet::new([SigningKey::from_seed([2; 32]).public()]);
    assert_eq!(refusal(other), VerifyError::UnknownKey { key_id });
}

#[test]
fn issuer_and_audience_are_compared_byte_by_byte() {
    for issuer in ["https://jit.example/", "HTTPS://jit.example", "https://jit.exampl"] {
        let found = refusal(&token(Terms { issuer: issuer.into(), ..terms() }));
        assert_eq!(
            found,
            VerifyError::Issuer { found: issuer.into(), expected: "https://jit.example".into() }
        );
    }
    for audience in ["database/orders2", "database/order", "database%2Forders"] {
        let found = refusal(&token(Terms { audience: audience.into(), ..terms() }));
        assert_eq!(
            found,
            VerifyError::Audience { found: audience.into(), expected: "database/orders".into() }
        );
    }
}

#[test]
fn grant_is_alive_from_its_first_to_its_last_second() {
    let grant = token(Terms { not_before: moment(ISSUED + 10), ..terms() });
    let at = |second: i64, micros: i64| {
        let now = moment(ISSUED + second) + chrono::TimeDelta::microseconds(micros);
        verifier().verify(&grant, attempt(), now).map(drop)
    };
    assert!(
        matches!(at(9, 999_999), Err(VerifyError::NotYetValid { begins_at, .. }) if begins_at == moment(ISSUED + 10))
    );
    assert_eq!(at(10, 0), Ok(()));
    assert_eq!(at(899, 999_999), Ok(()));
    assert!(
        matches!(at(900, 0), Err(VerifyError::Expired { expires_at, .. }) if expires_at == moment(ISSUED + 900))
    );
}

#[test]
fn grant_is_not_valid_before_it_was_issued() {
    let grant = token(Terms { issued_at: moment(ISSUED + 100), ..terms() });
    assert!(matches!(refusal(&grant), VerifyError::NotYetValid { .. }));
}

#[test]
fn leeway_is_a_minute_at_most() {
    let grant = token(terms());
    let at = |leeway: u64, second: i64| {
        let verifier = verifier().with_leeway(Duration::from_secs(leeway));
        verifier.verify(&grant, attempt(), moment(ISSUED + second)).is_ok()
    };
    assert!(at(30, -30) && !at(30, -31) && at(30, 929) && !at(30, 930));
    assert!(at(3_600, -60) && !at(3_600, -61) && at(3_600, 959) && !at(3_600, 960));
}

#[test]
fn grant_must_end_after_it_begins() {
    for (issued, begins, expires) in [(0, 0, 0), (0, 10, 10), (20, 0, 20), (0, 10, 5)] {
        let grant = token_of(|claims| {
            (claims.issued_at, claims.not_before, claims.expires_at) =
                (ISSUED + issued, ISSUED + begins, ISSUED + expires);
        });
        assert!(matches!(refusal(&grant), VerifyError::TimeOrder { .. }), "{issued} {begins} {expires}");
    }
}

#[test]
fn lifetime_is_capped_by_the_verifier() {
    let of = |seconds: i64| token(Terms { expires_at: moment(ISSUED + seconds), ..terms() });
    assert!(verify(&of(28_800)).is_ok());
    assert_eq!(refusal(&of(28_801)), VerifyError::Lifetime { seconds: 28_801, limit: 28_800 });
    let short = verifier().with_max_lifetime(Duration::from_secs(600));
    let found = short.verify(&of(900), attempt(), now()).unwrap_err();
    assert_eq!(found, VerifyError::Lifetime { seconds: 900, limit: 600 });
    let forever = token_of(|claims| claims.expires_at = crate::json::MAX_INTEGER);
    let limit = verifier().with_max_lifetime(Duration::MAX);
    assert!(limit.verify(&forever, attempt(), now()).unwrap().redeem().keep_until() > now());
}

#[test]
fn constraint_that_the_tool_does_not_enforce_is_refused() {
    for (name, value) in [
        ("max_rows", json!(500)),
        ("read_only", json!(true)),
        ("cidr", json!("10.0.0.0/8")),
        ("max_sessions", json!(1)),
        ("idle_s", json!(60)),
    ] {
        let grant = token(constrained(name, value.clone()));
        assert_eq!(
            refusal(&grant),
            VerifyError::ConstraintNotEnforced { name: Constraint::from_name(name).unwrap().as_str() }
        );
        let enforcing = verifier().enforcing([name, "no_such_constraint"]);
        let permit = enforcing.verify(&grant, attempt(), now()).unwrap().redeem().confirm(None).unwrap();
        assert_eq!(permit.constraint(name), Some(&value));
        assert_eq!(permit.constraint("max_uses"), None);
    }
}

#[test]
fn grant_that_demands_fresh_revocations_is_refused_without_them() {
    let grant = token(constrained("revocation_max_age_s", json!(60)));
    assert_eq!(refusal(&grant), VerifyError::RevocationsUnknown { limit: 60 });
}

#[test]
fn grant_fits_one_action_and_resource() {
    let refused = |action: Action, resource: Resource| {
        verifier().verify(&token(terms()), Attempt::new(action, resource), now()).unwrap_err()
    };
    let other = Action::new("sql.explain").with_payload(Payload::sql(Dialect::PostgreSql, SQL));
    let found = refused(other, orders());
    assert_eq!(found, VerifyError::Action { granted: "sql.execute".into(), attempted: "sql.explain".into() });
    for resource in [Resource::new("database", "orders2"), Resource::new("cache", "orders")] {
        let attempted = resource.reference();
        let found = refused(sql(SQL), resource);
        assert_eq!(found, VerifyError::Resource { granted: "database/orders".into(), attempted });
    }
}

#[test]
fn grant_fits_one_payload() {
    let refused = |action: Action| {
        verifier().verify(&token(terms()), Attempt::new(action, orders()), now()).unwrap_err()
    };
    let payload = Payload::sql(Dialect::PostgreSql, SQL);
    for altered in [
        Payload::sql(Dialect::PostgreSql, "DELETE FROM orders WHERE id = 8"),
        Payload::sql(Dialect::MySql, SQL),
        Payload::plain(SQL),
        payload.clone().with_parameters(["7"]),
        Payload::argv([SQL]),
    ] {
        let found = refused(Action::new("sql.execute").with_payload(altered));
        assert!(matches!(found, VerifyError::Payload { granted: Some(_), attempted: Some(_) }));
    }
    assert!(matches!(
        refused(Action::new("sql.execute")),
        VerifyError::Payload { granted: Some(_), attempted: None }
    ));
    let unbound = token(Terms { action_digest: None, ..terms() });
    assert!(matches!(refusal(&unbound), VerifyError::Payload { granted: None, attempted: Some(_) }));
}

#[test]
fn grant_bound_to_what_is_not_checked_is_refused() {
    let child = token_of(|claims| claims.parent = Some(format!("sha-256:{}", "0".repeat(64))));
    assert_eq!(refusal(&child), VerifyError::OutsideChain);
    let signed = token(Terms { approvals: vec![Approval::Signed("a.b.c".into())], ..terms() });
    assert_eq!(refusal(&signed), VerifyError::SignedApprovals);
    let holder = SigningKey::from_seed([3; 32]).public();
    let bound = token(Terms { holder: Some(holder.clone()), ..terms() });
    assert_eq!(refusal(&bound), VerifyError::ProofRequired { key_id: holder.thumbprint().to_owned() });
}

#[test]
fn revoked_grant_is_refused_by_its_id() {
    let knowing = verifier().with_revoked(["01JD8X2M9Q7ZK4T6V3W5Y1B0CA"]);
    let found = knowing.verify(&token(terms()), attempt(), now()).unwrap_err();
    assert_eq!(found, VerifyError::Revoked { id: "01JD8X2M9Q7ZK4T6V3W5Y1B0CA".into() });
    assert!(verify(&token(Terms { id: "01JD8X2M9Q7ZK4T6V3W5Y1B0CB".into(), ..terms() })).is_ok());
}

#[test]
fn counted_use_needs_its_key() {
    let redemption = || verify(&token(constrained("max_uses", json!(2)))).unwrap().redeem();
    let keys = redemption().keys().to_vec();
    assert_eq!(keys.len(), 2);
    assert_eq!(redemption().keep_until(), moment(ISSUED + 960));
    for key in &keys {
        assert_eq!(redemption().confirm(Some(key.clone())).unwrap().payload(), SQL);
    }
    let replayed = VerifyError::Replayed { id: "01JD8X2M9Q7ZK4T6V3W5Y1B0CA".into(), uses: 2 };
    assert_eq!(redemption().confirm(None).unwrap_err(), replayed);
    assert_eq!(redemption().confirm_use(Some(2)).unwrap_err(), replayed);
    let strange = redemption().confirm(Some("use/1".into())).unwrap_err();
    assert_eq!(strange, VerifyError::UnknownUse { key: "use/1".into() });
}

#[test]
fn uncounted_use_takes_no_key() {
    let redemption = || verify(&token(terms())).unwrap().redeem();
    assert!(redemption().keys().is_empty());
    assert!(redemption().confirm(None).is_ok());
    assert!(matches!(redemption().confirm(Some("use/1".into())), Err(VerifyError::UnknownUse { .. })));
    assert!(matches!(redemption().confirm_use(Some(0)), Err(VerifyError::Replayed { .. })));
}

#[test]
fn uses_are_counted_under_issuer_and_request() {
    let key_of = |terms: Terms| verify(&token(terms)).unwrap().redeem().keys()[0].clone();
    let once = || constrained("max_uses", json!(1));
    let again =
        Terms { id: "01JD8X2M9Q7ZK4T6V3W5Y1B0CB".into(), expires_at: moment(ISSUED + 1_800), ..once() };
    assert_eq!(key_of(once()), key_of(again));
    assert_ne!(key_of(once()), key_of(Terms { request: "req-4822".into(), ..once() }));
    assert_eq!(key_of(once()), format!("use/{}/1", root_by_hand()));
}

fn root_by_hand() -> String {
    use sha2::{Digest, Sha256};
    let mut bytes = Vec::new();
    for part in ["countersign/use/v1", "https://jit.example", "req-4821"] {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    crate::hex::encode(&Sha256::digest(&bytes))
}

#[test]
fn tool_may_let_every_grant_be_used_once_only() {
    let strict = verifier().with_single_use();
    for grant in [token(terms()), token(constrained("max_uses", json!(5)))] {
        let redemption = strict.verify(&grant, attempt(), now()).unwrap().redeem();
        assert_eq!(redemption.keys().len(), 1);
        assert!(matches!(redemption.confirm(None), Err(VerifyError::Replayed { uses: 1, .. })));
    }
}

#[test]
fn use_that_comes_after_the_deadline_of_the_first_is_refused() {
    let by = ISSUED + 60;
    let late = || VerifyError::FirstUseTooLate { first_use_by: moment(by), now: now() };
    assert_eq!(refusal(&token(constrained("first_use_by", json!(by)))), late());
    assert!(verify(&token(constrained("first_use_by", json!(by + 1)))).is_ok());
    let mut counted = constrained("first_use_by", json!(by));
    counted.constraints.set(Constraint::MaxUses, json!(2)).unwrap();
    let redemption = || verify(&token(counted.clone())).unwrap().redeem();
    assert_eq!(redemption().check_use(Some(0)), Err(late()));
    assert_eq!(redemption().confirm_use(Some(0)).unwrap_err(), late());
    assert_eq!(redemption().confirm_use(Some(1)).unwrap_err(), late());
}

#[test]
fn faults_are_named_in_their_order() {
    // Each grant has the faults of all that follow it.
    let mut terms = constrained("max_rows", json!(1));
    (terms.issuer, terms.audience) = ("https://other".into(), "other".into());
    terms.expires_at = moment(ISSUED + 10);
    terms.action = "other".into();
    terms.holder = Some(issuer_key().public());
    let refuse = |terms: &Terms| {
        let knowing = verifier().with_revoked([terms.id.as_str()]);
        knowing.verify(&token(terms.clone()), attempt(), now()).unwrap_err().reason()
    };
    assert_eq!(refuse(&terms), "iss_mismatch");
    terms.issuer = "https://jit.example".into();
    assert_eq!(refuse(&terms), "aud_mismatch");
    terms.audience = "database/orders".into();
    assert_eq!(refuse(&terms), "expired");
    terms.expires_at = moment(ISSUED + 900);
    assert_eq!(refuse(&terms), "constraint_unknown");
    terms.constraints = Constraints::default();
    assert_eq!(refuse(&terms), "action_mismatch");
    terms.action = "sql.execute".into();
    assert_eq!(refuse(&terms), "proof_required");
    terms.holder = None;
    assert_eq!(refuse(&terms), "revoked");
}

#[test]
fn tokens_stay_out_of_debug() {
    let grant = Authorization::of_claims(Claims::new(terms()).unwrap()).sign(&issuer_key());
    assert_eq!(format!("{grant:?}"), r#"Grant { id: "01JD8X2M9Q7ZK4T6V3W5Y1B0CA", .. }"#);
}

#[test]
fn messages_compare_what_was_found() {
    let (at, now) = (moment(1_796_032_800), moment(1_796_036_400));
    let id = || "g1".to_owned();
    for (error, message, reason) in [
        (VerifyError::UnknownKey { key_id: id() }, "no key has the id `g1`", "kid_unknown"),
        (VerifyError::UnusableKey { key_id: id() }, "key `g1` is not an Ed25519 key", "key_rejected"),
        (VerifyError::Signature, "signature does not hold", "bad_signature"),
        (
            VerifyError::Issuer { found: "a".into(), expected: "b".into() },
            "issuer is `a`, expected `b`",
            "iss_mismatch",
        ),
        (
            VerifyError::Audience { found: "a".into(), expected: "b".into() },
            "audience is `a`, expected `b`",
            "aud_mismatch",
        ),
        (
            VerifyError::TimeOrder { begins_at: now, expires_at: at },
            "grant ends at 2026-11-30T10:00:00Z, not after 2026-11-30T11:00:00Z",
            "time_order",
        ),
        (
            VerifyError::Lifetime { seconds: 9, limit: 8 },
            "grant lives 9 s, limit is 8 s",
            "lifetime_too_long",
        ),
        (
            VerifyError::NotYetValid { begins_at: now, now: at },
            "grant is valid from 2026-11-30T11:00:00Z, checked at 2026-11-30T10:00:00Z",
            "not_yet_valid",
        ),
        (
            VerifyError::Expired { expires_at: at, now: at },
            "grant expired at 2026-11-30T10:00:00Z, checked at 2026-11-30T10:00:00Z",
            "expired",
        ),
        (VerifyError::UnknownConstraint { name: "x".into() }, "unknown constraint `x`", "constraint_unknown"),
        (
            VerifyError::ConstraintNotEnforced { name: "cidr" },
            "constraint `cidr` is not enforced here",
            "constraint_unknown",
        ),
        (
            VerifyError::FirstUseTooLate { first_use_by: at, now },
            "first use was allowed before 2026-11-30T10:00:00Z, checked at 2026-11-30T11:00:00Z",
            "expired",
        ),
        (
            VerifyError::Action { granted: "a".into(), attempted: "b".into() },
            "grant is for action `a`, attempted is `b`",
            "action_mismatch",
        ),
        (
            VerifyError::Resource { granted: "a".into(), attempted: "b".into() },
            "grant is for resource `a`, attempted is `b`",
            "action_mismatch",
        ),
        (
            VerifyError::Payload { granted: None, attempted: Some("sha-256:0".into()) },
            "grant is for payload none, attempted is sha-256:0",
            "action_mismatch",
        ),
        (VerifyError::OutsideChain, "grant is delegated and stands outside its chain", "chain_required"),
        (VerifyError::SignedApprovals, "signed approvals are not checked here", "approvals_unchecked"),
        (
            VerifyError::ProofRequired { key_id: id() },
            "grant is bound to key `g1`, the attempt has no proof of it",
            "proof_required",
        ),
        (VerifyError::ProofUnexpected, "attempt has a proof, the grant is bound to no key", "proof_rejected"),
        (VerifyError::Revoked { id: id() }, "grant `g1` is revoked", "revoked"),
        (
            VerifyError::RevocationsUnknown { limit: 60 },
            "grant demands a view of revocations of at most 60 s, there is none",
            "revocations_unknown",
        ),
        (
            VerifyError::RevocationsStale { age: 61, limit: 60 },
            "view of revocations is 61 s old, limit is 60 s",
            "revocations_stale",
        ),
        (
            VerifyError::RevocationsOlder { found: 1, known: 2 },
            "list of revocations has sequence 1, known is 2",
            "revocations_older",
        ),
        (VerifyError::RevokedKey { key_id: id() }, "key `g1` is revoked", "revoked"),
        (VerifyError::Replayed { id: id(), uses: 1 }, "grant `g1` has no use left of 1", "replayed"),
        (VerifyError::UnknownUse { key: "a".into() }, "use `a` is none of this grant", "use_unknown"),
    ] {
        assert_eq!((error.to_string().as_str(), error.reason()), (message, reason));
    }
}

#[test]
fn issued_token_is_the_published_one() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/vectors/grants.json")).unwrap();
    let claims = vectors["grant"]["claims"].as_str().unwrap();
    let read = Claims::from_value(&serde_json::from_str(claims).unwrap()).unwrap();
    assert_eq!(read.to_text(), claims);
    let key = SigningKey::from_seed(std::array::from_fn(|index| u8::try_from(index).unwrap()));
    assert_eq!(Authorization::of_claims(read).sign(&key).token(), vectors["grant"]["token"]);
}
