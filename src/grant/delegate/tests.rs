use serde_json::{Value, json};

use super::*;
use crate::grant::claims::Terms;
use crate::grant::constraint::Constraints;
use crate::grant::error::moment;
use crate::grant::tests::{attempt, now, terms, token, token_of, verifier};
use crate::grant::token::{seal, signing_input};
use crate::grant::{GrantVerifier, LogReference, RevocationList, VerifiedGrant};

fn key(fill: u8) -> SigningKey {
    SigningKey::from_seed([fill; 32])
}

fn root_terms() -> Terms {
    let mut constraints = Constraints::default();
    constraints.set(Constraint::MaxRows, json!(100)).unwrap();
    constraints.set(Constraint::MaxUses, json!(3)).unwrap();
    Terms { constraints, holder: Some(key(11).public()), ..terms() }
}

fn root() -> String {
    token(root_terms())
}

fn id(hand: u8) -> String {
    format!("01JD8X2M9Q7ZK4T6V3W5Y1B0{hand:02}")
}

/// Derives a grant for the person and key of the next hand.
fn hand_on(parent: &str, hand: u8) -> Delegation {
    Delegation::new(parent, &format!("agent/{hand}"), &key(hand + 1).public(), &id(hand)).unwrap()
}

fn checking() -> GrantVerifier {
    verifier().enforcing(["max_rows", "read_only"])
}

/// Verifies a chain with a proof by the key of the last hand.
fn verify(chain: &[&str], last: u8) -> Result<VerifiedGrant, VerifyError> {
    let proof = attempt().prove(chain.last().unwrap(), "database/orders", &key(last), now());
    checking().verify_chain(chain, attempt().with_proof(&proof), now())
}

fn chain_fault(chain: &[&str], last: u8) -> DelegationError {
    match verify(chain, last) {
        Err(VerifyError::Chain(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// Signs a child that [`Delegation`] would not.
fn forged(parent: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = hand_on(parent, 11).claims.to_value();
    change(&mut claims);
    signed(&claims, &key(11))
}

fn signed(claims: &Value, key: &SigningKey) -> String {
    let input = signing_input(TYP, Algorithm::default(), key.public_ref().thumbprint(), &claims.to_string());
    let signature = key.sign(input.as_bytes());
    seal(input, &signature)
}

#[test]
fn chain_of_four_verifies_for_its_last_holder() {
    let root = root();
    let first = hand_on(&root, 11).constrained("max_rows", json!(50)).unwrap().sign(&key(11)).unwrap();
    let second = hand_on(first.token(), 12).ending(moment(1_800_000_600)).sign(&key(12)).unwrap();
    let third = hand_on(second.token(), 13).beginning(moment(1_800_000_030)).sign(&key(13)).unwrap();
    let chain = [&root, first.token(), second.token(), third.token()];
    let verified = verify(&chain, 14).unwrap();
    assert_eq!((verified.id(), verified.subject()), (id(13).as_str(), "agent/13"));
    assert_eq!(verified.expires_at(), moment(1_800_000_600));
    let direct = checking().verify(&root, proven(&root, 11), now()).unwrap().redeem();
    let redemption = verified.redeem();
    assert_eq!(redemption.keys(), direct.keys());
    let permit = redemption.confirm(direct.keys().first().cloned()).unwrap();
    assert_eq!(permit.constraint("max_rows"), Some(&json!(50)));
}

fn proven(token: &str, hand: u8) -> crate::grant::Attempt {
    attempt().with_proof(&attempt().prove(token, "database/orders", &key(hand), now()))
}

#[test]
fn policy_and_log_are_the_root_s() {
    let policy = format!("sha-256:{}", "0a".repeat(32));
    let reference = LogReference::new("gate/1", 7, [9; 32]).unwrap();
    let root = token_of(|claims| {
        claims.holder = Some(key(11).public());
        claims.policy = Some(policy.clone());
        claims.log = Some(reference.clone());
    });
    let child = hand_on(&root, 11).sign(&key(11)).unwrap();
    let verified = verify(&[&root, child.token()], 12).unwrap();
    assert_eq!((verified.policy(), verified.log()), (Some(policy.as_str()), Some(&reference)));
}

#[test]
fn chain_has_one_to_four_grants() {
    let root = root();
    for count in [0, 5] {
        let chain = vec![root.as_str(); count];
        let error = checking().verify_chain(&chain, attempt(), now()).unwrap_err();
        assert_eq!(error, VerifyError::Chain(DelegationError::Length { count }));
    }
}

#[test]
fn last_holder_must_prove_their_key() {
    let root = root();
    let child = hand_on(&root, 11).sign(&key(11)).unwrap();
    let chain = [root.as_str(), child.token()];
    let error = checking().verify_chain(&chain, attempt(), now()).unwrap_err();
    assert!(matches!(error, VerifyError::ProofRequired { .. }));
    assert!(matches!(verify(&chain, 11), Err(VerifyError::Proof(_))));
    let of_root = checking().verify_chain(&chain, proven(&root, 12), now()).unwrap_err();
    assert!(matches!(of_root, VerifyError::Proof(_)));
}

#[test]
fn child_must_be_signed_by_the_key_of_its_parent() {
    let root = root();
    let by_other = signed(&hand_on(&root, 11).claims.to_value(), &key(12));
    let (found, expected) = (key(12).public().thumbprint().into(), key(11).public().thumbprint().into());
    assert_eq!(chain_fault(&[&root, &by_other], 12), DelegationError::Key { found, expected });
    let good = hand_on(&root, 11).sign(&key(11)).unwrap();
    let (head, _) = good.token().rsplit_once('.').unwrap();
    let altered = seal(head.to_owned(), &key(12).sign(head.as_bytes()));
    assert_eq!(verify(&[&root, &altered], 12).unwrap_err(), VerifyError::Signature);
    let by_issuer = signed(&hand_on(&root, 11).claims.to_value(), &key(1));
    assert!(matches!(chain_fault(&[&root, &by_issuer], 12), DelegationError::Key { .. }));
}

#[test]
fn chain_must_be_whole_and_in_order() {
    let root = root();
    let child = hand_on(&root, 11).sign(&key(11)).unwrap();
    let other = token(Terms { id: id(99), ..root_terms() });
    assert_eq!(chain_fault(&[&other, child.token()], 12), DelegationError::Parent { index: 1 });
    let orphan = forged(&root, |claims| drop(claims.as_object_mut().unwrap().remove("par")));
    assert_eq!(chain_fault(&[&root, &orphan], 12), DelegationError::Parent { index: 1 });
    assert!(matches!(verify(&[child.token(), &root], 11), Err(VerifyError::UnknownKey { .. })));
    assert!(matches!(verify(&[child.token()], 12), Err(VerifyError::UnknownKey { .. })));
    let grandchild = hand_on(child.token(), 12).sign(&key(12)).unwrap();
    assert!(matches!(chain_fault(&[&root, grandchild.token()], 13), DelegationError::Key { .. }));
}

#[test]
fn root_that_names_a_parent_is_refused() {
    let root = token_of(|claims| {
        claims.holder = Some(key(11).public());
        claims.parent = Some(format!("sha-256:{}", "0".repeat(64)));
    });
    let child = hand_on(&root, 11).sign(&key(11)).unwrap();
    assert_eq!(verify(&[&root, child.token()], 12).unwrap_err(), VerifyError::OutsideChain);
}

#[test]
fn grant_without_a_key_cannot_be_passed_on() {
    let unbound = token(Terms { holder: None, ..root_terms() });
    let error = Delegation::new(&unbound, "agent/7", &key(12).public(), &id(11)).unwrap_err();
    assert_eq!(error, DelegationError::Unbound);
    let child = hand_on(&root(), 11).sign(&key(11)).unwrap();
    assert_eq!(chain_fault(&[&unbound, child.token()], 12), DelegationError::Unbound);
}

#[test]
fn every_claim_that_differs_or_widens_is_named() {
    let root = root();
    for (claim, value) in [
        ("iss", json!("https://other")),
        ("aud", json!("database/other")),
        ("req", json!("req-1")),
        ("act", json!("sql.explain")),
        ("res", json!("database/other")),
        ("adg", json!(format!("sha-256:{}", "0".repeat(64)))),
    ] {
        let child = forged(&root, |claims| claims[claim] = value);
        assert_eq!(chain_fault(&[&root, &child], 12), DelegationError::Differs { claim });
    }
    let unbound = forged(&root, |claims| drop(claims.as_object_mut().unwrap().remove("adg")));
    assert_eq!(chain_fault(&[&root, &unbound], 12), DelegationError::Differs { claim: "adg" });
    for (claim, value) in [
        ("pol", json!(format!("sha-256:{}", "0".repeat(64)))),
        ("apr", json!([{ "by": "user/bo", "at": 1 }])),
        ("log", json!({ "leaf": format!("sha-256:{}", "0".repeat(64)), "seq": 1, "stream": "a" })),
    ] {
        let child = forged(&root, |claims| claims[claim] = value);
        assert_eq!(chain_fault(&[&root, &child], 12), DelegationError::RootOnly { claim });
    }
    for (claim, value) in [
        ("iat", json!(1_799_999_999)),
        ("nbf", json!(1_799_999_999)),
        ("exp", json!(1_800_000_901)),
        ("jti", json!(root_terms().id)),
    ] {
        let child = forged(&root, |claims| claims[claim] = value);
        assert_eq!(chain_fault(&[&root, &child], 12), DelegationError::Wider { claim });
    }
    let keyless = forged(&root, |claims| drop(claims.as_object_mut().unwrap().remove("cnf")));
    assert_eq!(chain_fault(&[&root, &keyless], 12), DelegationError::Wider { claim: "cnf" });
    for (claim, con) in [
        ("max_rows", json!({ "max_rows": 101, "max_uses": 3 })),
        ("max_rows", json!({ "max_uses": 3 })),
        ("max_uses", json!({ "max_rows": 100, "max_uses": 4 })),
    ] {
        let child = forged(&root, |claims| claims["con"] = con);
        assert_eq!(chain_fault(&[&root, &child], 12), DelegationError::Wider { claim });
    }
}

#[test]
fn unknown_constraint_of_any_grant_in_the_chain_is_refused() {
    let claims = Claims::new(root_terms()).unwrap().to_value();
    let mut strange = claims.clone();
    strange["con"]["mfa_fresh"] = json!(true);
    let root = signed(&strange, &key(1));
    let mut child = Claims::new(root_terms()).unwrap().to_value();
    let child = {
        child["jti"] = json!(id(11));
        child["par"] = json!(token_digest(&root));
        child.as_object_mut().unwrap().remove("apr");
        signed(&child, &key(11))
    };
    let error = verify(&[&root, &child], 11).unwrap_err();
    assert_eq!(error, VerifyError::UnknownConstraint { name: "mfa_fresh".into() });
}

#[test]
fn wider_child_is_not_signed() {
    let root = root();
    let wider = |child: Delegation| child.sign(&key(11)).unwrap_err();
    let later = moment(1_800_000_901);
    assert_eq!(wider(hand_on(&root, 11).ending(later)), DelegationError::Wider { claim: "exp" });
    let sooner = moment(1_799_999_999);
    assert_eq!(wider(hand_on(&root, 11).beginning(sooner)), DelegationError::Wider { claim: "nbf" });
    let more = hand_on(&root, 11).constrained("max_rows", json!(101)).unwrap();
    assert_eq!(wider(more), DelegationError::Wider { claim: "max_rows" });
    let error = hand_on(&root, 11).sign(&key(12)).unwrap_err();
    assert!(matches!(error, DelegationError::Key { .. }));
    let error = hand_on(&root, 11).constrained("mfa_fresh", json!(true)).unwrap_err();
    assert!(matches!(error, DelegationError::Claims(ClaimError::Type { claim: "con", .. })));
    let error = Delegation::new(&root, "agent/7", &key(12).public(), "short").unwrap_err();
    assert!(matches!(error, DelegationError::Claims(ClaimError::Type { claim: "jti", .. })));
    let error = Delegation::new("a.b", "agent/7", &key(12).public(), &id(11)).unwrap_err();
    assert!(matches!(error, DelegationError::Token(TokenError::Parts { count: 2 })));
}

#[test]
fn later_issue_of_a_child_does_not_shorten_its_root() {
    let long = token(Terms { expires_at: moment(1_800_030_000), ..root_terms() });
    let child = forged(&long, |claims| claims["iat"] = json!(1_800_000_050));
    assert_eq!(
        verify(&[&long, &child], 12).unwrap_err(),
        VerifyError::Lifetime { seconds: 30_000, limit: 28_800 }
    );
}

#[test]
fn any_revoked_grant_of_the_chain_ends_it() {
    let root = root();
    let child = hand_on(&root, 11).sign(&key(11)).unwrap();
    let chain = [root.as_str(), child.token()];
    let refused = |list: RevocationList| {
        let text = list.sign(&key(1)).unwrap();
        let knowing = checking().with_revocations(&text, std::time::Duration::from_secs(60)).unwrap();
        knowing.verify_chain(&chain, proven(child.token(), 12), now()).unwrap_err().reason()
    };
    let list = || RevocationList::new("https://jit.example", 1, now());
    assert_eq!(refused(list().grant(&root_terms().id)), "revoked");
    assert_eq!(refused(list().grant(&id(11))), "revoked");
    assert_eq!(refused(list().subject("user/ana", now())), "revoked");
    assert_eq!(refused(list().key(key(11).public().thumbprint())), "revoked");
}

#[test]
fn first_use_of_a_delegated_grant_is_any_of_its_uses() {
    let root = root();
    let child = hand_on(&root, 11).constrained("first_use_by", json!(1_800_000_060)).unwrap();
    let child = child.sign(&key(11)).unwrap();
    assert!(matches!(verify(&[&root, child.token()], 12), Err(VerifyError::FirstUseTooLate { .. })));
}

#[test]
fn signature_from_elsewhere_seals_a_child() {
    let root = root();
    let unsigned = hand_on(&root, 11).prepare(&key(11).public()).unwrap();
    let child = unsigned.finish(key(11).sign(unsigned.bytes())).unwrap();
    assert!(verify(&[&root, child.token()], 12).is_ok());
}

#[test]
fn messages_name_what_is_wider() {
    for (error, message, reason) in [
        (
            DelegationError::Token(TokenError::KeyId),
            "`kid` is not 1 to 64 characters of base64url",
            "kid_rejected",
        ),
        (
            DelegationError::Claims(ClaimError::Missing { claim: "v" }),
            "claim `v` is missing",
            "claim_missing",
        ),
        (DelegationError::Length { count: 5 }, "chain has 5 grants, expected 1 to 4", "chain_broken"),
        (DelegationError::Unbound, "grant is bound to no key, so nobody can pass it on", "chain_broken"),
        (
            DelegationError::Key { found: "a".into(), expected: "b".into() },
            "child is by key `a`, its parent is bound to `b`",
            "kid_unknown",
        ),
        (
            DelegationError::Parent { index: 1 },
            "grant 1 of the chain does not follow the one before it",
            "chain_broken",
        ),
        (
            DelegationError::Differs { claim: "act" },
            "`act` of the child differs from its parent's",
            "chain_differs",
        ),
        (
            DelegationError::Wider { claim: "exp" },
            "`exp` of the child is wider than its parent's",
            "chain_widens",
        ),
        (DelegationError::RootOnly { claim: "log" }, "`log` stands in a delegated grant", "chain_differs"),
    ] {
        assert_eq!((error.to_string().as_str(), error.reason()), (message, reason));
        assert_eq!(VerifyError::Chain(error.clone()).reason(), reason);
    }
}
