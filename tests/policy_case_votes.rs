//! Votes of cases: who judged, for whom, signed or not, what they change, and how people and time move between
//! them. What a step cannot say is told at its place.

#![cfg(feature = "toml")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a failed test may panic"
)]

use countersign::Policy;
use countersign::testing;

const POLICY: &str = r#"
format = 1
name = "votes"
[attributes]
"approver.groups" = "list<string>"
[let]
sre = '"sre" in approver.groups'
lead = '"leads" in approver.groups'
[people]
ana = { groups = ["sre"] }
bo = { groups = ["sre"] }
cy = { groups = ["sre"] }
lee = { groups = ["leads"] }
bot = { type = "service", groups = ["sre"] }
[requests.write]
subject = "ana"
action = { name = "write" }
resource = { type = "table", id = "orders" }
"#;

/// The problems of a case under a review with these keys.
fn case(review: &str, votes: &str, expect: &str) -> Vec<String> {
    let text = format!(
        "{POLICY}[[review]]\nid = 'r'\nwhen = 'true'\n{review}\n[[case]]\nname = 'c'\nbase = 'write'\n\
         votes = [{votes}]\nexpect = {{ {expect} }}\n"
    );
    let policy = Policy::from_toml(&text).unwrap_or_else(|error| panic!("{error}"));
    match testing::check(&policy) {
        Ok(_) => Vec::new(),
        Err(failures) => failures.iter().flat_map(|failure| failure.problems().collect::<Vec<_>>()).collect(),
    }
}

/// The first fault of a step, with the text that it points at.
fn fault(step: &str) -> String {
    let text = format!(
        "{POLICY}[[case]]\nname = 'c'\nbase = 'write'\nvotes = [{step}]\nexpect = {{ effect = 'deny' }}\n"
    );
    let error = Policy::from_toml(&text).unwrap_err();
    let fault = error.faults().next().unwrap();
    let line = text.lines().nth(fault.line() - 1).unwrap();
    let from: String = line.chars().skip(fault.column() - 1).take(12).collect();
    format!("{from}… {}", fault.message())
}

const OK: [&str; 0] = [];
const TWO: &str = "approve = { count = 2, from = 'sre' }";

#[test]
fn programs_count_as_one_and_advice_never() {
    let votes = "{ approve = 'bot', kind = 'automatic', expect = 'open' }, \
                 { approve = 'bo', kind = 'automatic', expect = 'open' }, { approve = 'cy', expect = 'approved' }";
    assert_eq!(case(TWO, votes, "state = 'approved'"), OK);
    let advice = "{ approve = 'bot', kind = 'advisory' }, { reject = 'bot', kind = 'advisory', comment = 'no' }, \
                  { approve = 'bo' }";
    assert_eq!(case(TWO, advice, "state = 'open'"), OK);
}

#[test]
fn delegate_has_the_rights_of_the_delegator_alone() {
    let lead = "approve = { from = 'lead' }";
    assert_eq!(case(lead, "{ approve = 'bo', for = 'lee', expect = 'approved' }", "state = 'approved'"), OK);
    assert_eq!(case(lead, "{ approve = 'bo', says = 'not eligible' }", "state = 'open'"), OK);
    assert_eq!(
        case(
            "approve = { from = 'sre' }",
            "{ approve = 'bo', for = 'lee', expect = 'refused' }",
            "state = 'open'"
        ),
        OK
    );
    let requester = "{ approve = 'lee', for = 'ana', says = 'requester' }";
    assert_eq!(case("approve = { from = 'sre || lead' }", requester, "state = 'open'"), OK);
    let plain = "approve = { from = 'lead && !vote.delegated' }";
    assert_eq!(case(plain, "{ approve = 'bo', for = 'lee', expect = 'refused' }", "state = 'open'"), OK);
}

#[test]
fn signed_votes_are_told_from_others() {
    let signed = "approve = { count = 2, from = 'sre && vote.signed' }\ngrant = { max_uses = 3 }";
    let votes = "{ approve = 'bo', expect = 'refused' }, { approve = 'bo', signed = true, expect = 'open' }, \
                 { approve = 'cy', signed = true, expect = 'approved' }";
    assert_eq!(case(signed, votes, "state = 'approved', grant = { max_uses = 3, lasts = '15m' }"), OK);
}

#[test]
fn votes_change_what_the_review_lets_them() {
    let may =
        "approve = { from = 'sre' }\nmay = ['shorten', 'start_later', 'narrow']\ngrant = { max_uses = 5 }";
    let less = "{ approve = 'bo', at_most = '5m', narrow = { max_uses = 2, read_only = true }, expect = 'approved' }";
    assert_eq!(case(may, less, "grant = { lasts = '5m', max_uses = 2 }"), OK);
    let later = "{ approve = 'bo', not_before = '2026-01-14T13:00:00Z', expect = 'scheduled' }, \
                 { wake = true, at = '2026-01-14T13:00:00Z', expect = 'approved' }";
    assert_eq!(case(may, later, "grant = { lasts = '15m', ends = '2026-01-14T13:15:00Z' }"), OK);
    let more = "{ approve = 'bo', at_most = '1h', expect = 'refused' }, \
                { approve = 'bo', narrow = { max_uses = 9 }, expect = 'refused' }, \
                { approve = 'bo', narrow = { max_rwos = 9 }, says = 'max_rwos' }";
    assert_eq!(case(may, more, "state = 'open'"), OK);
    assert_eq!(case(TWO, "{ approve = 'bo', at_most = '5m', expect = 'refused' }", "state = 'open'"), OK);
}

#[test]
fn sign_in_of_a_voter_is_judged() {
    let key = "approve = { from = 'sre', auth = { amr = ['hwk'], within = '5m' } }";
    for (auth, expect) in [
        ("", "refused"),
        ("auth = { amr = ['pwd'] }, ", "refused"),
        ("auth = { amr = ['hwk'], ago = '6m' }, ", "refused"),
        ("auth = { amr = ['hwk'], time = '2026-01-14T11:00:00Z' }, ", "refused"),
        ("auth = { amr = ['hwk'], ago = '5m' }, ", "approved"),
        ("auth = { amr = ['pwd', 'hwk'] }, ", "approved"),
    ] {
        let vote = format!("{{ approve = 'bo', {auth}expect = '{expect}' }}");
        assert_eq!(case(key, &vote, "effect = 'review'"), OK, "{auth}");
    }
    let class = "approve = { from = 'sre', auth = { acr = ['gold'] } }";
    assert_eq!(
        case(class, "{ approve = 'bo', auth = { acr = 'gold' }, expect = 'approved' }", "state = 'approved'"),
        OK
    );
}

#[test]
fn requester_takes_back_and_approvers_revoke() {
    let one = "approve = { from = 'sre' }";
    let back = "{ retract = 'bo', expect = 'refused' }, { retract = 'ana', expect = 'withdrawn' }, { approve = 'bo', says = 'withdrawn' }";
    assert_eq!(case(one, back, "state = 'withdrawn', grant = 'none'"), OK);
    let revoke = "{ approve = 'bo', expect = 'approved' }, { approve = 'cy', says = 'approved' }, { withdraw = 'bo', expect = 'revoked' }";
    assert_eq!(
        case(&format!("{one}\non_withdraw = 'revoke'"), revoke, "state = 'revoked', grant = 'none'"),
        OK
    );
    let keep = "{ approve = 'bo', expect = 'approved' }, { withdraw = 'bo', expect = 'refused' }";
    assert_eq!(case(one, keep, "state = 'approved', grant = { lasts = '15m' }"), OK);
}

#[test]
fn people_are_known_otherwise_from_a_step_on() {
    let refresh = format!("{TWO}\nrefresh = '10m'");
    let left = "{ approve = 'bo' }, { people = { bo = { groups = [] } }, wake = true }, \
                { approve = 'cy', after = '30m', expect = 'open' }, { approve = 'bot', expect = 'approved' }";
    assert_eq!(case(&refresh, left, "state = 'approved'"), OK);
    let stays = "{ approve = 'bo' }, { approve = 'cy', after = '30m', expect = 'approved' }";
    assert_eq!(case(&refresh, stays, "state = 'approved'"), OK);
    let joins = "{ approve = 'lee', expect = 'refused' }, { people = { lee = { groups = ['sre'] } }, approve = 'lee' }";
    assert_eq!(case(TWO, joins, "approvers = ['bo', 'cy', 'bot', 'lee']"), OK);
}

#[test]
fn time_does_what_is_due_before_a_step() {
    let late = "approve = { from = 'sre' }\nescalate = { after = '30m', add = 'lead' }";
    assert_eq!(
        case(
            late,
            "{ approve = 'lee', after = '29m', expect = 'refused' }, { approve = 'lee', after = '31m', expect = 'approved' }",
            "state = 'approved'"
        ),
        OK
    );
    assert_eq!(
        case(late, "{ approve = 'bo', after = '5h', says = 'expired' }", "state = 'expired', grant = 'none'"),
        OK
    );
}

#[test]
fn named_candidates_are_those_whom_the_host_asks() {
    let with = |candidates: &str, expect: &str| {
        let text = format!(
            "{POLICY}[[review]]\nid = 'r'\nwhen = 'true'\napprove = {{ from = 'lead' }}\nfallback = {{ count = 2, from = 'sre' }}\n\
             [[case]]\nname = 'c'\nbase = 'write'\ncandidates = [{candidates}]\nexpect = {{ {expect} }}\n"
        );
        let failures = testing::check(&Policy::from_toml(&text).unwrap()).err().unwrap_or_default();
        failures.iter().flat_map(|failure| failure.problems().collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    assert_eq!(with("'lee', 'bo', 'cy'", "effect = 'review', approvers = ['lee']"), OK);
    assert_eq!(with("'bo', 'cy'", "effect = 'review', approvers = ['bo', 'cy']"), OK);
    let nobody = "effect = 'deny', reasons = ['nobody_can_approve'], grant = 'none'";
    assert_eq!(with("'bo'", nobody), OK);
    assert_eq!(with("", nobody), OK);
    assert_eq!(with("'bo'", "effect = 'review'"), ["expected effect review, found deny"]);
}

#[test]
fn what_a_step_cannot_say_is_told_at_its_place() {
    for (step, expected) in [
        (
            "{ wake = true, comment = 'x' }",
            "'x' }]… `comment` goes with `approve`, `force`, `reject`, `withdraw`",
        ),
        ("{ withdraw = 'bo', for = 'lee' }", "'lee' }]… `for` goes with `approve`, `force`, `reject`"),
        ("{ force = 'bo', kind = 'automatic' }", "'automatic' … `kind` goes with `approve`, `reject`"),
        ("{ reject = 'bo', signed = true }", "true }]… `signed` goes with `approve`, `force`"),
        ("{ retract = 'ana', at_most = '1m' }", "'1m' }]… `at_most` goes with `approve`, `force`"),
        ("{ approve = 'bo', kind = 'robot' }", "'robot' }]… expected `automatic`, `advisory`, found `robot`"),
        ("{ approve = 'bo', for = 'le' }", "'le' }]… unknown person `le`, did you mean `lee`?"),
        ("{ approve = 'bo', signed = 'yes' }", "'yes' }]… expected true or false, found a string"),
        (
            "{ approve = 'bo', narrow = 3 }",
            "3 }]… expected a table such as `{ max_rows = 100 }`, found an integer",
        ),
        (
            "{ approve = 'bo', auth = { amr = ['otp'], time = '2026-01-14T12:00:00Z', ago = '1m' } }",
            "'1m' } }]… `time` and `ago` both say when",
        ),
        (
            "{ approve = 'bo', auth = { amr = 'otp' } }",
            "'otp' } }]… expected a list of strings, found a string",
        ),
        (
            "{ approve = 'bo', not_before = 'noon' }",
            "'noon' }]… expected a time such as `2026-11-23T10:00:00Z`",
        ),
        ("{ wake = true, people = { zoe = {} } }", "zoe = {} } }… unknown person `zoe`"),
        (
            "{ wake = true, people = { bo = 3 } }",
            "3 } }]… expected a person such as `{ groups = [\"sre\"] }`, found an integer",
        ),
        (
            "{ wake = true, people = ['bo'] }",
            "['bo'] }]… expected a table of people and their attributes, found a list",
        ),
    ] {
        assert_eq!(fault(step), expected, "{step}");
    }
}
