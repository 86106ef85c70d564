use serde_json::{Value, json};

use super::*;
use crate::grant::claims::Terms;
use crate::grant::error::moment;
use crate::grant::tests::{attempt, now, terms, token, verifier};
use crate::grant::{Delegation, VerifiedGrant, VerifyError};
use crate::payload::Payload;
use crate::request::{Action, Resource};

const END: i64 = 1_800_003_600;

fn key(fill: u8) -> SigningKey {
    SigningKey::from_seed([fill; 32])
}

fn approval() -> SignedApproval {
    SignedApproval::new("https://jit.example", "req-4821", "user/ana", &attempt(), 1, moment(END))
}

fn approvals() -> Vec<String> {
    vec![approval().sign("user/bo", &key(21)).unwrap(), approval().sign("user/cy", &key(22)).unwrap()]
}

fn granted(approvals: Vec<String>) -> Terms {
    let mut constraints = Constraints::default();
    constraints.set(Constraint::MaxUses, json!(1)).unwrap();
    let approvals = approvals.into_iter().map(Approval::Signed).collect();
    Terms { constraints, approvals, ..terms() }
}

fn verify(terms: Terms) -> Result<VerifiedGrant, VerifyError> {
    let approvers = [("user/ana", 20), ("user/bo", 21), ("user/cy", 22), ("user/bo", 23)];
    let approvers = approvers.map(|(person, fill)| (person.to_owned(), key(fill).public()));
    verifier().requiring_approvals(2, approvers).verify(&token(terms), attempt(), now())
}

fn refusal(terms: Terms) -> QuorumError {
    match verify(terms) {
        Err(VerifyError::Quorum(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn with_one(first: String) -> QuorumError {
    refusal(granted(vec![first, approval().sign("user/cy", &key(22)).unwrap()]))
}

fn signed(claims: &Value, fill: u8) -> String {
    let key = key(fill);
    let input = signing_input(TYP, Algorithm::default(), key.public_ref().thumbprint(), &claims.to_string());
    let signature = key.sign(input.as_bytes());
    seal(input, &signature)
}

fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut claims = serde_json::from_str(&approval().to_text("user/bo")).unwrap();
    change(&mut claims);
    signed(&claims, 21)
}

#[test]
fn two_people_with_two_keys_carry_a_grant() {
    let redemption = verify(granted(approvals())).unwrap().redeem();
    assert_eq!(redemption.keys().len(), 1);
    // The same approvals could carry another grant until their end: its use must still be known then.
    assert_eq!(redemption.keep_until(), moment(END + 60));
}

#[test]
fn issuer_s_word_counts_for_nothing() {
    let named = vec![
        Approval::Named { by: "user/bo".into(), at: 1_799_999_900 },
        Approval::Named { by: "user/cy".into(), at: 1_799_999_900 },
    ];
    let error = refusal(Terms { approvals: named, ..granted(Vec::new()) });
    assert_eq!(error, QuorumError::TooFew { found: 0, required: 2 });
    let one = approval().sign("user/bo", &key(21)).unwrap();
    assert_eq!(refusal(granted(vec![one])), QuorumError::TooFew { found: 1, required: 2 });
}

#[test]
fn one_person_counts_once_whatever_their_keys() {
    let again =
        [approval().sign("user/bo", &key(21)).unwrap(), approval().sign("user/bo", &key(23)).unwrap()];
    assert_eq!(refusal(granted(again.to_vec())), QuorumError::Twice { person: "user/bo".into() });
    let same = approval().sign("user/bo", &key(21)).unwrap();
    assert_eq!(refusal(granted(vec![same.clone(), same])), QuorumError::Twice { person: "user/bo".into() });
}

#[test]
fn requester_does_not_approve() {
    let own = approval().sign("user/ana", &key(20)).unwrap();
    assert_eq!(with_one(own), QuorumError::Requester { person: "user/ana".into() });
}

#[test]
fn approval_in_another_name_or_by_a_strange_key_is_refused() {
    let (found, expected) = ("user/dee".into(), "user/bo".into());
    assert_eq!(
        with_one(approval().sign("user/dee", &key(21)).unwrap()),
        QuorumError::Person { found, expected }
    );
    let strange = with_one(approval().sign("user/bo", &key(1)).unwrap());
    assert_eq!(strange, QuorumError::UnknownKey { key_id: key(1).public().thumbprint().into() });
    let good = approval().sign("user/bo", &key(21)).unwrap();
    let (head, _) = good.rsplit_once('.').unwrap();
    assert_eq!(with_one(seal(head.to_owned(), &key(1).sign(head.as_bytes()))), QuorumError::Signature);
}

#[test]
fn approval_fits_one_request_and_action() {
    let other = |issuer: &str, request: &str, attempt: &Attempt| {
        let approval = SignedApproval::new(issuer, request, "user/ana", attempt, 1, moment(END));
        with_one(approval.sign("user/bo", &key(21)).unwrap())
    };
    let differs = |claim| QuorumError::Differs { claim };
    let run = |action: Action| Attempt::new(action, Resource::new("database", "orders"));
    let sql = attempt().action.payload().unwrap().clone();
    assert_eq!(other("https://other", "req-4821", &attempt()), differs("iss"));
    assert_eq!(other("https://jit.example", "req-4822", &attempt()), differs("req"));
    let stolen = Terms { subject: "user/eve".into(), ..granted(approvals()) };
    assert_eq!(refusal(stolen), differs("sub"));
    let explain = run(Action::new("sql.explain").with_payload(sql.clone()));
    assert_eq!(other("https://jit.example", "req-4821", &explain), differs("act"));
    let elsewhere =
        Attempt::new(Action::new("sql.execute").with_payload(sql), Resource::new("database", "users"));
    assert_eq!(other("https://jit.example", "req-4821", &elsewhere), differs("res"));
    for action in [Action::new("sql.execute"), Action::new("sql.execute").with_payload(Payload::plain("x"))] {
        assert_eq!(other("https://jit.example", "req-4821", &run(action)), differs("adg"));
    }
}

#[test]
fn grant_is_no_wider_than_each_approval() {
    let wider = |claim| QuorumError::Wider { claim };
    let short = SignedApproval::new(
        "https://jit.example",
        "req-4821",
        "user/ana",
        &attempt(),
        1,
        moment(1_800_000_899),
    );
    assert_eq!(with_one(short.sign("user/bo", &key(21)).unwrap()), wider("exp"));
    let rows = approval().constrained("max_rows", json!(5)).unwrap();
    assert_eq!(with_one(rows.sign("user/bo", &key(21)).unwrap()), wider("max_rows"));
    let mut twice = granted(approvals());
    twice.constraints.set(Constraint::MaxUses, json!(2)).unwrap();
    assert_eq!(refusal(twice), wider("max_uses"));
    let uncounted = Terms { constraints: Constraints::default(), ..granted(approvals()) };
    assert_eq!(refusal(uncounted), wider("max_uses"));
}

#[test]
fn approvals_of_one_grant_share_their_uses_with_a_second() {
    let key_of = |terms: Terms| verify(terms).unwrap().redeem().keys().to_vec();
    let second = Terms { id: "01JD8X2M9Q7ZK4T6V3W5Y1B0CB".into(), ..granted(approvals()) };
    assert_eq!(key_of(granted(approvals())), key_of(second));
}

#[test]
fn delegated_grant_stands_on_the_approvals_of_its_root() {
    let root = |approvals| token(Terms { holder: Some(key(11).public()), ..granted(approvals) });
    let check = |root: String| {
        let child = Delegation::new(&root, "agent/7", &key(12).public(), "01JD8X2M9Q7ZK4T6").unwrap();
        let child = child.sign(&key(11)).unwrap();
        let approvers = [("user/bo", 21), ("user/cy", 22)];
        let approvers = approvers.map(|(person, fill)| (person.to_owned(), key(fill).public()));
        let proof = attempt().prove(child.token(), "database/orders", &key(12), now());
        let attempt = attempt().with_proof(&proof);
        verifier()
            .requiring_approvals(2, approvers)
            .verify_chain(&[&root, child.token()], attempt, now())
            .map(drop)
    };
    assert_eq!(check(root(approvals())), Ok(()));
    let missing = QuorumError::TooFew { found: 0, required: 2 };
    assert_eq!(check(root(Vec::new())), Err(VerifyError::Quorum(missing)));
}

#[test]
fn approval_is_read_as_strictly_as_a_grant() {
    assert!(matches!(with_one("a.b".into()), QuorumError::Token(TokenError::Parts { count: 2 })));
    assert!(matches!(with_one(token(terms())), QuorumError::Token(TokenError::Type { .. })));
    for claim in ["v", "iss", "req", "sub", "by", "act", "res", "uses", "not_after"] {
        let without = changed(|claims| drop(claims.as_object_mut().unwrap().remove(claim)));
        assert_eq!(with_one(without), QuorumError::Claims(ClaimError::Missing { claim }));
    }
    let unknown = changed(|claims| claims["exp"] = json!(1));
    assert!(matches!(with_one(unknown), QuorumError::Claims(ClaimError::Unknown { .. })));
    for (member, value) in [
        ("uses", json!(0)),
        ("uses", json!(1001)),
        ("uses", json!("1")),
        ("not_after", json!(1.5)),
        ("by", json!("")),
        ("adg", json!("md5:AAAA")),
        ("con", json!({ "mfa_fresh": true })),
        ("con", json!({ "max_uses": 1 })),
        ("con", json!([])),
    ] {
        let typed = changed(|claims| claims[member] = value.clone());
        let error = with_one(typed);
        assert!(
            matches!(error, QuorumError::Claims(ClaimError::Type { claim, .. }) if claim == member),
            "{member} {value}"
        );
    }
}

#[test]
fn approval_that_no_verifier_reads_is_not_signed() {
    let none = SignedApproval::new("https://jit.example", "req-4821", "user/ana", &attempt(), 0, moment(END));
    assert!(matches!(
        none.sign("user/bo", &key(21)),
        Err(QuorumError::Claims(ClaimError::Type { claim: "uses", .. }))
    ));
    for name in ["mfa_fresh", "max_uses"] {
        let error = approval().constrained(name, json!(1)).unwrap_err();
        assert!(matches!(error, QuorumError::Claims(ClaimError::Type { claim: "con", .. })));
    }
    let long =
        SignedApproval::new(&"x".repeat(2_048), &"x".repeat(2_048), "user/ana", &attempt(), 1, moment(END));
    assert!(matches!(long.sign("user/bo", &key(21)), Err(QuorumError::Token(TokenError::TooLarge { .. }))));
}

#[test]
fn messages_name_person_and_claim() {
    for (error, message, reason) in [
        (
            QuorumError::Token(TokenError::Critical),
            "approval: header demands extensions by `crit`",
            "approval_rejected",
        ),
        (
            QuorumError::Claims(ClaimError::Missing { claim: "by" }),
            "approval: claim `by` is missing",
            "approval_rejected",
        ),
        (QuorumError::UnknownKey { key_id: "k".into() }, "no approver has the key `k`", "approval_rejected"),
        (QuorumError::Signature, "signature of an approval does not hold", "approval_rejected"),
        (
            QuorumError::Person { found: "a".into(), expected: "b".into() },
            "approval is in the name of `a`, its key is that of `b`",
            "approval_rejected",
        ),
        (
            QuorumError::Requester { person: "ana".into() },
            "approver `ana` is also the requester",
            "approval_rejected",
        ),
        (QuorumError::Twice { person: "bo".into() }, "approver `bo` counts once", "approval_rejected"),
        (
            QuorumError::Differs { claim: "act" },
            "`act` of the grant differs from what was approved",
            "approval_rejected",
        ),
        (
            QuorumError::Wider { claim: "exp" },
            "`exp` of the grant is wider than what was approved",
            "approval_rejected",
        ),
        (
            QuorumError::TooFew { found: 1, required: 2 },
            "grant has 1 signed approvals, expected 2",
            "approvals_missing",
        ),
    ] {
        assert_eq!((error.to_string().as_str(), error.reason()), (message, reason));
        assert_eq!(VerifyError::Quorum(error.clone()).reason(), reason);
    }
}

fn coverage(terms: Terms) -> Result<(), ClaimError> {
    Claims::new(terms).unwrap().covered().map(drop)
}

#[test]
fn terms_take_approvals_that_carry_the_grant() {
    coverage(granted(approvals())).unwrap();
    coverage(terms()).unwrap();
    let (by, approval) = SignedApproval::open(&approvals()[0]).unwrap();
    assert_eq!((by.as_str(), approval.uses(), approval.not_after()), ("user/bo", 1, moment(END)));
    assert_eq!(approval, self::approval());
}

#[test]
fn terms_refuse_approvals_that_no_verifier_would_count() {
    let [first, second] = approvals().try_into().unwrap();
    let other =
        SignedApproval { request: "req-4822".into(), ..approval() }.sign("user/bo", &key(21)).unwrap();
    let short = SignedApproval { not_after: 1_800_000_899, ..approval() }.sign("user/bo", &key(21)).unwrap();
    let own = approval().sign("user/ana", &key(20)).unwrap();
    for (approvals, message) in [
        (
            vec![other, second.clone()],
            "`user/bo` does not carry the grant: `req` of the grant differs from what was approved",
        ),
        (
            vec![short, second.clone()],
            "`user/bo` does not carry the grant: `exp` of the grant is wider than what was approved",
        ),
        (
            vec![own, second.clone()],
            "`user/ana` does not carry the grant: approver `user/ana` is also the requester",
        ),
        (
            vec![first.clone(), first.clone()],
            "`user/bo` does not carry the grant: approver `user/bo` counts once",
        ),
        (vec!["a.b".into(), second], "`` does not carry the grant: approval: token has 2 parts, expected 3"),
    ] {
        let error = coverage(granted(approvals)).unwrap_err();
        assert_eq!(error.to_string(), format!("signed approval of {message}"));
        assert_eq!(error.reason(), "approval_rejected");
    }
    let uncounted = Terms { constraints: Constraints::default(), ..granted(vec![first]) };
    assert!(matches!(coverage(uncounted), Err(ClaimError::Approval { .. })));
}
