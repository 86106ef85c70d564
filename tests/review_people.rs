//! Reviews: whose votes count, and what they come to.

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

use countersign::{Action, Outcome, Request, Resource, Subject, Value, Vote};

use support::reviews::{ask, back, cast, dba, host, lead, no, one, sre, word, yes};
use support::{after, member, minutes};

// Who counts.

#[test]
fn quorum_is_of_distinct_people() {
    let tenant = |name: &str| sre("bo").with("tenant", name);
    let table: [(&str, &str, Vec<Vote>, Vec<&str>); 14] = [
        (
            "two people",
            "{ count = 2, from = 'sre' }",
            vec![yes(sre("bo")), yes(sre("cy"))],
            vec!["review", "allow"],
        ),
        (
            "one twice",
            "{ count = 2, from = 'sre' }",
            vec![yes(sre("bo")), yes(sre("bo"))],
            vec!["review", "duplicate"],
        ),
        (
            "one twice in other words",
            "{ count = 2, from = 'sre' }",
            vec![yes(sre("bo")), yes(sre("bo")).with_comment("again")],
            vec!["review", "review"],
        ),
        (
            "one twice with other groups",
            "{ count = 2, from = 'sre' }",
            vec![yes(sre("bo")), yes(member("bo", &["sre", "dba"])).with_comment("x")],
            vec!["review", "review"],
        ),
        (
            "one of two tenants",
            "{ count = 2, from = 'sre' }",
            vec![yes(tenant("a")), yes(tenant("b"))],
            vec!["review", "allow"],
        ),
        (
            "one tenant",
            "{ count = 2, from = 'sre' }",
            vec![yes(tenant("a")), yes(tenant("a").with("x", 1))],
            vec!["review", "review"],
        ),
        (
            "a person and a machine",
            "{ count = 2, from = 'sre' }",
            vec![yes(sre("bo")), yes(Subject::new("bot", "bo").with("groups", ["sre"]))],
            vec!["review", "allow"],
        ),
        (
            "both groups by one",
            "{ all = [{ from = 'sre' }, { from = 'dba' }] }",
            vec![yes(member("bo", &["sre", "dba"]))],
            vec!["review"],
        ),
        (
            "both groups by two",
            "{ all = [{ from = 'sre' }, { from = 'dba' }] }",
            vec![yes(member("bo", &["sre", "dba"])), yes(sre("cy"))],
            vec!["review", "allow"],
        ),
        (
            "both groups by two, the other way",
            "{ all = [{ from = 'sre' }, { from = 'dba' }] }",
            vec![yes(sre("cy")), yes(member("bo", &["sre", "dba"]))],
            vec!["review", "allow"],
        ),
        (
            "one group twice",
            "{ all = [{ from = 'sre' }, { from = 'dba' }] }",
            vec![yes(sre("bo")), yes(sre("cy"))],
            vec!["review", "review"],
        ),
        (
            "either",
            "{ any = [{ count = 2, from = 'sre' }, { from = 'lead' }] }",
            vec![yes(sre("bo")), yes(lead("cy"))],
            vec!["review", "allow"],
        ),
        (
            "two of three",
            "{ at_least = 2, of = [{ from = 'sre' }, { from = 'dba' }, { from = 'lead' }] }",
            vec![yes(sre("bo")), yes(sre("cy")), yes(lead("dee"))],
            vec!["review", "review", "allow"],
        ),
        (
            "two of three by one",
            "{ at_least = 2, of = [{ from = 'sre' }, { from = 'dba' }, { from = 'lead' }] }",
            vec![yes(member("bo", &["sre", "dba", "lead"]))],
            vec!["review"],
        ),
    ];
    for (name, approve, votes, expected) in table {
        let mut host = one(&format!("approve = {approve}"));
        assert_eq!(cast(&mut host, votes), expected, "{name}");
    }
}

#[test]
fn approver_without_the_attribute_that_a_condition_reads_does_not_count() {
    let owner = "approve = { from = 'has(resource.owner) && approver.id == resource.owner' }";
    let owned = |owner: &str| {
        Request::new(sre("ana"), Action::new("run"), Resource::new("a", "b").with("owner", owner))
    };
    for (owner_of, by, expected) in [("bo", "bo", "allow"), ("bo", "cy", "ineligible"), ("ana", "ana", "own")]
    {
        let mut host = one(owner);
        let review = host.open(owned(owner_of), after(0));
        assert_eq!(word(&host.vote(&review, yes(Subject::new("user", by)), after(1))), expected);
    }
    let mut host = one(owner);
    assert_eq!(cast(&mut host, [yes(Subject::new("user", "bo"))]), ["ineligible"]);
    let mut host = one("approve = { from = 'sre' }");
    let odd = [
        Subject::new("user", "bo"),
        Subject::new("user", "bo").with("groups", "sre"),
        Subject::new("user", "bo").with("groups", Value::Null),
        Subject::new("user", "bo").with("groups", [7]),
    ];
    assert_eq!(cast(&mut host, odd.map(yes)), ["ineligible"; 4]);
}

#[test]
fn approver_whose_groups_were_refreshed_votes_anew() {
    let mut host = one("approve = { all = [{ from = 'sre' }, { from = 'lead' }] }");
    let votes = [yes(sre("bo")), yes(sre("cy")), yes(sre("cy")), yes(member("cy", &["sre", "lead"]))];
    assert_eq!(cast(&mut host, votes), ["review", "review", "duplicate", "allow"]);
}

#[test]
fn requester_counts_only_where_the_rule_says_so() {
    for (rule, expected) in [("", "own"), ("allow_self = true\n", "allow")] {
        let mut host = one(&format!("{rule}approve = {{ from = 'sre' }}"));
        assert_eq!(cast(&mut host, [yes(sre("ana"))]), [expected]);
    }
    let mut host = one("approve = { from = 'sre' }");
    assert_eq!(
        cast(&mut host, [no(sre("ana")), yes(sre("ana").with("tenant", Value::Null))]),
        ["own", "own"]
    );
}

#[test]
fn stages_run_in_order_and_count_distinct_people() {
    let stages = "[[review.stage]]\nid = 'peers'\napprove = { count = 2, from = 'sre' }\n\
                  [[review.stage]]\nid = 'owner'\napprove = { from = 'lead' }\n";
    let both = |id: &str| member(id, &["sre", "lead"]);
    let table: [(&str, Vec<Vote>, Vec<&str>); 7] = [
        (
            "in order",
            vec![yes(sre("bo")), yes(sre("cy")), yes(lead("dee"))],
            vec!["review", "review", "allow"],
        ),
        (
            "too early",
            vec![yes(lead("dee")), yes(sre("bo")), yes(sre("cy"))],
            vec!["ineligible", "review", "review"],
        ),
        (
            "one person in both",
            vec![yes(sre("bo")), yes(both("cy")), yes(both("cy")).with_comment("as lead")],
            vec!["review", "review", "review"],
        ),
        (
            "one person in both, the other stays",
            vec![yes(sre("bo")), yes(both("cy")), yes(both("cy")), yes(lead("dee"))],
            vec!["review", "review", "review", "allow"],
        ),
        (
            "withdrawal reopens a stage",
            vec![
                yes(sre("bo")),
                yes(sre("cy")),
                back(sre("cy")),
                yes(lead("dee")),
                yes(sre("eve")),
                yes(lead("dee")),
            ],
            vec!["review", "review", "review", "ineligible", "review", "allow"],
        ),
        (
            "later approval outlives a reopened stage",
            vec![
                yes(sre("bo")),
                yes(sre("cy")),
                yes(member("dee", &["lead"])).with_comment("x"),
                yes(sre("eve")),
            ],
            vec!["review", "review", "allow", "approved"],
        ),
        (
            "rejection in the second stage",
            vec![yes(sre("bo")), yes(sre("cy")), no(sre("bo")), no(lead("dee"))],
            vec!["review", "review", "ineligible", "deny"],
        ),
    ];
    for (name, votes, expected) in table {
        let mut host = one(stages);
        assert_eq!(cast(&mut host, votes), expected, "{name}");
    }
    let surplus = "[[review.stage]]\nid = 'both'\napprove = { all = [{ from = 'sre' }, { from = 'dba' }] }\n\
                   [[review.stage]]\nid = 'again'\napprove = { from = 'sre' }\n";
    let votes = [yes(sre("bo")), yes(sre("cy")), yes(dba("dee")), yes(sre("cy"))];
    assert_eq!(
        cast(&mut one(surplus), votes),
        ["review", "review", "review", "allow"],
        "a vote belongs to its stage"
    );
    let three = format!("{stages}[[review.stage]]\nid = 'last'\napprove = {{ from = 'dba' }}\n");
    let mut host = one(&three);
    let votes = [
        yes(sre("bo")),
        yes(sre("cy")),
        yes(lead("dee")),
        back(sre("cy")),
        yes(dba("eve")),
        yes(sre("flo")),
        yes(dba("eve")),
    ];
    assert_eq!(
        cast(&mut host, votes),
        ["review", "review", "review", "review", "ineligible", "review", "allow"]
    );
}

#[test]
fn vetoes_end_or_block_a_review() {
    let quorum = "approve = { count = 2, from = 'sre' }";
    let table: [(&str, &str, Vec<Vote>, Vec<&str>); 11] = [
        ("anybody who may approve", "", vec![no(sre("bo"))], vec!["deny"]),
        ("nobody else", "", vec![no(lead("bo"))], vec!["ineligible"]),
        ("none", "veto = []", vec![no(sre("bo"))], vec!["ineligible"]),
        (
            "only those named",
            "veto = [{ from = 'lead' }]",
            vec![no(sre("bo")), no(lead("cy"))],
            vec!["ineligible", "deny"],
        ),
        (
            "two of them",
            "veto = [{ count = 2, from = 'lead' }]",
            vec![no(lead("bo")), no(lead("cy"))],
            vec!["review", "deny"],
        ),
        (
            "two by one",
            "veto = [{ count = 2, from = 'lead' }]",
            vec![no(lead("bo")), no(lead("bo")).with_comment("x")],
            vec!["review", "review"],
        ),
        (
            "one is not two",
            "veto = [{ count = 2, from = 'lead' }]",
            vec![no(lead("dee")), yes(sre("bo")), yes(sre("cy"))],
            vec!["review", "review", "allow"],
        ),
        (
            "blocked until withdrawn",
            "veto = [{ from = 'lead', final = false }]",
            vec![no(lead("dee")), yes(sre("bo")), yes(sre("cy")), back(lead("dee"))],
            vec!["review", "review", "review", "allow"],
        ),
        (
            "final beats blocking",
            "veto = [{ from = 'lead', final = false }, { count = 2, from = 'lead' }]",
            vec![no(lead("bo")), no(lead("cy"))],
            vec!["review", "deny"],
        ),
        (
            "changed mind",
            "veto = [{ from = 'sre', final = false }]",
            vec![no(sre("bo")), yes(sre("bo")), yes(sre("cy"))],
            vec!["review", "review", "allow"],
        ),
        (
            "approver turns against it",
            "veto = [{ from = 'sre', final = false }]",
            vec![yes(sre("bo")), no(sre("bo")), yes(sre("cy")), yes(sre("dee"))],
            vec!["review", "review", "review", "review"],
        ),
    ];
    for (name, veto, votes, expected) in table {
        let mut host = one(&format!("{veto}\n{quorum}"));
        assert_eq!(cast(&mut host, votes), expected, "{name}");
    }
}

#[test]
fn comment_is_demanded_where_a_leaf_asks_for_it() {
    let flag = "approve = { from = 'sre', comment = true }";
    let condition = "approve = { from = 'sre && vote.comment != \"\"' }";
    let (bare, said) = (yes(sre("bo")), yes(sre("bo")).with_comment("checked"));
    assert_eq!(
        cast(&mut one(flag), [bare.clone(), yes(sre("cy")).with_comment(" \n"), said.clone()]),
        ["review", "review", "allow"]
    );
    assert_eq!(cast(&mut one(condition), [bare, said]), ["ineligible", "allow"]);
}

#[test]
fn vote_may_shorten_only_where_all_reviews_let_it_and_never_widen() {
    let grant = "grant = { min = '5m', default = '15m', max = '1h' }\napprove = { count = 2, from = 'sre' }";
    let table = [
        ("", 10, "may not shorten"),
        ("may = ['shorten']\n", 4, "may not shorten"),
        ("may = ['shorten']\n", 5, "review"),
        ("may = ['shorten']\n", 15, "review"),
        ("may = ['shorten']\n", 16, "widens"),
    ];
    for (may, at_most, expected) in table {
        assert_eq!(
            cast(&mut one(&format!("{may}{grant}")), [yes(sre("bo")).at_most(minutes(at_most))]),
            [expected]
        );
    }
    let mut host = one(&format!("may = ['shorten']\n{grant}"));
    let review = host.open(ask(), after(0));
    host.vote(&review, yes(sre("bo")).at_most(minutes(7)), after(1)).unwrap();
    let review = host.review(review.id());
    let Ok(Outcome::Allow(allowed)) = host.vote(&review, yes(sre("cy")), after(60)) else {
        panic!("expected a grant")
    };
    assert_eq!(allowed.sign(&support::key()).expires_at(), after(60 + 7 * 60));
}

#[test]
fn whoever_shortens_is_heard_in_any_order() {
    let plan = |id: &str, from: &str, count: u8| {
        format!(
            "[[review]]\nid = '{id}'\nwhen = 'true'\nmay = ['shorten']\napprove = {{ count = {count}, from = '{from}' }}\n"
        )
    };
    let short = yes(sre("bo")).at_most(minutes(5));
    for votes in [[short.clone(), yes(sre("cy"))], [yes(sre("cy")), short]] {
        let mut host = host(&(plan("a", "sre", 1) + &plan("b", "dba", 1)));
        assert_eq!(cast(&mut host, votes), ["review"; 2]);
        let review = host.reviews().remove(0);
        let Ok(Outcome::Allow(allowed)) = host.vote(&review, yes(dba("dee")), after(60)) else {
            panic!("expected a grant")
        };
        assert_eq!(allowed.sign(&support::key()).expires_at(), after(60 + 300));
        let log = countersign::Ledger::resume(support::STREAM, &host.lines).unwrap();
        let approved =
            log.records().iter().find(|record| record.event() == "review.approved").unwrap().content();
        let named: Vec<&str> =
            approved["approvers"].as_array().unwrap().iter().map(|one| one["by"].as_str().unwrap()).collect();
        assert_eq!(named, ["user/bo", "user/dee"], "whom the record names must not depend on who was first");
    }
}

#[test]
fn reviews_of_a_plan_go_together() {
    let review = |id: &str, group: &str, from: &str| {
        format!(
            "[[review]]\nid = '{id}'\nwhen = 'true'\ngroup = '{group}'\napprove = {{ from = '{from}' }}\n"
        )
    };
    let all = review("a", "x", "sre") + &review("b", "x", "dba");
    let any = format!("[groups]\nx = 'any'\n{all}");
    let groups = review("a", "x", "sre") + &review("b", "y", "dba");
    let share = review("a", "x", "sre") + &review("b", "x", "sre");
    let table: [(&str, &str, Vec<Vote>, Vec<&str>); 9] = [
        ("all", &all, vec![yes(sre("bo")), yes(dba("cy"))], vec!["review", "allow"]),
        ("all share votes", &share, vec![yes(sre("bo"))], vec!["allow"]),
        ("all by one person", &all, vec![yes(member("bo", &["sre", "dba"]))], vec!["allow"]),
        ("one of all rejects", &all, vec![yes(sre("bo")), no(dba("cy"))], vec!["review", "deny"]),
        ("any", &any, vec![yes(dba("cy"))], vec!["allow"]),
        ("one of any rejects", &any, vec![no(dba("cy")), yes(sre("bo"))], vec!["review", "allow"]),
        ("all of any reject", &any, vec![no(dba("cy")), no(sre("bo"))], vec!["review", "deny"]),
        ("groups are joined", &groups, vec![yes(sre("bo")), yes(dba("cy"))], vec!["review", "allow"]),
        ("one group rejects", &groups, vec![no(sre("bo"))], vec!["deny"]),
    ];
    for (name, written, votes, expected) in table {
        assert_eq!(cast(&mut host(written), votes), expected, "{name}");
    }
}
