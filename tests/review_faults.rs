//! Faults of approval systems in use, each by name.
//!
//! | fault | seen in | here |
//! |---|---|---|
//! | one person in two groups fills both | hoop | `one_person_in_two_groups_fills_one_seat` |
//! | `approved == needed` never fires when it is jumped past | hoop | `more_approvals_than_needed_approve` |
//! | 0 approvals needed counts as granted | OpenBao | `nobody_needed_is_no_policy` |
//! | one's own approval counts | Vault | `own_approval_never_counts` |
//! | overlapping grants end early | AWS TEAM | `two_overlapping_grants_are_independent` |
//! | "two different teams" cannot be said | Teleport | `two_different_teams_can_be_said` |
//! | the clock starts at the request | Teleport | `grant_is_as_long_after_a_late_approval` |
//! | nobody notices that no one can approve | AWS TEAM | `request_that_nobody_can_approve_is_denied_at_once` |
//! | a group of the same name elsewhere counts | OpenBao | `group_of_another_tenant_does_not_count` |
//! | one person's two delegates fill two seats | | `two_delegates_of_one_person_fill_one_seat` |
//! | skipped stages approve by silence | StrongDM | `chain_of_skipped_stages_never_approves` |
//! | a second person is needed in the next step | ConductorOne | `same_person_never_fills_seats_of_two_stages` |
//! | an admin's own approval counts in a group | hoop | `own_approval_never_counts` |
//! | approvals stay when the content changes | policy-bot | `approval_of_other_content_carries_no_grant` |
//! | a withdrawn group membership still counts | | `whoever_left_the_group_no_longer_counts_at_the_close` |

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

use countersign::{Action, Outcome, Policy, ReasonCode, Request, Resource, ReviewState, Subject, Vote};

use support::reviews::{HEAD, ask, at, cast, dba, lead, no, one, sre, word, yes};
use support::walk::allowed;
use support::{Host, after, member};

#[test]
fn one_person_in_two_groups_fills_one_seat() {
    let both = "approve = { all = [{ from = 'sre' }, { from = 'dba' }] }";
    let bo = || member("bo", &["sre", "dba"]);
    assert_eq!(cast(&mut one(both), [yes(bo())]), ["review"]);
    assert_eq!(cast(&mut one(both), [yes(bo()), yes(bo()).with_comment("again")]), ["review", "review"]);
    assert_eq!(cast(&mut one(both), [yes(bo()), yes(sre("cy"))]), ["review", "allow"]);
}

#[test]
fn more_approvals_than_needed_approve() {
    // A block holds back three approvals where two suffice; without it, all three are there at once.
    let mut host = one("veto = [{ from = 'lead', final = false }]\napprove = { count = 2, from = 'sre' }");
    let votes =
        [no(lead("dee")), yes(sre("bo")), yes(sre("cy")), yes(sre("eve")), Vote::withdraw(lead("dee"))];
    assert_eq!(cast(&mut host, votes), ["review", "review", "review", "review", "allow"]);
}

#[test]
fn nobody_needed_is_no_policy() {
    for approve in [
        "{ count = 0, from = 'sre' }",
        "{ all = [] }",
        "{ any = [] }",
        "{ at_least = 0, of = [{ from = 'sre' }] }",
        "{ all = [{ count = 0, from = 'sre' }] }",
    ] {
        let written = format!("{HEAD}[[review]]\nid = 'x'\nwhen = 'true'\napprove = {approve}\n");
        assert!(Policy::from_toml(&written).is_err(), "{approve}");
    }
}

#[test]
fn own_approval_never_counts() {
    let approve = "approve = { from = 'sre || lead' }";
    assert_eq!(cast(&mut one(approve), [yes(member("ana", &["sre", "lead", "admin"]))]), ["own"]);
    // Nor by a delegate, nor as somebody's delegate, nor of the person behind an agent.
    assert_eq!(cast(&mut one(approve), [yes(sre("bo")).on_behalf_of(sre("ana"))]), ["own"]);
    assert_eq!(cast(&mut one(approve), [yes(sre("ana")).on_behalf_of(sre("bo"))]), ["own"]);
    let agent = || {
        Request::new(Subject::new("agent", "helper"), Action::new("run"), Resource::new("database", "orders"))
            .with_actor(Subject::new("agent", "planner"))
            .with_actor(sre("ana"))
    };
    let mut host = one(approve);
    let review = host.open(agent(), after(0));
    for behind in
        [Subject::new("agent", "helper"), Subject::new("agent", "planner"), Subject::new("user", "ana")]
    {
        let vote = yes(behind.with("groups", ["sre"]));
        assert_eq!(word(&host.vote(&review, vote, after(1))), "own");
    }
    assert_eq!(word(&host.vote(&review, yes(sre("bo")), after(1))), "allow");
}

#[test]
fn two_overlapping_grants_are_independent() {
    let mut host = one("approve = { from = 'sre' }\ngrant = { max = '30m' }");
    let long = ask().with_duration(std::time::Duration::from_secs(1_800));
    let short = ask().with_duration(std::time::Duration::from_secs(300));
    let (first, second) = (host.open(long, after(0)), host.open(short, after(1)));
    let first = allowed(host.vote(&first, yes(sre("bo")), after(10)));
    let second = allowed(host.vote(&second, yes(sre("bo")), after(11)));
    assert_ne!(first.id(), second.id());
    assert_eq!((first.expires_at(), second.expires_at()), (after(10 + 1_800), after(11 + 300)));
}

#[test]
fn two_different_teams_can_be_said() {
    let teams = format!(
        "{}[[review]]\nid = 'x'\nwhen = 'true'\n\
         exclude = '!has(approver.team) || approver.team == subject.team'\n\
         approve = {{ all = [ {{ from = 'has(approver.team) && approver.team == \"red\"' }}, \
                              {{ from = 'has(approver.team) && approver.team != \"red\"' }} ] }}\n",
        HEAD.replace("[let]", "\"approver.team\" = \"string?\"\n\"subject.team\" = \"string\"\n[let]")
    );
    let of = |id: &str, team: &str| yes(Subject::new("user", id).with("team", team));
    let request = || {
        let ana = Subject::new("user", "ana").with("team", "blue");
        Request::new(ana, Action::new("run"), Resource::new("database", "orders"))
    };
    let run = |votes: Vec<Vote>| -> Vec<&'static str> {
        let mut host = Host::new(&teams);
        let id = host.open(request(), after(0)).id().to_owned();
        let votes = votes.into_iter().enumerate();
        votes.map(|(second, vote)| word(&host.vote(&host.review(&id), vote, at(second)))).collect()
    };
    assert_eq!(run(vec![of("bo", "red"), of("cy", "red")]), ["review", "review"]);
    assert_eq!(run(vec![of("bo", "red"), of("cy", "green")]), ["review", "allow"]);
    assert_eq!(run(vec![of("bo", "blue")]), ["excluded"], "the requester's own team is excluded");
    assert_eq!(run(vec![yes(Subject::new("user", "bo"))]), ["ineligible"], "no team at all");
}

#[test]
fn grant_is_as_long_after_a_late_approval() {
    let mut host = one("expires = '4h'\napprove = { from = 'sre' }\ngrant = { max = '3h' }");
    let three_hours = ask().with_duration(std::time::Duration::from_secs(3 * 3_600));
    let review = host.open(three_hours, after(0));
    let grant = allowed(host.vote(&review, yes(sre("bo")), after(1_800)));
    assert_eq!(grant.expires_at(), after(1_800 + 3 * 3_600));
}

#[test]
fn request_that_nobody_can_approve_is_denied_at_once() {
    let submit = |reviews: &str, candidates: &[Subject]| {
        let mut host = one(reviews);
        let stamp = host.stamp(after(0));
        let outcome = host.store(host.gate.clone().submit_with_candidates(ask(), candidates, stamp)).unwrap();
        let code = match &outcome {
            Outcome::Deny(decision) => decision.reasons().next().map(|reason| reason.code()),
            _ => None,
        };
        (outcome.effect().as_str(), code)
    };
    let nobody = ("deny", Some(ReasonCode::NobodyCanApprove));
    let two = "approve = { count = 2, from = 'sre' }";
    assert_eq!(submit(two, &[]), nobody);
    assert_eq!(submit(two, &[sre("bo")]), nobody);
    assert_eq!(submit(two, &[sre("bo"), sre("bo"), sre("ana"), lead("cy")]), nobody);
    assert_eq!(submit(two, &[sre("bo"), support::reviews::claimed("cy")]), nobody, "not attested");
    assert_eq!(submit(two, &[sre("bo"), sre("cy")]), ("review", None));
    let distinct = "approve = { all = [{ from = 'sre' }, { from = 'dba' }] }";
    assert_eq!(submit(distinct, &[member("bo", &["sre", "dba"])]), nobody);
    assert_eq!(submit(distinct, &[member("bo", &["sre", "dba"]), sre("cy")]), ("review", None));
    let stages = "[[review.stage]]\nid = 'a'\napprove = { from = 'sre' }\n\
                  [[review.stage]]\nid = 'b'\napprove = { from = 'sre || lead' }\n";
    assert_eq!(submit(stages, &[sre("bo")]), nobody, "nobody fills seats of two stages");
    assert_eq!(submit(stages, &[sre("bo"), lead("cy")]), ("review", None));
    let crowd: Vec<Subject> = (0..500).map(|place| sre(&format!("p{place}"))).collect();
    assert_eq!(submit("approve = { count = 64, from = 'sre' }", &crowd), ("review", None));
    assert_eq!(submit("approve = { count = 64, from = 'sre' }", &crowd[..63]), nobody);
    // What is demanded beside the condition can still be brought, and time adds approvers.
    let rich = "approve = { from = 'sre && vote.comment != \"\"', auth = { amr = ['hwk'], within = '5m' } }";
    assert_eq!(submit(rich, &[sre("bo")]), ("review", None));
    let later = "approve = { from = 'sre' }\nescalate = [{ after = '5m', add = 'lead' }]";
    assert_eq!(submit(later, &[lead("bo")]), ("review", None));
    assert_eq!(submit(later, &[dba("bo")]), nobody);
}

#[test]
fn group_of_another_tenant_does_not_count() {
    let tenants = format!(
        "{}[[review]]\nid = 'x'\nwhen = 'true'\n\
         approve = {{ from = 'sre && has(approver.tenant) && approver.tenant == subject.tenant' }}\n",
        HEAD.replace("[let]", "\"approver.tenant\" = \"string?\"\n\"subject.tenant\" = \"string\"\n[let]")
    );
    let ana = Subject::new("user", "ana").with("tenant", "acme");
    let request = Request::new(ana, Action::new("run"), Resource::new("database", "orders"));
    let mut host = Host::new(&tenants);
    let review = host.open(request, after(0));
    let of = |tenant: &str| yes(sre("bo").with("tenant", tenant));
    assert_eq!(word(&host.vote(&review, of("evil"), after(1))), "ineligible");
    assert_eq!(word(&host.vote(&review, of("acme"), after(2))), "allow");
}

#[test]
fn two_delegates_of_one_person_fill_one_seat() {
    let two = "approve = { count = 2, from = 'lead' }";
    let for_lee = |id: &str| yes(Subject::new("user", id)).on_behalf_of(lead("lee"));
    assert_eq!(cast(&mut one(two), [for_lee("bo"), for_lee("cy")]), ["review", "review"]);
    assert_eq!(cast(&mut one(two), [for_lee("bo"), yes(lead("lee"))]), ["review", "review"]);
    assert_eq!(cast(&mut one(two), [for_lee("bo"), yes(lead("dee"))]), ["review", "allow"]);
    // A delegate who also votes for themselves is one person.
    let stages = "[[review.stage]]\nid = 'a'\napprove = { from = 'lead' }\n\
                  [[review.stage]]\nid = 'b'\napprove = { from = 'lead' }\n";
    let chain = [for_lee("bo"), yes(lead("bo")), yes(lead("lee")), yes(lead("dee"))];
    assert_eq!(cast(&mut one(stages), chain), ["review", "review", "review", "allow"]);
}

#[test]
fn delegate_has_no_right_of_their_own_and_both_names_are_recorded() {
    let by_lead = "approve = { from = 'lead' }";
    let dba_for_sre = yes(lead("bo")).on_behalf_of(sre("cy"));
    assert_eq!(
        cast(&mut one(by_lead), [dba_for_sre]),
        ["ineligible"],
        "a delegate's own groups are not asked"
    );
    assert_eq!(cast(&mut one(by_lead), [yes(lead("bo")).on_behalf_of(lead("bo"))]), ["own delegate"]);
    let guarded = "approve = { from = 'lead && !vote.delegated' }";
    assert_eq!(cast(&mut one(guarded), [yes(sre("bo")).on_behalf_of(lead("cy"))]), ["ineligible"]);
    let mut host = one(by_lead);
    assert_eq!(cast(&mut host, [yes(sre("bo")).on_behalf_of(lead("cy"))]), ["allow"]);
    let resumed = countersign::Ledger::resume(support::STREAM, &host.lines).unwrap();
    let approved = resumed.records().iter().find(|record| record.event() == "review.approved").unwrap();
    let approver = &approved.content()["approvers"][0];
    assert_eq!((&approver["by"], &approver["for"]), (&"user/bo".into(), &"user/cy".into()));
}

#[test]
fn chain_of_skipped_stages_never_approves() {
    let skipping = "[[review.stage]]\nid = 'a'\nskip_after = '10m'\napprove = { from = 'sre' }\n\
                    [[review.stage]]\nid = 'b'\nskip_after = '10m'\napprove = { from = 'dba' }\n\
                    [[review.stage]]\nid = 'c'\nskip_after = '10m'\napprove = { from = 'lead' }\n";
    let mut host = one(skipping);
    let mut review = host.open(ask(), after(0));
    let mut last = after(0);
    while let Some(at) = review.next_wakeup() {
        assert!(at > last, "the next wake-up must come later");
        last = at;
        assert!(!matches!(host.wake(&review, at), Ok(Outcome::Allow(_))));
        review = host.review(review.id());
    }
    assert_eq!((review.state(), last), (ReviewState::Expired, after(3_600)));
    assert!(!host.events().contains(&"grant.authorized".to_owned()));
    assert_eq!(host.events().iter().filter(|event| *event == "review.stage_skipped").count(), 2);
    let alone = format!(
        "{HEAD}[[review]]\nid = 'x'\nwhen = 'true'\nskip_after = '1h'\napprove = {{ from = 'sre' }}\n"
    );
    let error = Policy::from_toml(&alone).unwrap_err();
    let fault = error.faults().next().unwrap().message().to_owned();
    assert_eq!(fault, "`skip_after` of a stage that stands alone would approve by silence");
}

#[test]
fn skip_is_no_approval_of_the_next_stage() {
    let skipping = "[[review.stage]]\nid = 'a'\nskip_after = '1h'\napprove = { from = 'sre' }\n\
                    [[review.stage]]\nid = 'b'\napprove = { from = 'lead' }\n";
    let mut host = one(&format!("expires = '3h'\n{skipping}"));
    let review = host.open(ask(), after(0));
    assert_eq!(review.next_wakeup(), Some(after(3_600)));
    assert!(matches!(host.wake(&review, after(3_599)), Ok(Outcome::Review(_))));
    let Ok(Outcome::Review(review)) = host.wake(&review, after(3_600)) else { panic!("expected a review") };
    assert_eq!(word(&host.vote(&review, yes(sre("bo")), after(3_601))), "ineligible");
    assert_eq!(word(&host.vote(&review, yes(lead("cy")), after(3_602))), "allow");
    // What was approved before the last stage is passed over suffices.
    let last = "[[review.stage]]\nid = 'a'\napprove = { from = 'sre' }\n\
                [[review.stage]]\nid = 'b'\nskip_after = '10m'\napprove = { from = 'lead' }\n";
    let mut host = one(last);
    let review = host.open(ask(), after(0));
    host.vote(&review, yes(sre("bo")), after(60)).unwrap();
    let review = host.review(review.id());
    assert_eq!(review.next_wakeup(), Some(after(660)), "the clock of a stage starts with the stage");
    assert!(matches!(host.wake(&review, after(660)), Ok(Outcome::Allow(_))));
}

#[test]
fn same_person_never_fills_seats_of_two_stages() {
    let stages = "[[review.stage]]\nid = 'manager'\napprove = { from = 'sre' }\n\
                  [[review.stage]]\nid = 'owner'\napprove = { from = 'lead' }\n";
    let both = || member("bo", &["sre", "lead"]);
    let votes = [yes(both()), yes(both()), yes(lead("cy"))];
    assert_eq!(cast(&mut one(stages), votes), ["review", "review", "allow"]);
}

#[test]
fn approval_of_other_content_carries_no_grant() {
    // Each content is a request of its own: nothing that was approved for one counts for the other.
    let mut host = one("approve = { from = 'sre' }");
    let with = |rows: i64| {
        Request::new(sre("ana"), Action::new("run").with("rows", rows), Resource::new("database", "orders"))
    };
    let (small, large) = (host.open(with(1), after(0)), host.open(with(1_000), after(1)));
    let grant = allowed(host.vote(&small, yes(sre("bo")), after(2)));
    let claims = |review: &countersign::Review| host.review(review.id()).state();
    assert_eq!((claims(&small), claims(&large)), (ReviewState::Approved, ReviewState::Open));
    let verifier = countersign::GrantVerifier::new(
        support::ISSUER,
        "database/orders",
        countersign::KeySet::new([support::key().public()]),
    );
    let attempt = |rows: i64| {
        countersign::Attempt::new(Action::new("run").with("rows", rows), Resource::new("database", "orders"))
    };
    assert!(verifier.verify(grant.token(), attempt(1), after(3)).is_ok());
    assert!(verifier.verify(grant.token(), attempt(1_000), after(3)).is_err());
}

#[test]
fn whoever_left_the_group_no_longer_counts_at_the_close() {
    let mut host = one("expires = '8h'\nrefresh = '10m'\napprove = { count = 2, from = 'sre' }");
    let review = host.open(ask(), after(0));
    host.vote(&review, yes(sre("bo")), after(1)).unwrap();
    let Ok(Outcome::Review(review)) = host.vote(&host.review(review.id()), yes(sre("cy")), after(700)) else {
        panic!("what is known of bo is too old")
    };
    assert_eq!(review.outlook(&[], after(700)).needs_fresh, ["user/bo"]);
    let refresh = |host: &mut Host, people: Vec<Subject>, second| {
        let (review, stamp) = (host.review(review.id()), host.stamp(after(second)));
        host.store(host.gate.clone().refresh(&review, people, stamp))
    };
    assert_eq!(word(&refresh(&mut host, vec![sre("eve")], 701)), "nobody");
    assert_eq!(word(&refresh(&mut host, vec![dba("bo")], 702)), "review", "bo left the group");
    assert_eq!(word(&refresh(&mut host, vec![sre("bo")], 703)), "allow", "and came back");
    let mut host = one("refresh = '10m'\napprove = { count = 2, from = 'sre' }");
    let votes = [yes(sre("bo")), yes(sre("cy"))];
    assert_eq!(cast(&mut host, votes), ["review", "allow"], "what is new needs no refreshing");
}
