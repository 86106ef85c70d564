//! What holds for every grant.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::claims::{Approval, BOUNDS, Claims, Terms};
use super::constraint::{Constraint, Constraints};
use super::error::moment;
use super::token::{Algorithm, seal, signing_input};
use super::*;
use crate::keys::{KeySet, SigningKey};
use crate::request::{Action, Resource};

const NOW: i64 = 1_800_000_060;

fn key() -> SigningKey {
    SigningKey::from_seed([1; 32])
}

fn verifier() -> GrantVerifier {
    GrantVerifier::new("iss", "database/orders", KeySet::new([key().public()]))
        .enforcing(["max_rows", "cidr"])
}

fn attempt() -> Attempt {
    Attempt::new(Action::new("restart"), Resource::new("database", "orders"))
}

fn small_claims() -> Value {
    json!({
        "act": "restart", "aud": "database/orders", "exp": NOW + 60, "iat": NOW - 60, "iss": "iss",
        "jti": "01JD8X2M9Q7ZK4T6", "nbf": NOW - 60, "req": "r", "res": "database/orders", "sub": "user/ana", "v": 1,
    })
}

fn signed(claims: &str) -> String {
    let input = signing_input(TYP, Algorithm::EdDsa, key().public().thumbprint(), claims);
    let signature = key().sign(input.as_bytes());
    seal(input, &signature)
}

fn constraint() -> impl Strategy<Value = (Constraint, Value)> {
    prop_oneof![
        (0..=1_000_000_i64).prop_map(|rows| (Constraint::MaxRows, json!(rows))),
        (1..=1_000_i64).prop_map(|uses| (Constraint::MaxUses, json!(uses))),
        any::<bool>().prop_map(|only| (Constraint::ReadOnly, json!(only))),
        (any::<u32>(), 0..=32_u32).prop_map(|(bits, prefix)| {
            let network = std::net::Ipv4Addr::from(bits & u32::MAX.checked_shl(32 - prefix).unwrap_or(0));
            (Constraint::Cidr, json!(format!("{network}/{prefix}")))
        }),
        (0..=1_000_000_i64).prop_map(|seconds| (Constraint::IdleSeconds, json!(seconds))),
    ]
}

fn constraints() -> impl Strategy<Value = Constraints> {
    vec(constraint(), 0..5).prop_map(|entries| {
        let mut constraints = Constraints::default();
        for (constraint, value) in entries {
            constraints.set(constraint, value).unwrap();
        }
        constraints
    })
}

prop_compose! {
    fn terms()(
        texts in vec("[ -~\u{e0}-\u{ff}\u{4e00}-\u{4eff}\u{1f600}-\u{1f64f}]{1,40}", 6),
        times in (0..=1_i64 << 40, 0..=1_i64 << 40, 0..=1_i64 << 40),
        id in "[A-Za-z0-9._~-]{16,128}",
        digests in (proptest::option::of("sha-256:[0-9a-f]{64}"), proptest::option::of("sha-256:[A-Za-z0-9_-]{43}")),
        constraints in constraints(),
        approvals in vec(("[ -~]{1,20}", 0..=1_i64 << 40), 0..4),
        holder in proptest::option::of(any::<[u8; 32]>()),
    ) -> Terms {
        Terms {
            issuer: texts[0].clone(),
            subject: texts[1].clone(),
            audience: texts[2].clone(),
            action: texts[3].clone(),
            resource: texts[4].clone().into(),
            request: texts[5].clone(),
            issued_at: moment(times.0),
            not_before: moment(times.1),
            expires_at: moment(times.2),
            id,
            action_digest: digests.0,
            policy: digests.1,
            constraints,
            approvals: approvals.into_iter().map(|(by, at)| Approval::Named { by, at }).collect(),
            holder: holder.map(|seed| SigningKey::from_seed(seed).public()),
        }
    }
}

/// A change to a JSON object, of the kinds that break readers.
fn mutation() -> impl Strategy<Value = (usize, usize, String)> {
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("-0".to_owned()),
        Just("1e400".to_owned()),
        Just("9223372036854775808".to_owned()),
        Just("\"\\ud800\"".to_owned()),
        Just("{\"v\":1,\"v\":1}".to_owned()),
        Just("[".repeat(9)),
        "\"[ -~]{0,20}\"",
        "[0-9.eE+-]{1,12}",
        "\\PC{0,12}",
    ];
    (any::<usize>(), any::<usize>(), value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn claims_read_back_as_they_were_written(terms in terms()) {
        let claims = Claims::new(terms).unwrap();
        let text = claims.to_text();
        let read = Claims::read(&crate::json::parse(text.as_bytes(), BOUNDS).unwrap()).unwrap();
        prop_assert_eq!(&read, &claims);
        prop_assert_eq!(read.to_text(), text);
        prop_assert_eq!(&Claims::from_value(&claims.to_value()).unwrap(), &claims);
    }

    #[test]
    fn any_text_is_refused_in_peace(text in "\\PC{0,300}", dotted in "[A-Za-z0-9_=.-]{0,300}") {
        for token in [text, dotted] {
            prop_assert!(verifier().verify(&token, attempt(), moment(NOW)).is_err());
        }
    }

    #[test]
    fn any_header_is_refused_in_peace(header in "\\{[ -~]{0,80}\\}") {
        let encode = |text: &str| crate::keys::base64url(text.as_bytes());
        let token = seal(format!("{}.{}", encode(&header), encode("{}")), &[0; 64]);
        prop_assert!(verifier().verify(&token, attempt(), moment(NOW)).is_err());
    }

    #[test]
    fn no_chain_of_narrower_constraints_widens(chain in vec(constraints(), 3)) {
        let narrower = |inner: &Constraints, outer: &Constraints| inner.widens(outer).is_none();
        prop_assert!(narrower(&chain[0], &chain[0]));
        if narrower(&chain[1], &chain[0]) && narrower(&chain[2], &chain[1]) {
            prop_assert!(narrower(&chain[2], &chain[0]));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_claims_never_panic_and_never_loosen((start, length, value) in mutation()) {
        let good = small_claims().to_string();
        let start = start % good.len();
        let end = (start + length % 12).min(good.len());
        let mutated = format!("{}{value}{}", &good[..start], &good[end..]);
        if let Ok(grant) = verifier().verify(&signed(&mutated), attempt(), moment(NOW)) {
            // What is still accepted says the same of everything that is compared.
            let claims: Value = serde_json::from_str(&mutated).unwrap();
            let original = small_claims();
            for compared in ["act", "aud", "iss", "res", "v"] {
                prop_assert_eq!(&claims[compared], &original[compared]);
            }
            prop_assert!(grant.expires_at() > moment(NOW));
        }
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let good = signed(&small_claims().to_string());
    assert!(verifier().verify(&good, attempt(), moment(NOW)).is_ok());
    let mut flips = 0;
    for at in 0..good.len() {
        for bit in 0..7 {
            let mut bytes = good.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let flipped = String::from_utf8(bytes).unwrap();
            assert!(verifier().verify(&flipped, attempt(), moment(NOW)).is_err(), "bit {bit} of byte {at}");
            flips += 1;
        }
    }
    // The eighth bit makes no text.
    assert_eq!(flips, good.len() * 7);
}
