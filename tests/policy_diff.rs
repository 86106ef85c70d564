//! Comparing policies: what loosens, what tightens, and what cannot be told.

#![cfg(all(feature = "sql", feature = "toml"))]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod support;

use countersign::testing::{Direction, PolicyDiff, policy_diff, sample_requests};
use countersign::{Effect, Outcome, Request, Usage, Vote};
use support::table::{ask, sql, with};
use support::{Host, NOON, member, minutes, policy, time};

const LOW: &str = "[defaults]\nrisk = 'low'\n";

fn diff(old: &str, new: &str, request: Request) -> PolicyDiff {
    policy_diff(&with(&format!("{LOW}{old}")), &with(&format!("{LOW}{new}")), [(request, time(NOON))])
}

/// The only group, and the differences of its example.
fn only(diff: &PolicyDiff) -> (Direction, Vec<String>) {
    let [group] = diff.groups().collect::<Vec<_>>()[..] else { panic!("{diff}") };
    assert_eq!((group.count(), diff.compared(), diff.same()), (1, 1, 0));
    (group.direction(), group.example().changes().map(ToString::to_string).collect())
}

fn zone(rest: &str) -> String {
    format!("[[zone]]\nid = 'z'\nwhen = 'true'\nmax_risk = 'critical'\n{rest}\n")
}

fn review(approve: &str, rest: &str) -> String {
    format!("[[review]]\nid = 'r'\nwhen = 'true'\napprove = {approve}\n{rest}\n")
}

#[test]
fn effects_have_an_order() {
    let (deny, challenge) = (String::new(), zone("needs = { fields = ['context.ticket'] }"));
    let (reviewed, allow) = (review("{ from = 'true' }", ""), zone(""));
    let order = [deny, challenge, reviewed, allow];
    for (low, lower) in order.iter().enumerate() {
        for (high, higher) in order.iter().enumerate() {
            let diff = diff(lower, higher, ask());
            let (loosens, tightens) = (diff.count(Direction::Loosens), diff.count(Direction::Tightens));
            assert_eq!((loosens, tightens), (u64::from(low < high), u64::from(low > high)), "{diff}");
            assert_eq!(diff.loosens(), low < high);
        }
    }
}

#[test]
fn group_is_told_in_words_with_an_example() {
    let told = diff("", &zone(""), ask()).to_string();
    let expected = "\
1 requests: 1 loosen, 0 may loosen, 0 tighten, 0 the same
loosens 1: deny becomes allow, now by `z`
  e.g. request 0: `user/ana`, `run` on `database/orders`
    effect: allow, was deny (loosens)
";
    assert_eq!(told, expected);
}

#[test]
fn finer_differences_have_a_direction() {
    let fresh = || ask().with_usage(Usage::none());
    let cases = [
        (
            zone("obligations = ['record_session']"),
            zone(""),
            "obligations: nothing, was \"record_session\" (loosens)",
        ),
        (
            zone("grant = { until = 'now + duration(\"20m\")' }"),
            zone("grant = { until = 'now + duration(\"30m\")' }"),
            "latest end: 2026-11-23T12:30:00Z, was 2026-11-23T12:20:00Z (loosens)",
        ),
        (
            zone("grant = { not_before = 'now + duration(\"20m\")' }"),
            zone(""),
            "start: at once, was 2026-11-23T12:20:00Z (loosens)",
        ),
        (
            zone("grant = { default = '10m' }"),
            zone("grant = { default = '20m' }"),
            "duration: 20m, was 10m (loosens)",
        ),
        (zone("grant = { single_use = true }"), zone(""), "uses: any number, was 1 (loosens)"),
        (
            zone("grant = { single_use = true, use_within = '5m' }"),
            zone("grant = { single_use = true, use_within = '6m' }"),
            "first use: within 6m, was within 5m (loosens)",
        ),
        (
            zone("limit = { count = 1, per = '1h' }"),
            zone("limit = { count = 9, per = '1h' }"),
            "limit: 9, was 1 (loosens)",
        ),
        (
            "[[risk]]\nid = 'k'\nwhen = 'true'\nlevel = 'high'\n".to_owned() + &zone(""),
            zone(""),
            "risk: low, was high (loosens)",
        ),
        (
            zone("needs = { fields = ['context.ticket', 'context.reason'] }"),
            zone("needs = { fields = ['context.ticket'] }"),
            "missing: `context.ticket` is missing: give an incident number, was `context.reason` is missing, \
             `context.ticket` is missing: give an incident number (loosens)",
        ),
    ];
    for (tight, loose, told) in cases {
        let (direction, changes) = only(&diff(&tight, &loose, fresh()));
        assert_eq!((direction, changes), (Direction::Loosens, vec![told.to_owned()]));
        assert_eq!(only(&diff(&loose, &tight, fresh())).0, Direction::Tightens, "{told}");
    }
}

#[test]
fn other_windows_of_a_limit_are_unclear() {
    let (hour, day) = (zone("limit = { count = 1, per = '1h' }"), zone("limit = { count = 1, per = '1d' }"));
    let diff = diff(&hour, &day, ask().with_usage(Usage::none()));
    assert_eq!(only(&diff).0, Direction::Unclear);
    assert!(diff.loosens());
}

#[test]
fn fewer_people_loosen_and_other_people_may() {
    let (two, one) = (review("{ count = 2, from = 'true' }", ""), review("{ count = 1, from = 'true' }", ""));
    let (direction, changes) = only(&diff(&two, &one, ask()));
    assert_eq!(direction, Direction::Loosens);
    assert_eq!(changes[0], "people: 1, was 2 (loosens)");
    // More people, but they are asked in another way: nobody can tell that it is stricter.
    assert_eq!(only(&diff(&one, &two, ask())).0, Direction::Unclear);

    let lead =
        |who: &str| format!("[let]\nlead = 'approver.id == \"{who}\"'\n{}", review("{ from = 'lead' }", ""));
    let (direction, changes) = only(&diff(&lead("lee"), &lead("eve"), ask()));
    assert_eq!((direction, changes.len()), (Direction::Unclear, 1));
    assert!(changes[0].starts_with("approvers: "), "{changes:?}");
    let veto = review("{ from = 'true' }", "veto = []");
    assert_eq!(only(&diff(&one, &veto, ask())).0, Direction::Unclear);
}

#[test]
fn what_says_nothing_of_people_is_no_difference() {
    let named = "[let]\nall = 'resource.type != \"x\"'\nlead = 'approver.id == \"lee\"'\n[[review]]\nid = 'r'\n\
        when = 'all'\nbecause = 'so'\napprove = { from = 'lead' }\n";
    let plain = "[let]\nlead = 'approver.id == \"lee\"'\n[[review]]\nid = 'r'\nwhen = 'true'\napprove = { from = 'lead' }\n";
    let diff = diff(named, plain, ask());
    assert_eq!((diff.same(), diff.groups().len(), diff.loosens()), (1, 0, false));
}

#[test]
fn break_glass_that_becomes_ordinary_loosens() {
    let glass = "[[emergency]]\nid = 'e'\nwhen = 'true'\nreview_within = '1h'\n";
    let down = ask().as_emergency().with_reason("down").with_usage(Usage::none());
    let (direction, changes) = only(&diff(glass, &zone(""), down));
    assert_eq!(
        (direction, changes),
        (Direction::Loosens, vec!["break-glass: no, was yes (loosens)".to_owned()])
    );
}

#[test]
fn requests_are_streamed_and_grouped_by_rule() {
    let old = with(LOW);
    let rules = "[[zone]]\nid = 'short'\nwhen = 'resource.id.startsWith(\"a\")'\nmax_risk = 'low'\n\
        [[zone]]\nid = 'rest'\nwhen = '!resource.id.startsWith(\"a\")'\nmax_risk = 'low'\n";
    let new = with(&format!("{LOW}{rules}"));
    let stream = (0..3_000).map(|number| {
        let id = if number % 3 == 0 { format!("a{number}") } else { format!("b{number}") };
        let resource = countersign::Resource::new("database", id).with("environment", "dev");
        (ask().with_resource(resource), time(NOON))
    });
    let diff = policy_diff(&old, &new, stream);
    let counts: Vec<_> =
        diff.groups().map(|group| (group.now_by().collect::<Vec<_>>(), group.count())).collect();
    assert_eq!(counts, [(vec!["rest"], 2_000), (vec!["short"], 1_000)]);
    assert_eq!(diff.groups().map(|group| group.example().number()).collect::<Vec<_>>(), [1, 0]);
}

/// So many rules that their groups would not end: counted together, and nothing is lost.
#[test]
fn groups_are_bounded() {
    let zones: String = (0..1_200)
        .map(|n| format!("[[zone]]\nid = 'z{n}'\nwhen = 'resource.id == \"{n}\"'\nmax_risk = 'low'\n"))
        .collect();
    let new = with(&format!("{LOW}{zones}"));
    let stream = (0..1_200).map(|n| {
        let resource = countersign::Resource::new("database", n.to_string()).with("environment", "dev");
        (ask().with_resource(resource), time(NOON))
    });
    let diff = policy_diff(&with(LOW), &new, stream);
    assert_eq!(diff.groups().len(), countersign::limits::DIFF_GROUPS + 1);
    assert_eq!(diff.count(Direction::Loosens), 1_200);
    assert_eq!(diff.groups().next().unwrap().count(), 200);
}

#[test]
fn difference_is_data() {
    let json = serde_json::to_value(diff("", &zone(""), sql("SELECT 'password=hunter2'"))).unwrap();
    assert_eq!(json["compared"], 1);
    assert_eq!(json["groups"][0]["direction"], "loosens");
    assert_eq!(json["groups"][0]["example"]["changes"][0]["what"], "effect");
    assert!(!json.to_string().contains("hunter2"), "{json}");
}

/// A change of policy is an action like others: its payload is the digest of the new policy, what the
/// comparison found is a fact of the host, and the grant lets exactly that policy in.
#[test]
fn change_of_policy_goes_through_a_review() {
    let (old, new) = (with(LOW), with(&format!("{LOW}{}", zone(""))));
    let recorded =
        || sample_requests(&old).map(|(_, request, now)| (request, now)).chain([(ask(), time(NOON))]);
    let loosens = policy_diff(&old, &new, recorded()).loosens();
    assert!(loosens);

    let mut host = Host::new(CHANGES);
    let action =
        countersign::Action::new("policy.change").with_payload(countersign::Payload::plain(new.digest()));
    let resource = countersign::Resource::new("policy", "table");
    let request = Request::new(member("ana", &["sre"]), action.clone(), resource.clone())
        .with_duration(minutes(10))
        .with_fact("loosens", loosens);
    let review = host.open(request, time(NOON));
    let rules: Vec<&str> = review.decision().rules().collect();
    assert_eq!(rules, ["loosening", "any-change", "loosening-change"]);
    let vote = |id: &str| Vote::approve(member(id, &["security"]));
    let Outcome::Review(review) = host.vote(&review, vote("bo"), time(NOON)).unwrap() else {
        panic!("one is too few")
    };
    let Outcome::Allow(authorization) = host.vote(&review, vote("cy"), time(NOON)).unwrap() else {
        panic!("two suffice")
    };
    let grant = authorization.sign(&support::key());

    // Whoever loads policies verifies the grant for the digest of what it is about to load.
    let verifier = || {
        let keys = countersign::KeySet::new([support::key().public()]);
        countersign::GrantVerifier::new(support::ISSUER, "policy/table", keys)
    };
    let attempt = |digest: &str| {
        let action =
            countersign::Action::new("policy.change").with_payload(countersign::Payload::plain(digest));
        countersign::Attempt::new(action, resource.clone())
    };
    assert!(verifier().verify(grant.token(), attempt(old.digest()), time(NOON)).is_err());
    let redemption = verifier().verify(grant.token(), attempt(new.digest()), time(NOON)).unwrap().redeem();
    let first = redemption.keys().first().cloned();
    assert_eq!(redemption.confirm(first).unwrap().payload(), new.digest());

    let tightening =
        Request::new(member("ana", &["sre"]), action, countersign::Resource::new("policy", "table"));
    let review = host.open(tightening.with_fact("loosens", false), time(NOON));
    assert_eq!(review.decision().rules().collect::<Vec<_>>(), ["any-change"]);
    assert_eq!(policy(CHANGES).decide(review.request(), time(NOON)).effect(), Effect::Review);
}

const CHANGES: &str = r#"
format = 1
name = "changes-of-policy"
[attributes]
"approver.groups" = "list<string>"
"facts.loosens" = "bool?"
[actions]
"policy.change" = { payload = "text" }
[defaults]
risk = "medium"
[[risk]]
id = "loosening"
when = 'has(facts.loosens) && facts.loosens'
level = "critical"
[[review]]
id = "any-change"
when = 'action.name == "policy.change"'
approve = { count = 1, from = '"security" in approver.groups' }
grant = { single_use = true }
[[review]]
id = "loosening-change"
when = 'action.name == "policy.change" && risk >= CRITICAL'
approve = { count = 2, from = '"security" in approver.groups' }
"#;
