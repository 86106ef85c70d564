use super::*;
use crate::grant::claims::Terms;
use crate::grant::tests::{attempt, now, terms, token, verifier};
use crate::grant::{VerifiedGrant, VerifyError};
use crate::payload::Payload;
use crate::request::{Action, Resource};

fn holder() -> SigningKey {
    SigningKey::from_seed([3; 32])
}

fn bound() -> String {
    token(Terms { holder: Some(holder().public()), ..terms() })
}

fn at(seconds: i64) -> DateTime<Utc> {
    now() + chrono::TimeDelta::seconds(seconds)
}

fn prove() -> String {
    attempt().prove(&bound(), "database/orders", &holder(), now())
}

fn verify(proof: &str) -> Result<VerifiedGrant, VerifyError> {
    verifier().verify(&bound(), attempt().with_proof(proof), now())
}

fn refusal(proof: &str) -> HolderProofError {
    match verify(proof) {
        Err(VerifyError::Proof(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn signed(claims: &str) -> String {
    let input = signing_input(TYP, Algorithm::default(), holder().public_ref().thumbprint(), claims);
    let signature = holder().sign(input.as_bytes());
    seal(input, &signature)
}

#[test]
fn holder_of_the_key_may_use_the_grant() {
    assert!(verify(&prove()).is_ok());
}

#[test]
fn bound_grant_without_proof_is_refused() {
    let error = verifier().verify(&bound(), attempt(), now()).unwrap_err();
    assert_eq!(error, VerifyError::ProofRequired { key_id: holder().public().thumbprint().to_owned() });
}

#[test]
fn proof_beside_an_unbound_grant_is_refused() {
    let error = verifier().verify(&token(terms()), attempt().with_proof(&prove()), now()).unwrap_err();
    assert_eq!(error, VerifyError::ProofUnexpected);
}

#[test]
fn proof_by_another_key_is_refused() {
    let thief = SigningKey::from_seed([4; 32]);
    let proof = attempt().prove(&bound(), "database/orders", &thief, now());
    let (found, expected) =
        (thief.public().thumbprint().to_owned(), holder().public().thumbprint().to_owned());
    assert_eq!(refusal(&proof), HolderProofError::Key { found, expected });
    let (head, _) = prove().rsplit_once('.').map(|(head, tail)| (head.to_owned(), tail.to_owned())).unwrap();
    let forged = seal(head.clone(), &thief.sign(head.as_bytes()));
    assert_eq!(refusal(&forged), HolderProofError::Signature);
}

#[test]
fn proof_fits_one_grant_audience_and_payload() {
    let other =
        token(Terms { id: "01JD8X2M9Q7ZK4T6V3W5Y1B0CB".into(), holder: Some(holder().public()), ..terms() });
    assert_eq!(
        refusal(&attempt().prove(&other, "database/orders", &holder(), now())),
        HolderProofError::Grant
    );
    let elsewhere = attempt().prove(&bound(), "database/orders2", &holder(), now());
    let (found, expected) = ("database/orders2".into(), "database/orders".into());
    assert_eq!(refusal(&elsewhere), HolderProofError::Audience { found, expected });
    for action in [Action::new("sql.execute"), Action::new("sql.execute").with_payload(Payload::plain("x"))] {
        let strange = Attempt::new(action, Resource::new("database", "orders"));
        assert_eq!(
            refusal(&strange.prove(&bound(), "database/orders", &holder(), now())),
            HolderProofError::Payload
        );
    }
}

#[test]
fn proof_lives_for_a_minute() {
    let proof = prove();
    let check =
        |seconds: i64| verifier().verify(&bound(), attempt().with_proof(&proof), at(seconds)).map(drop);
    assert_eq!(check(60), Ok(()));
    for seconds in [61, -1] {
        let stale = HolderProofError::Stale { made_at: now(), now: at(seconds) };
        assert_eq!(check(seconds), Err(VerifyError::Proof(stale)));
    }
    let lenient = verifier().with_leeway(std::time::Duration::from_secs(5));
    let check = |seconds: i64| lenient.verify(&bound(), attempt().with_proof(&proof), at(seconds)).is_ok();
    assert!(check(65) && !check(66) && check(-5) && !check(-6));
}

#[test]
fn proof_is_read_as_strictly_as_a_grant() {
    let digest = token_digest(&bound());
    let with = |claims: &str| refusal(&signed(claims));
    assert!(matches!(refusal("a.b"), HolderProofError::Token(TokenError::Parts { count: 2 })));
    assert!(matches!(
        refusal(&"a".repeat(2_049)),
        HolderProofError::Token(TokenError::TooLarge { limit: 2_048, .. })
    ));
    assert!(matches!(refusal(&bound()), HolderProofError::Token(TokenError::Type { .. })));
    assert!(matches!(with("{}"), HolderProofError::Claims(ClaimError::Missing { claim: "v" })));
    assert!(matches!(with(r#"{"v":2}"#), HolderProofError::Claims(ClaimError::Version { found: 2 })));
    assert!(matches!(with(r#"{"v":1,"htu":""}"#), HolderProofError::Claims(ClaimError::Unknown { .. })));
    for (claims, missing) in [
        (r#"{"v":1,"aud":"a","iat":1}"#.to_owned(), "gth"),
        (format!(r#"{{"v":1,"gth":"{digest}","iat":1}}"#), "aud"),
        (format!(r#"{{"v":1,"gth":"{digest}","aud":"a"}}"#), "iat"),
    ] {
        assert!(
            matches!(with(&claims), HolderProofError::Claims(ClaimError::Missing { claim }) if claim == missing)
        );
    }
    let typed = format!(r#"{{"v":1,"gth":"{digest}","aud":"a","iat":1.5}}"#);
    assert!(matches!(with(&typed), HolderProofError::Claims(ClaimError::Type { claim: "iat", .. })));
    let nested = format!(r#"{{"v":1,"gth":["{digest}"]}}"#);
    assert!(matches!(with(&nested), HolderProofError::Token(TokenError::Json { .. })));
}

#[test]
fn every_flipped_bit_of_a_proof_is_refused() {
    let (good, grant, holder) = (prove(), bound(), holder().public());
    let digest = attempt().action_digest();
    let expected = Expected {
        holder: &holder,
        grant: &grant,
        audience: "database/orders",
        action_digest: digest.as_deref(),
        leeway: 0,
        now: now(),
    };
    assert_eq!(check(&good, &expected), Ok(()));
    for at in 0..good.len() * 7 {
        let mut bytes = good.clone().into_bytes();
        bytes[at / 7] ^= 1 << (at % 7);
        let flipped = String::from_utf8(bytes).unwrap();
        assert!(check(&flipped, &expected).is_err(), "bit {at}");
    }
}

#[test]
fn messages_compare_what_was_found() {
    let (made_at, now) = (moment(1_796_032_800), moment(1_796_036_400));
    for (error, message, reason) in [
        (
            HolderProofError::Token(TokenError::KeyId),
            "proof: `kid` is not 1 to 64 characters of base64url",
            "proof_rejected",
        ),
        (
            HolderProofError::Claims(ClaimError::Missing { claim: "v" }),
            "proof: claim `v` is missing",
            "proof_rejected",
        ),
        (
            HolderProofError::Key { found: "a".into(), expected: "b".into() },
            "proof is by key `a`, grant is bound to `b`",
            "proof_rejected",
        ),
        (HolderProofError::Signature, "signature of the proof does not hold", "proof_rejected"),
        (HolderProofError::Grant, "proof is for another grant", "proof_rejected"),
        (
            HolderProofError::Audience { found: "a".into(), expected: "b".into() },
            "proof is for audience `a`, expected `b`",
            "proof_rejected",
        ),
        (HolderProofError::Payload, "proof is for another payload", "proof_rejected"),
        (
            HolderProofError::Stale { made_at, now },
            "proof was made at 2026-11-30T10:00:00Z, checked at 2026-11-30T11:00:00Z",
            "proof_stale",
        ),
    ] {
        assert_eq!((error.to_string().as_str(), error.reason()), (message, reason));
        assert_eq!(VerifyError::Proof(error.clone()).reason(), reason);
    }
}
