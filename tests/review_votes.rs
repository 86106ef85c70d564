//! Kinds of votes, what they may change, and what ends a review beside them.

#![cfg(feature = "toml")]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod support;

use countersign::{
    Attempt, Effect, Gate, Ledger, Outcome, Request, Review, ReviewState, SignedApproval, SigningKey,
    Subject, Vote, VoteError,
};
use serde_json::{Value, json};

use support::reviews::{HEAD, ask, back, cast, claimed, dba, host, lead, no, one, sre, word, yes};
use support::walk::allowed;
use support::{Host, ISSUER, STREAM, after, policy};

fn content(host: &Host, event: &str) -> Value {
    let log = Ledger::resume(STREAM, &host.lines).unwrap();
    let record = log.records().iter().rfind(|record| record.event() == event);
    Value::Object(record.unwrap_or_else(|| panic!("no {event}")).content())
}

// Kinds.

#[test]
fn automatic_votes_together_count_as_one_person() {
    let bot = |id: &str| yes(Subject::new("bot", id).with("groups", ["sre"])).automatic();
    let two = "approve = { count = 2, from = 'sre' }";
    assert_eq!(cast(&mut one("approve = { from = 'sre' }"), [bot("a")]), ["allow"]);
    assert_eq!(cast(&mut one(two), [bot("a"), bot("b")]), ["review", "review"]);
    assert_eq!(cast(&mut one(two), [bot("a"), yes(sre("bo"))]), ["review", "allow"]);
    let people = "approve = { from = 'sre && vote.kind == \"person\"' }";
    assert_eq!(cast(&mut one(people), [bot("a"), yes(sre("bo"))]), ["ineligible", "allow"]);
    let rejecting = no(Subject::new("bot", "a").with("groups", ["sre"])).automatic();
    assert_eq!(cast(&mut one(two), [rejecting]), ["deny"], "a program's no is a no");
}

#[test]
fn advisory_votes_and_comments_never_count() {
    let two = "approve = { count = 2, from = 'sre' }";
    let advice = |verdict: Vote| verdict.advisory().with_comment("looks risky");
    let votes = [
        advice(yes(sre("model"))),
        advice(no(sre("model"))),
        Vote::comment(dba("eve"), "why now?"),
        Vote::comment(sre("ana"), "because"),
        Vote::comment(sre("bo"), " "),
        yes(sre("bo")),
        Vote::comment(claimed("x"), "hello"),
    ];
    let mut host = one(two);
    let words = cast(&mut host, votes);
    assert_eq!(words, ["review", "review", "review", "review", "empty", "review", "unattested"]);
    let review = host.reviews().remove(0);
    let said: Vec<_> = review.comments().map(|(who, text, verdict)| (who.id(), text, verdict)).collect();
    let expected = [
        ("model", "looks risky", Some(true)),
        ("model", "looks risky", Some(false)),
        ("eve", "why now?", None),
        ("ana", "because", None),
    ];
    assert_eq!(said, expected);
    let mut review = host.reviews().remove(0);
    for place in 4..countersign::limits::REMARKS {
        let said = Vote::comment(dba("eve"), format!("{place}"));
        let Ok(Outcome::Review(next)) = host.vote(&review, said, after(60)) else { panic!("open") };
        review = next;
    }
    assert_eq!(word(&host.vote(&review, Vote::comment(dba("eve"), "more"), after(61))), "too many comments");
    assert_eq!(word(&host.vote(&review, yes(sre("cy")), after(62))), "allow", "comments crowd nothing out");
}

#[test]
fn forced_vote_counts_only_where_force_is_admitted() {
    let plain = "approve = { count = 2, from = 'sre || lead' }";
    assert_eq!(cast(&mut one(plain), [Vote::force(lead("cto"))]), ["ineligible"]);
    let shortcut =
        "approve = { any = [{ count = 2, from = 'sre' }, { from = 'lead && vote.kind == \"force\"' }] }";
    assert_eq!(cast(&mut one(shortcut), [yes(lead("cto"))]), ["ineligible"], "without force it is none");
    assert_eq!(cast(&mut one(shortcut), [Vote::force(sre("bo"))]), ["ineligible"]);
    assert_eq!(cast(&mut one(shortcut), [Vote::force(lead("cto"))]), ["allow"]);
    assert_eq!(cast(&mut one(shortcut), [yes(sre("bo")), yes(sre("cy"))]), ["review", "allow"]);
    let named = format!(
        "{}[[review]]\nid = 'x'\nwhen = 'true'\napprove = {{ from = 'forcing' }}\n",
        HEAD.replace("[let]", "[let]\nforcing = 'lead && vote.kind == \"force\"'")
    );
    let mut host = Host::new(&named);
    assert_eq!(cast(&mut host, [Vote::force(lead("cto"))]), ["allow"], "by a named condition, too");
}

#[test]
fn separate_review_takes_people_of_its_own() {
    let review = |id: &str, rest: &str| format!("[[review]]\nid = '{id}'\nwhen = 'true'\n{rest}\n");
    let by = |from: &str| format!("approve = {{ from = '{from}' }}");
    let apart = review("a", &by("sre || lead")) + &review("b", &format!("separate = true\n{}", by("sre")));
    assert_eq!(cast(&mut host(&apart), [yes(sre("bo"))]), ["review"]);
    assert_eq!(cast(&mut host(&apart), [yes(sre("bo")), yes(sre("cy"))]), ["review", "allow"]);
    assert_eq!(cast(&mut host(&apart), [yes(sre("bo")), yes(lead("cy"))]), ["review", "allow"]);
    // Two that share, one apart: the shared one may be the same person, the other never.
    let three = apart.clone() + &review("c", &by("sre || dba"));
    assert_eq!(cast(&mut host(&three), [yes(sre("bo")), yes(sre("cy"))]), ["review", "allow"]);
    assert_eq!(cast(&mut host(&three), [yes(sre("bo")), yes(lead("cy"))]), ["review", "review"]);
    let found = [yes(sre("bo")), yes(lead("cy")), yes(dba("dee"))];
    assert_eq!(cast(&mut host(&three), found), ["review", "review", "allow"]);
}

// What votes may change.

#[test]
fn votes_narrow_only_what_the_plan_lets_them() {
    let approve = "approve = { count = 2, from = 'sre' }\ngrant = { max_uses = 3 }";
    let rows = |id: &str, rows: i64| yes(sre(id)).narrowed("max_rows", rows.into());
    assert_eq!(cast(&mut one(approve), [rows("bo", 10)]), ["may not narrow"]);
    let narrow = format!("may = ['narrow']\n{approve}");
    assert_eq!(cast(&mut one(&narrow), [yes(sre("bo")).narrowed("rows", 1.into())]), ["narrowing"]);
    assert_eq!(cast(&mut one(&narrow), [yes(sre("bo")).narrowed("max_rows", json!("1"))]), ["narrowing"]);
    assert_eq!(
        cast(&mut one(&narrow), [yes(sre("bo")).narrowed("max_uses", 4.into())]),
        ["widens constraint"]
    );
    let networks = [json!("10.0.0.0/8"), json!("192.168.0.0/16")];
    let [ten, other] = networks.map(|network| yes(sre("bo")).narrowed("cidr", network));
    let mut host = one(&narrow);
    let review = host.open(ask(), after(0));
    host.vote(&review, ten, after(1)).unwrap();
    let review = host.review(review.id());
    let cy = yes(sre("cy")).narrowed("cidr", json!("192.168.0.0/16"));
    assert_eq!(word(&host.vote(&review, cy, after(2))), "widens constraint", "neither is within the other");
    assert_eq!(word(&host.vote(&review, other, after(3))), "review", "one may change one's own");
    let mut host = one(&narrow);
    let review = host.open(ask(), after(0));
    host.vote(&review, rows("bo", 100).narrowed("read_only", true.into()), after(1)).unwrap();
    let review = host.review(review.id());
    let _ = allowed(host.vote(&review, rows("cy", 10).narrowed("max_uses", 1.into()), after(2)));
    let claims = &content(&host, "grant.authorized")["claims"];
    assert_eq!(claims["con"], json!({ "max_rows": 10, "max_uses": 1, "read_only": true }));
}

// Withdrawal after the approval.

const REVOKING: &str =
    "on_withdraw = 'revoke'\ngrant = { max_uses = 2 }\napprove = { count = 2, from = 'sre' }";

#[test]
fn withdrawn_approval_revokes_the_grant_and_takes_its_uses() {
    let mut host = one(REVOKING);
    let review = host.open(ask(), after(0));
    host.vote(&review, yes(sre("bo")), after(1)).unwrap();
    let grant = allowed(host.vote(&host.review(review.id()), yes(sre("cy")), after(2)));
    assert_eq!(content(&host, "grant.authorized")["claims"]["con"]["revocation_max_age_s"], 300);
    let verifier = countersign::GrantVerifier::new(
        ISSUER,
        "database/orders",
        countersign::KeySet::new([support::key().public()]),
    );
    let attempt =
        Attempt::new(countersign::Action::new("run"), countersign::Resource::new("database", "orders"));
    assert!(verifier.verify(grant.token(), attempt, after(3)).is_err(), "no view of revocations, no use");
    let review = host.review(review.id());
    assert_eq!(word(&host.vote(&review, back(dba("eve")), after(3))), "nothing");
    assert_eq!(word(&host.vote(&review, yes(sre("dee")), after(3))), "approved");
    assert_eq!(word(&host.vote(&review, back(sre("bo")), after(4))), "deny");
    assert_eq!(host.review(review.id()).state(), ReviewState::Revoked);
    let log = Ledger::resume(STREAM, &host.lines).unwrap();
    let uses = log.records().iter().filter(|record| record.key().is_some_and(|key| key.starts_with("use/")));
    assert_eq!(uses.count(), 2, "no tool of this store takes a use any more");
    let review = host.review(review.id());
    assert!(matches!(host.recover(&review, after(5)), Ok(Outcome::Deny(_))), "nothing is signed again");
    assert_eq!(word(&host.vote(&review, back(sre("cy")), after(6))), "revoked");
}

#[test]
fn approval_that_was_not_needed_revokes_nothing() {
    let mut host = one(&format!("veto = [{{ from = 'lead', final = false }}]\n{REVOKING}"));
    let votes = [no(lead("eve")), yes(sre("bo")), yes(sre("cy")), yes(sre("dee")), back(lead("eve"))];
    assert_eq!(cast(&mut host, votes), ["review", "review", "review", "review", "allow"]);
    let review = host.reviews().remove(0);
    assert_eq!(word(&host.vote(&review, back(sre("bo")), after(60))), "review");
    let review = host.review(review.id());
    assert_eq!(review.state(), ReviewState::Approved);
    assert_eq!(word(&host.vote(&review, back(sre("cy")), after(61))), "deny");
    // After its end there is nothing to revoke, and without the key nothing is.
    let mut host = one(REVOKING);
    let review = host.open(ask(), after(0));
    host.vote(&review, yes(sre("bo")), after(1)).unwrap();
    host.vote(&host.review(review.id()), yes(sre("cy")), after(2)).unwrap();
    assert_eq!(word(&host.vote(&host.review(review.id()), back(sre("bo")), after(902))), "approved");
}

// What ends a review beside votes.

fn step(
    host: &mut Host,
    step: impl FnOnce(&Gate, countersign::Stamp) -> countersign::Step<Result<Outcome, VoteError>>,
    second: i64,
) -> Result<Outcome, VoteError> {
    let (gate, stamp) = (host.gate.clone(), host.stamp(after(second)));
    host.store(step(&gate, stamp))
}

#[test]
fn only_whoever_asked_takes_a_request_back() {
    let mut host = one("approve = { from = 'sre' }");
    let review = host.open(ask(), after(0));
    let by = |subject: Subject| {
        let review = review.clone();
        move |gate: &Gate, stamp| gate.withdraw(&review, &subject, stamp)
    };
    assert_eq!(word(&step(&mut host, by(sre("bo")), 1)), "not requester");
    assert_eq!(word(&step(&mut host, by(claimed("ana")), 1)), "unattested");
    assert_eq!(host.events().last().unwrap(), "step.refused");
    assert_eq!(word(&step(&mut host, by(sre("ana")), 2)), "deny");
    let review = host.review(review.id());
    assert_eq!(review.state(), ReviewState::Withdrawn);
    assert_eq!(word(&host.vote(&review, yes(sre("bo")), after(3))), "withdrawn");
}

#[test]
fn asking_for_more_supersedes_what_was_asked() {
    let mut host = one("approve = { from = 'sre' }\ngrant = { max = '1h' }");
    let review = host.open(ask(), after(0));
    let more = |seconds: u64| ask().with_duration(std::time::Duration::from_secs(seconds));
    let (asked, old) = (more(7_200), review.clone());
    let refused = step(&mut host, move |gate, stamp| gate.supersede(&old, asked, stamp), 1);
    assert_eq!(word(&refused), "deny");
    assert_eq!(host.review(review.id()).state(), ReviewState::Open, "what is denied supersedes nothing");
    let stranger = Request::new(sre("bo"), ask().action().clone(), ask().resource().clone());
    let old = review.clone();
    assert_eq!(
        word(&step(&mut host, move |gate, stamp| gate.supersede(&old, stranger, stamp), 1)),
        "not requester"
    );
    let (asked, old) = (more(3_600), review.clone());
    let Ok(Outcome::Review(new)) = step(&mut host, move |gate, stamp| gate.supersede(&old, asked, stamp), 2)
    else {
        panic!("expected a review")
    };
    assert_eq!(host.review(review.id()).state(), ReviewState::Superseded);
    assert_eq!(content(&host, "review.superseded")["by"], new.id());
    assert_eq!(word(&host.vote(&host.review(review.id()), yes(sre("bo")), after(3))), "superseded");
    assert_eq!(word(&host.vote(&new, yes(sre("bo")), after(3))), "allow");
}

// A policy that changes while a review waits.

fn reload(host: &mut Host, rules: &str) {
    host.gate = Gate::new(policy(&format!("{HEAD}{rules}")), ISSUER);
}

fn asking(id: &str, rest: &str) -> String {
    format!("[[review]]\nid = '{id}'\nwhen = 'true'\n{rest}\n")
}

#[test]
fn new_policy_adds_what_it_asks_for() {
    let mut host = one("approve = { count = 2, from = 'sre' }");
    let review = host.open(ask(), after(0));
    host.vote(&review, yes(sre("bo")), after(1)).unwrap();
    reload(&mut host, &asking("new", "approve = { from = 'lead' }\ngrant = { max = '10m', over = 'cap' }"));
    let review = host.review(review.id());
    assert_eq!(word(&host.vote(&review, yes(sre("cy")), after(2))), "review", "both plans must hold");
    let review = host.review(review.id());
    assert_eq!(review.policies().count(), 2);
    let grant = allowed(host.vote(&review, yes(lead("dee")), after(3)));
    assert_eq!(grant.expires_at(), after(3 + 600), "the narrowest terms hold");
    // Votes that stand are heard by the new policy as well.
    let mut host = one("approve = { count = 2, from = 'sre' }");
    let review = host.open(ask(), after(0));
    host.vote(&review, yes(sre("bo")), after(1)).unwrap();
    reload(&mut host, &asking("new", "approve = { from = 'sre' }"));
    assert_eq!(word(&host.vote(&host.review(review.id()), yes(sre("cy")), after(2))), "allow");
}

#[test]
fn new_policy_that_allows_adds_nothing_and_one_that_denies_rejects() {
    let zone = "[[zone]]\nid = 'open'\nwhen = 'true'\nmax_risk = 'critical'\n";
    let mut host = one("approve = { count = 2, from = 'sre' }");
    let review = host.open(ask(), after(0));
    host.vote(&review, yes(sre("bo")), after(1)).unwrap();
    reload(&mut host, zone);
    let review = host.review(review.id());
    assert!(matches!(host.wake(&review, after(2)), Ok(Outcome::Review(_))), "an Allow approves nothing");
    let review = host.review(review.id());
    assert_eq!(word(&host.vote(&review, yes(sre("cy")), after(3))), "allow");
    let challenge = "[[review]]\nid = 'x'\nwhen = 'true'\nneeds = { auth = { amr = ['otp'] } }\n\
                     approve = { from = 'sre' }\n";
    for rules in ["", challenge, "[[forbid]]\nid = 'no'\nwhen = 'true'\n"] {
        let mut host = one("approve = { count = 2, from = 'sre' }");
        let review = host.open(ask(), after(0));
        reload(&mut host, rules);
        let outcome = host.vote(&review, yes(sre("bo")), after(2));
        assert_eq!(outcome.unwrap().effect(), Effect::Deny, "{rules}");
        assert_eq!(host.review(review.id()).state(), ReviewState::Rejected);
    }
}

#[test]
fn review_hears_four_policies_and_no_more() {
    let mut host = one("approve = { count = 2, from = 'sre' }");
    let review = host.open(ask(), after(0));
    for number in 2..=4 {
        reload(&mut host, &asking(&format!("r{number}"), "approve = { from = 'lead' }"));
        assert!(matches!(host.wake(&host.review(review.id()), after(number)), Ok(Outcome::Review(_))));
    }
    assert_eq!(host.review(review.id()).policies().count(), 4);
    reload(&mut host, &asking("r3", "approve = { from = 'lead' }"));
    assert!(
        matches!(host.wake(&host.review(review.id()), after(5)), Ok(Outcome::Review(_))),
        "known already"
    );
    reload(&mut host, &asking("r5", "approve = { from = 'lead' }"));
    assert!(matches!(host.wake(&host.review(review.id()), after(6)), Ok(Outcome::Deny(_))));
    assert_eq!(
        content(&host, "review.rejected")["because"],
        "more than 4 policies were loaded while it waited"
    );
}

// Votes that their casters signed.

fn bo_key() -> SigningKey {
    SigningKey::from_seed([42; 32])
}

fn signing(rest: &str) -> (Host, Review) {
    let mut host = one(rest);
    host.gate = host.gate.clone().with_approvers([("user/bo".to_owned(), bo_key().public())]);
    let review = host.open(ask(), after(0));
    (host, review)
}

fn approval(review: &str, uses: u32, until: i64) -> SignedApproval {
    let attempt = Attempt::new(ask().action().clone(), ask().resource().clone());
    SignedApproval::new(ISSUER, review, "user/ana", &attempt, uses, after(until))
}

#[test]
fn signed_vote_is_verified_and_its_ceiling_holds() {
    let rule = "approve = { from = 'sre && vote.signed' }\nmay = ['shorten', 'narrow']";
    let (mut host, review) = signing(rule);
    let sign = |approval: SignedApproval| approval.sign("user/bo", &bo_key()).unwrap();
    let vote = |token: String| yes(sre("bo")).with_signature(token);
    assert_eq!(word(&host.vote(&review, yes(sre("bo")), after(1))), "ineligible", "it must be signed");
    let other = SigningKey::from_seed([43; 32]);
    let good = approval(review.id(), 2, 600);
    for (token, expected) in [
        ("x".to_owned(), "signature"),
        (sign(approval("another", 2, 600)), "signature"),
        (good.sign("user/bo", &other).unwrap(), "signature"),
        (good.sign("user/cy", &bo_key()).unwrap(), "signature"),
        (sign(approval(review.id(), 2, 1)), "signature expired"),
        ("y".repeat(5_000), "signature"),
    ] {
        assert_eq!(word(&host.vote(&review, vote(token.clone()), after(1))), expected, "{token}");
        assert_eq!(host.events().last().unwrap(), "review.vote_refused");
    }
    let stolen = yes(sre("cy")).with_signature(sign(good.clone()));
    assert_eq!(word(&host.vote(&review, stolen, after(1))), "signature", "bo's signature is not cy's");
    let rows = good.constrained("max_rows", 5.into()).unwrap();
    let grant = allowed(host.vote(&review, vote(sign(rows)), after(2)));
    assert_eq!(grant.expires_at(), after(600), "no grant passes what was signed");
    let claims = &content(&host, "grant.authorized")["claims"];
    assert_eq!(claims["con"], json!({ "max_rows": 5, "max_uses": 2 }));
    let offline = countersign::GrantVerifier::new(
        ISSUER,
        "database/orders",
        countersign::KeySet::new([support::key().public()]),
    )
    .enforcing(["max_rows"])
    .requiring_approvals(1, [("user/bo".to_owned(), bo_key().public())]);
    let attempt = Attempt::new(ask().action().clone(), ask().resource().clone());
    assert!(offline.verify(grant.token(), attempt, after(3)).is_ok());
}

#[test]
fn signature_narrows_only_what_votes_may() {
    let (mut host, review) = signing("approve = { from = 'sre' }\ngrant = { max_uses = 3 }");
    let vote = |uses, until| {
        let token = approval(review.id(), uses, until).sign("user/bo", &bo_key()).unwrap();
        yes(sre("bo")).with_signature(token)
    };
    assert_eq!(word(&host.vote(&review, vote(3, 600), after(1))), "may not shorten");
    assert_eq!(word(&host.vote(&review, vote(2, 3_600), after(1))), "may not narrow");
    assert_eq!(word(&host.vote(&review, vote(5, 3_600), after(1))), "allow");
    assert_eq!(content(&host, "grant.authorized")["claims"]["con"]["max_uses"], 3);
    let mut unknown = one("approve = { from = 'sre' }");
    let review = unknown.open(ask(), after(0));
    let token = approval(review.id(), 1, 3_600).sign("user/bo", &bo_key()).unwrap();
    let refused = unknown.vote(&review, yes(sre("bo")).with_signature(token), after(1));
    assert_eq!(word(&refused), "signature", "nobody's keys are known");
}
