use serde_json::{Value, json};

use super::*;
use crate::grant::TokenError;
use crate::grant::constraint::{Constraint, Constraints};
use crate::grant::error::moment;
use crate::grant::tests::{attempt, now, terms, token, verifier};
use crate::grant::{GrantVerifier, claims::Terms};

const AGE: Duration = Duration::from_secs(300);

fn key() -> SigningKey {
    SigningKey::from_seed([1; 32])
}

fn list(sequence: u64) -> RevocationList {
    RevocationList::new("https://jit.example", sequence, now())
}

fn knowing(list: &RevocationList) -> GrantVerifier {
    verifier().with_revocations(&list.sign(&key()).unwrap(), AGE).unwrap()
}

fn refusal(list: &RevocationList, terms: Terms) -> Option<VerifyError> {
    knowing(list).verify(&token(terms), attempt(), now()).err()
}

fn signed(claims: &Value) -> String {
    let input =
        signing_input(TYP, Algorithm::default(), key().public_ref().thumbprint(), &claims.to_string());
    let signature = key().sign(input.as_bytes());
    seal(input, &signature)
}

fn with_list(text: &str) -> VerifyError {
    verifier().with_revocations(text, AGE).unwrap_err()
}

#[test]
fn grant_that_no_entry_names_passes() {
    let others = list(1)
        .grant("01JD8X2M9Q7ZK4T6V3W5Y1B0CB")
        .key("other")
        .subject("user/bo", now())
        .policy(&format!("sha-256:{}", "0".repeat(64)), now())
        .everything(moment(1_799_999_999));
    assert_eq!(refusal(&others, terms()), None);
}

#[test]
fn each_kind_of_entry_revokes() {
    let revoked = Some(VerifyError::Revoked { id: terms().id });
    let issued = terms().issued_at;
    let policy = format!("sha-256:{}", "0a".repeat(32));
    assert_eq!(refusal(&list(1).grant(&terms().id), terms()), revoked);
    assert_eq!(refusal(&list(1).subject("user/ana", issued), terms()), revoked);
    assert_eq!(refusal(&list(1).everything(issued), terms()), revoked);
    let of_policy = || Terms { policy: Some(policy.clone()), ..terms() };
    assert_eq!(refusal(&list(1).policy(&policy, issued), of_policy()), revoked);
    let thumbprint = key().public_ref().thumbprint().to_owned();
    let by_key = Some(VerifyError::RevokedKey { key_id: thumbprint.clone() });
    assert_eq!(refusal(&list(1).key(&thumbprint), terms()), by_key);
}

#[test]
fn grant_issued_after_a_bound_counts_again() {
    let before = moment(terms().issued_at.timestamp() - 1);
    assert_eq!(refusal(&list(1).subject("user/ana", before).everything(before), terms()), None);
}

#[test]
fn old_view_refuses_every_grant() {
    let at = |seconds: i64| {
        let now = now() + chrono::TimeDelta::seconds(seconds);
        knowing(&list(1))
            .with_leeway(Duration::from_secs(5))
            .verify(&token(terms()), attempt(), now)
            .map(drop)
    };
    assert_eq!(at(300), Ok(()));
    assert_eq!(at(301), Err(VerifyError::RevocationsStale { age: 301, limit: 300 }));
    assert_eq!(at(-5), Ok(()));
    assert_eq!(at(-6), Err(VerifyError::RevocationsStale { age: -6, limit: 300 }));
}

#[test]
fn grant_may_demand_a_fresher_view() {
    let mut demanding = terms();
    demanding.constraints.set(Constraint::RevocationMaxAge, json!(60)).unwrap();
    let at = |seconds: i64| {
        let now = now() + chrono::TimeDelta::seconds(seconds);
        knowing(&list(1)).verify(&token(demanding.clone()), attempt(), now).map(drop)
    };
    assert_eq!(at(60), Ok(()));
    assert_eq!(at(61), Err(VerifyError::RevocationsStale { age: 61, limit: 60 }));
}

#[test]
fn only_a_newer_list_replaces_a_list() {
    let text = |sequence, id: &str| list(sequence).grant(id).sign(&key()).unwrap();
    let known = verifier().with_revocations(&text(5, "a"), AGE).unwrap();
    for (sequence, id) in [(4, "a"), (5, "b")] {
        let error = known.clone().with_revocations(&text(sequence, id), AGE).unwrap_err();
        assert_eq!(
            error,
            VerifyError::RevocationsOlder { found: i64::try_from(sequence).unwrap(), known: 5 }
        );
    }
    assert!(known.clone().with_revocations(&text(5, "a"), AGE).is_ok());
    assert!(known.with_revocations(&text(6, "b"), AGE).is_ok());
}

#[test]
fn revoked_key_signs_no_further_list() {
    let thumbprint = key().public_ref().thumbprint().to_owned();
    let known = knowing(&list(1).key(&thumbprint));
    let error = known.with_revocations(&list(2).sign(&key()).unwrap(), AGE).unwrap_err();
    assert_eq!(error, VerifyError::RevokedKey { key_id: thumbprint });
}

#[test]
fn list_is_verified_as_strictly_as_a_grant() {
    let good = list(1).sign(&key()).unwrap();
    let strange = SigningKey::from_seed([2; 32]);
    assert!(matches!(with_list(&list(1).sign(&strange).unwrap()), VerifyError::UnknownKey { .. }));
    let (head, _) = good.rsplit_once('.').unwrap();
    assert_eq!(with_list(&seal(head.to_owned(), &strange.sign(head.as_bytes()))), VerifyError::Signature);
    assert!(matches!(with_list(&token(terms())), VerifyError::Token(TokenError::Type { .. })));
    let other = RevocationList::new("https://other", 1, now()).sign(&key()).unwrap();
    assert!(matches!(with_list(&other), VerifyError::Issuer { .. }));
    let grant = verifier().verify(&good, attempt(), now()).unwrap_err();
    assert!(matches!(grant, VerifyError::Token(TokenError::Type { .. })));
}

#[test]
fn claims_of_a_list_are_closed_and_typed() {
    let base = || json!({ "v": 1, "iss": "https://jit.example", "seq": 1, "iat": 1_800_000_000 });
    assert!(verifier().with_revocations(&signed(&base()), AGE).is_ok());
    for (member, value) in [
        ("seq", json!(-1)),
        ("seq", json!("1")),
        ("iat", json!(1.5)),
        ("all", json!("now")),
        ("jti", json!("a")),
        ("jti", json!([1])),
        ("kid", json!([""])),
        ("sub", json!(["user/ana"])),
        ("sub", json!([["user/ana", 1, 2]])),
        ("sub", json!([["user/ana", "1"]])),
        ("sub", json!([["user/ana", 1], ["user/ana", 2]])),
        ("pol", json!({})),
    ] {
        let mut claims = base();
        claims[member] = value.clone();
        let error = with_list(&signed(&claims));
        assert!(
            matches!(error, VerifyError::Claims(ClaimError::Type { claim, .. }) if claim == member),
            "{member} {value}"
        );
    }
    for member in ["iss", "seq", "iat", "v"] {
        let mut claims = base();
        claims.as_object_mut().unwrap().remove(member);
        assert!(
            matches!(with_list(&signed(&claims)), VerifyError::Claims(ClaimError::Missing { claim }) if claim == member)
        );
    }
    let mut claims = base();
    claims["rule"] = json!(["a"]);
    assert!(matches!(with_list(&signed(&claims)), VerifyError::Claims(ClaimError::Unknown { .. })));
}

#[test]
fn list_that_no_verifier_reads_is_not_signed() {
    let error = list(1).grant("a\u{202e}").sign(&key()).unwrap_err();
    assert!(matches!(error, VerifyError::Claims(ClaimError::Type { claim: "jti", .. })));
    assert!(list(1 << 53).sign(&key()).is_err());
    let long = (0..8_000).fold(list(1), |list, id| list.grant(&format!("01JD8X2M9Q7ZK4T6V3W5Y1{id:06}")));
    let error = long.sign(&key()).unwrap_err();
    assert!(matches!(
        error,
        VerifyError::Token(TokenError::TooLarge { limit: limits::REVOCATIONS_BYTES, .. })
    ));
}

#[test]
fn list_is_written_sorted_and_read_back() {
    let full = list(7)
        .grant("b")
        .grant("a")
        .key("k")
        .subject("user/\"x\"", now())
        .policy("p", now())
        .everything(now());
    assert_eq!(
        full.to_text(),
        r#"{"all":1800000060,"iat":1800000060,"iss":"https://jit.example","jti":["a","b"],"kid":["k"],"pol":[["p",1800000060]],"seq":7,"sub":[["user/\"x\"",1800000060]],"v":1}"#
    );
    let text = full.to_text();
    assert_eq!(RevocationList::read(&crate::json::parse(text.as_bytes(), BOUNDS).unwrap()).unwrap(), full);
}

#[test]
fn key_of_the_holder_ends_what_is_bound_to_it() {
    let holder = SigningKey::from_seed([11; 32]);
    let token = token(Terms { holder: Some(holder.public()), ..terms() });
    let judge = |list: RevocationList| {
        let attempt = attempt().with_proof(&attempt().prove(&token, "database/orders", &holder, now()));
        let list = list.sign(&key()).unwrap();
        verifier().with_revocations(&list, Duration::from_secs(60)).unwrap().verify(&token, attempt, now())
    };
    let list = || RevocationList::new("https://jit.example", 1, now());
    assert!(judge(list()).is_ok());
    let key_id = holder.public().thumbprint().to_owned();
    assert_eq!(judge(list().key(&key_id)).map(drop), Err(VerifyError::RevokedKey { key_id }));
}

#[test]
fn key_of_an_approver_takes_the_approvals_back() {
    let bo = SigningKey::from_seed([21; 32]);
    let until = now() + chrono::TimeDelta::hours(1);
    let approval = SignedApproval::new("https://jit.example", "req-4821", "user/ana", &attempt(), 1, until);
    let approvals = vec![Approval::Signed(approval.sign("user/bo", &bo).unwrap())];
    let mut constraints = Constraints::default();
    constraints.set(Constraint::MaxUses, 1.into()).unwrap();
    let token = token(Terms { approvals, constraints, ..terms() });
    let key_id = bo.public().thumbprint().to_owned();
    let judge = |list: RevocationList| {
        let verifier = verifier().requiring_approvals(1, [("user/bo".to_owned(), bo.public())]);
        let list = list.sign(&key()).unwrap();
        verifier.with_revocations(&list, Duration::from_secs(60)).unwrap().verify(&token, attempt(), now())
    };
    let list = || RevocationList::new("https://jit.example", 1, now());
    assert!(judge(list()).is_ok());
    assert_eq!(judge(list().key(&key_id)).map(drop), Err(VerifyError::RevokedKey { key_id }));
}
