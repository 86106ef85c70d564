//! Cases: what they can ask and expect, how they fail, what is wrong with them, and what they cover.

#![cfg(feature = "toml")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a failed test may panic"
)]

use countersign::Policy;
use countersign::testing::{self, Suite};

const POLICY: &str = r#"
format = 1
name = "cases"
[attributes]
"subject.groups" = "list<string>"
"approver.groups" = "list<string>"
"resource.environment" = { type = "string", one_of = ["dev", "prod"] }
"resource.labels" = "map<string, string>?"
"context.ticket" = "string?"
[let]
prod = 'resource.environment == "prod"'
sre = '"sre" in approver.groups'
[defaults]
risk = "low"
[people]
ana = { groups = ["sre"] }
bo = { groups = ["sre"] }
cy = { groups = ["sre"] }
dee = { groups = [] }
bot = { type = "agent", id = "bot-7", groups = ["sre"] }
[requests.write]
subject = "ana"
action = { name = "write" }
resource = { type = "table", id = "orders", properties = { environment = "prod" } }
context = { reason = "fix", ticket = "INC1" }
[[zone]]
id = "dev"
when = '!prod && action.name == "write"'
max_risk = "low"
limit = { count = 2, per = "1h" }
grant = { default = "10m", max_uses = 3 }
[[review]]
id = "prod"
when = 'prod'
needs = { fields = ["context.ticket"] }
approve = { count = 2, from = 'sre' }
may = ["shorten"]
grant = { default = "15m", single_use = true, use_within = "5m" }
expires = "1h"
"#;

/// The problems of each case, in one line each.
fn run(cases: &str) -> Vec<String> {
    let policy = Policy::from_toml(&format!("{POLICY}{cases}")).unwrap_or_else(|error| panic!("{error}"));
    match testing::check(&policy) {
        Ok(_) => Vec::new(),
        Err(failures) => failures.iter().flat_map(|failure| failure.problems().collect::<Vec<_>>()).collect(),
    }
}

fn case(rest: &str) -> Vec<String> {
    run(&format!("[[case]]\nname = 'c'\n{rest}\n"))
}

/// The faults of a case, with the text that each points at.
fn faults(rest: &str) -> Vec<String> {
    let text = format!("{POLICY}[[case]]\nname = 'c'\n{rest}\n");
    let error = Policy::from_toml(&text).unwrap_err();
    error
        .faults()
        .map(|fault| {
            let line = text.lines().nth(fault.line() - 1).unwrap();
            let from: String = line.chars().skip(fault.column() - 1).take(12).collect();
            format!("{from}… {}", fault.message())
        })
        .collect()
}

const OK: [&str; 0] = [];

// --- what holds

#[test]
fn everything_that_can_be_expected_holds_where_it_is_so() {
    assert_eq!(
        case(
            "base = 'write'\nvotes = [{ approve = 'bo', expect = 'open' }, { approve = 'cy', at_most = '12m', expect = 'approved' }]\n\
             expect = { effect = 'review', risk = 'low', rules = ['prod'], missing = [], reasons = ['review_required'], \
             state = 'approved', approvers = [], grant = { lasts = '12m', ends = '2026-01-14T12:14:00Z', single_use = true, use_within = '5m' } }"
        ),
        OK
    );
    assert_eq!(
        case(
            "base = 'write'\nwith = { 'resource.environment' = 'dev' }\nusage = { limits = { dev = 1 } }\n\
             expect = { effect = 'allow', state = 'open', grant = { lasts = '10m', max_uses = 3, ends = '2026-01-14T12:10:00Z' } }"
        ),
        ["expected state open, found none"]
    );
    assert_eq!(
        case("base = 'write'\nexpect = { approvers = ['bo', 'cy', 'bot'], grant = { lasts = '15m' } }"),
        OK
    );
    assert_eq!(
        case("base = 'write'\nvotes = [{ approve = 'bo' }]\nexpect = { state = 'open', approvers = ['cy', 'bot', 'bo'] }").len(),
        0
    );
    assert_eq!(
        case("base = 'write'\ncandidates = ['bo', 'cy', 'dee']\nexpect = { approvers = ['bo', 'cy'] }"),
        OK
    );
}

#[test]
fn votes_are_refused_in_the_words_of_the_library() {
    assert_eq!(
        case(
            "base = 'write'\nvotes = [{ approve = 'ana', says = 'is also the requester' }, { approve = 'dee', expect = 'refused' }, \
             { reject = { type = 'user', id = 'eve', properties = { groups = ['sre'] } }, expect = 'rejected' }, \
             { approve = 'bo', expect = 'refused' }]\nexpect = { state = 'rejected', grant = 'none' }"
        ),
        OK
    );
    assert_eq!(
        case("base = 'write'\nvotes = [{ approve = 'ana' }]\nexpect = { effect = 'review' }"),
        ["expected votes[1] (ana) counted, found refused: approver `user/ana` is also the requester"]
    );
    assert_eq!(
        case(
            "base = 'write'\nvotes = [{ approve = 'dee', says = 'requester' }]\nexpect = { effect = 'review' }"
        ),
        ["expected votes[1] (dee) refused: requester, found refused: approver `user/dee` is not eligible"]
    );
    assert_eq!(
        case(
            "base = 'write'\nvotes = [{ approve = 'bo', says = 'requester' }]\nexpect = { effect = 'review' }"
        ),
        ["expected votes[1] (bo) refused: requester, found open"]
    );
}

#[test]
fn time_passes_between_votes() {
    assert_eq!(
        case(
            "base = 'write'\nvotes = [{ approve = 'bo', after = '59m' }, { wake = true, at = '2026-01-14T13:00:00Z', expect = 'expired' }]\n\
             expect = { state = 'expired', grant = 'none' }"
        ),
        OK
    );
    assert_eq!(
        case(
            "base = 'write'\nvotes = [{ approve = 'bo', after = '1h', expect = 'refused', says = 'expired' }]\nexpect = { state = 'expired' }"
        ),
        OK
    );
    assert_eq!(
        case(
            "base = 'write'\nvotes = [{ approve = 'bo' }, { withdraw = 'bo', expect = 'open' }, { approve = 'cy', expect = 'open' }]\nexpect = { state = 'open' }"
        ),
        OK
    );
}

#[test]
fn votes_on_what_needs_none_are_told() {
    let found = case(
        "base = 'write'\nwith = { 'resource.environment' = 'dev' }\nusage = {}\nvotes = [{ approve = 'bo' }]\nexpect = { effect = 'allow' }",
    );
    assert_eq!(found, ["expected votes[1] (bo) counted, found refused: there is no review"]);
}

#[test]
fn request_differs_from_its_base_where_the_case_says() {
    for (with, effect) in [
        ("with = { 'resource.environment' = 'dev' }", "allow"),
        ("with.resource.environment = 'dev'", "allow"),
        ("with = { resource = { environment = 'dev', labels = { tier = 'gold' } } }", "allow"),
        ("with = { 'action.name' = 'read', 'resource.environment' = 'dev' }", "deny"),
        ("without = ['context.ticket']", "challenge"),
        ("with = { 'context.ticket' = '' }", "challenge"),
        ("with = { 'context.duration' = '2h' }", "deny"),
        ("with = { 'action.payload' = { text = 'x' } }", "review"),
        ("with = { subject = 'bo' }", "review"),
    ] {
        assert_eq!(
            case(&format!("base = 'write'\n{with}\nusage = {{}}\nexpect = {{ effect = '{effect}' }}")),
            OK,
            "{with}"
        );
    }
}

#[test]
fn person_of_another_type_is_who_the_table_says() {
    let own = "base = 'write'\nwith = { subject = 'bot' }\nvotes = [{ approve = { type = 'agent', id = 'bot-7', groups = ['sre'] }, says = 'agent/bot-7' }]\n";
    assert_eq!(case(&format!("{own}expect = {{ effect = 'review' }}")), OK);
}

// --- how it fails

#[test]
fn failure_shows_what_was_expected_beside_what_was_found() {
    let text = format!(
        "{POLICY}[[case]]\nname = 'c'\nbase = 'write'\nexpect = {{ effect = 'allow', rules = ['dev', 'prod'], grant = {{ lasts = '1h' }} }}\n"
    );
    let failures = testing::check(&Policy::from_toml(&text).unwrap()).unwrap_err();
    assert_eq!(
        failures[0].to_string(),
        "case `c`\n --> policy.toml:41\n\
         \x20 effect       expected  allow\n\
         \x20              found     review\n\
         \x20              because   rule `prod`: people must approve it\n\
         \x20 rules        expected  [dev, prod]\n\
         \x20              found     [prod]\n\
         \x20              because   what was found lacks `dev`\n\
         \x20 grant.lasts  expected  1h\n\
         \x20              found     15m"
    );
    assert_eq!((failures[0].case(), failures[0].file(), failures[0].line()), ("c", "policy.toml", 41));
    let difference = failures[0].differences().next().unwrap();
    assert_eq!(
        (difference.field(), difference.expected(), difference.found()),
        ("effect", "allow", "review")
    );
}

#[test]
fn every_expectation_can_fail() {
    for (expect, found) in [
        ("effect = 'deny'", "expected effect deny, found review"),
        ("risk = 'high'", "expected risk high, found low"),
        ("rules = []", "expected rules [], found [prod]"),
        ("missing = ['context.ticket']", "expected missing [context.ticket], found []"),
        ("missing = ['context.ticket: empty']", "expected missing [context.ticket: empty], found []"),
        ("reasons = ['held']", "expected reasons [held], found [review_required]"),
        ("state = 'approved'", "expected state approved, found open"),
        ("approvers = ['bo']", "expected approvers [bo], found [bo, bot, cy]"),
        ("grant = 'none'", "expected grant none, found one that lasts 15m"),
        ("grant = { lasts = '1h' }", "expected grant.lasts 1h, found 15m"),
        ("grant = { max_uses = 2 }", "expected grant.max_uses 2, found 1"),
        ("grant = { use_within = '1m' }", "expected grant.use_within 1m, found 5m"),
        (
            "grant = { ends = '2026-01-14T12:15:00Z' }",
            "expected grant.ends 2026-01-14T12:15:00+00:00, found none",
        ),
    ] {
        assert_eq!(case(&format!("base = 'write'\nexpect = {{ {expect} }}")), [found]);
    }
    assert_eq!(
        case(
            "base = 'write'\nwith = { 'resource.environment' = 'dev' }\nexpect = { grant = { lasts = '10m' } }"
        ),
        ["expected grant one, found none"]
    );
}

// --- what is wrong with a case

#[test]
fn fault_of_a_case_is_told_at_its_place() {
    let rest = "expect = { effect = 'deny' }";
    for (text, expected) in [
        ("base = 'wirte'", "'wirte'… unknown request `wirte`, did you mean `write`?"),
        ("request = 1", "1… expected a table, found an integer"),
        (
            "base = 'write'\nrequest = {}",
            "'write'… `request` and `base` both say what is asked, expected one of them",
        ),
        ("", "[[case]]… `request` is missing: the AuthZEN request to decide, or a `base`"),
        ("base = 'write'\nnow = 'noon'", "'noon'… expected a time such as `2026-11-23T10:00:00Z`"),
        (
            "base = 'write'\nwith = { 'resorce.environment' = 'x' }",
            "'resorce.env… expected a path that begins with `subject`, `action`, `resource`, `context` or `facts`, or `resources` alone",
        ),
        ("base = 'write'\nwith = { subject = 'bob' }", "'bob' }… unknown person `bob`, did you mean `bo`?"),
        (
            "base = 'write'\nwith = { 'context.duration' = 'long' }",
            "'long' }… `context.duration` is string, expected a duration such as `15m`, or seconds",
        ),
        (
            "base = 'write'\nwith = { 'action.payload' = { txt = 'x' } }",
            "{ txt = 'x' … `action.payload.text` is missing",
        ),
        (
            "base = 'write'\nwithout = ['context.tcket']",
            "'context.tck… there is no such attribute in the request to leave out",
        ),
        ("base = 'write'\nusage = 3", "3… `context.usage` is int, expected an object"),
        ("base = 'write'\nvotes = [{ approve = 'nobody' }]", "'nobody' }]… unknown person `nobody`"),
        (
            "base = 'write'\nvotes = [{ comment = 'x' }]",
            "{ comment = … expected one of `approve`, `force`, `reject`, `withdraw`, `retract` or `wake = true`",
        ),
        (
            "base = 'write'\nvotes = [{ approve = 'bo', reject = 'bo' }]",
            "{ approve = … expected one of `approve`, `force`, `reject`, `withdraw`, `retract` or `wake = true`",
        ),
        (
            "base = 'write'\nvotes = [{ approve = 'bo', at = 'x' }]",
            "'x' }]… expected a time such as `2026-11-23T10:00:00Z`",
        ),
        (
            "base = 'write'\nvotes = [{ approve = 'bo', at = '2026-01-14T12:00:00Z', after = '1m' }]",
            "'1m' }]… `at` and `after` both say when",
        ),
        (
            "base = 'write'\nvotes = [{ approve = 'bo', at = '2026-01-14T11:00:00Z' }]",
            "{ approve = … 2026-01-14 11:00:00 UTC is before the step above it",
        ),
        (
            "base = 'write'\nvotes = [{ approve = 'bo', expect = 'pending' }]",
            "'pending' }]… expected `open`, `scheduled`, `approved`, `rejected`, `expired`, `withdrawn`, `revoked`, `refused`, found `pending`",
        ),
        (
            "base = 'write'\nvotes = [{ approve = 'bo', coment = 'x' }]",
            "coment = 'x'… unknown key `coment`, did you mean `comment`?",
        ),
        ("base = 'write'\ncandidates = ['zoe']", "'zoe']… unknown person `zoe`"),
    ] {
        assert_eq!(faults(&format!("{text}\n{rest}"))[0], expected, "{text}");
    }
    assert_eq!(faults("base = 'write'\nexpect = {}"), ["{}… a case that expects nothing tests nothing"]);
    assert_eq!(
        faults("base = 'write'\nexpect = { approvers = ['zoe'] }"),
        ["'zoe'] }… `zoe` is not among the candidates of this case"]
    );
    assert_eq!(
        faults("base = 'write'\nexpect = { grant = 'some' }"),
        ["'some' }… expected `\"none\"` or a table such as `{ lasts = \"15m\" }`"]
    );
    assert_eq!(
        faults("base = 'write'\nexpect = { grant = { single_use = true, max_uses = 1 } }"),
        ["{ single_use… `single_use` and `max_uses` say the same thing twice"]
    );
}

#[test]
fn member_that_no_request_has_is_a_mistake_in_a_case() {
    let request = "request.subject = { type = 'user', id = 'a', propertys = {} }\nrequest.action = { name = 'a' }\n\
                   request.resource = { type = 't', id = 'r' }\nrequest.contxt = {}\nexpect = { effect = 'deny' }";
    assert_eq!(
        faults(request),
        [
            "propertys = … unknown key `propertys`, did you mean `properties`?",
            "contxt = {}… unknown key `contxt`, did you mean `context`?"
        ]
    );
}

// --- files of cases

#[test]
fn file_of_cases_is_run_beside_the_policy_and_is_no_part_of_it() {
    let policy = Policy::from_toml(POLICY).unwrap();
    let shared = POLICY.split("[[zone]]").next().unwrap().split("[people]").nth(1).unwrap();
    let cases =
        format!("[people]{shared}[[case]]\nname = 'one'\nbase = 'write'\nexpect = {{ effect = 'allow' }}\n");
    let suite = Suite::new(&policy).with_cases("x.cases.toml", &cases).unwrap();
    let report = suite.run();
    assert_eq!(report.cases(), 1);
    let failure = report.failures().next().unwrap();
    assert_eq!((failure.file(), failure.case()), ("x.cases.toml", "one"));
    assert_eq!(cases.lines().nth(failure.line() - 1), Some("name = 'one'"));
    let error = Suite::new(&policy).with_cases("x.cases.toml", "[[zone]]\nid = 'z'\n").unwrap_err();
    assert!(error.to_string().contains("unknown key `zone`"), "{error}");
    assert!(error.to_string().contains("x.cases.toml:1:3"), "{error}");
}

// --- coverage

#[test]
fn coverage_names_what_no_case_shows() {
    let gaps = |cases: &str| -> Vec<String> {
        let policy = Policy::from_toml(&format!("{POLICY}{cases}")).unwrap();
        Suite::new(&policy).run().coverage().gaps().map(|gap| gap.to_string()).collect()
    };
    assert_eq!(
        gaps(""),
        ["`dev` never matched", "`prod` never matched", "`prod`: `sre` was never true and never false"]
    );
    let review = "[[case]]\nname = 'a'\nbase = 'write'\nvotes = [{ approve = 'bo' }]\nexpect = { effect = 'review' }\n";
    assert_eq!(
        gaps(review),
        ["`dev` never matched", "`prod`: `prod` was never false", "`prod`: `sre` was never false"]
    );
    let zone = "[[case]]\nname = 'b'\nbase = 'write'\nwith.resource.environment = 'dev'\nexpect = { effect = 'deny' }\n";
    assert_eq!(
        gaps(&format!("{review}{zone}")),
        ["`dev`: `action.name == \"write\"` was never false", "`prod`: `sre` was never false"]
    );
    let rest = "[[case]]\nname = 'c'\nbase = 'write'\nwith.action.name = 'x'\nvotes = [{ approve = 'dee', expect = 'refused' }]\nexpect = { effect = 'review' }\n";
    assert_eq!(gaps(&format!("{review}{zone}{rest}")), OK);
    let policy = Policy::from_toml(&format!("{POLICY}{review}{zone}{rest}")).unwrap();
    let report = Suite::new(&policy).run();
    assert_eq!(report.coverage().rules(), (2, 2));
    assert_eq!(report.coverage().parts(), (4, 4));
}
