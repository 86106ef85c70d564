//! Findings of the linter on doors, people, words and cases, and what allows them.

#![cfg(feature = "toml")]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed test may panic"
)]

mod lint_common;

use countersign::{Lint, Policy};
use lint_common::{HEAD, found, rule};

// --- doors

#[test]
fn door_that_opens_on_the_callers_word_alone_is_an_error() {
    for when in [
        "has(context.ticket)",
        r#"has(context.ticket) && context.ticket == "INC1""#,
        "!has(context.ticket)",
        "has(context.ticket) && risk <= LOW",
        r#"has(context.reason) && context.reason != """#,
        "context.emergency",
        r#"resource.environment == "dev" || has(context.ticket)"#,
        r#"has(context.duration) && context.duration < duration("5m") && now < timestamp("2030-01-01T00:00:00Z")"#,
    ] {
        for kind in ["zone", "emergency"] {
            let error = Policy::from_toml(&format!("{HEAD}{}", rule(kind, "door", when))).unwrap_err();
            let faults: Vec<_> = error.faults().collect();
            let [fault] = faults[..] else { panic!("{when}: {error}") };
            assert_eq!(fault.lint(), Some(Lint::CallerAlone), "{when}");
            assert_eq!(fault.message(), format!("{kind} `door` opens on what the caller says alone"));
            assert!(error.to_string().starts_with("error[L001]: "), "{error}");
        }
        Policy::from_toml(&format!(
            "{HEAD}{}",
            rule("hold", "h", when).replace("risk <= LOW", "risk >= LOW")
        ))
        .unwrap();
    }
}

#[test]
fn door_with_the_hosts_word_beside_is_no_error() {
    for when in [
        r#"has(context.ticket) && action.name == "a""#,
        r#"has(context.ticket) && resource.environment == "dev""#,
        r#"has(context.ticket) && !(resource.environment == "prod")"#,
        r#"has(context.ticket) && has(resource.owner) && context.ticket == resource.owner"#,
        r#"has(context.ticket) && context.ticket == "a" && has(context.ticket) && context.ticket == "b" || action.name == "a""#,
    ] {
        assert_eq!(found(&rule("zone", "door", when)), [""; 0], "{when}");
    }
    let policy =
        Policy::from_toml(&format!("{HEAD}{}", rule("zone", "door", "has(context.ticket) && subject.mfa")))
            .unwrap();
    assert_eq!(policy.warnings().next().unwrap().lint(), Some(Lint::OpenEverywhere));
}

#[test]
fn door_for_any_action_on_any_resource_is_told() {
    for when in [
        "true",
        "subject.mfa",
        "has(subject.on_call) && subject.on_call",
        r#"subject.mfa || action.name == "a""#,
    ] {
        let codes = found(&rule("emergency", "door", when));
        assert_eq!(codes, ["L002 emergency `door` opens for any action on any resource"], "{when}");
    }
    for when in
        [r#"resource.environment != "prod""#, r#"resource.type == "flag""#, "has(sql) && sql.understood"]
    {
        assert_eq!(found(&rule("emergency", "door", when)), [""; 0], "{when}");
    }
}

// --- people

fn review(rest: &str) -> Vec<String> {
    found(&format!("[[review]]\nid = 'r'\nwhen = 'resource.environment == \"prod\"'\n{rest}\n"))
}

#[test]
fn review_that_nobody_can_approve_is_told() {
    for from in [
        r#"approver.level > 3 && approver.level < 2"#,
        r#""a" in approver.groups && !("a" in approver.groups)"#,
        r#"vote.comment == "" && vote.comment == "x""#,
    ] {
        let codes = review(&format!("approve = {{ from = '{from}' }}"));
        assert_eq!(
            codes,
            ["L011 nobody can approve review `r` here: the condition cannot be true"],
            "{from}"
        );
    }
    assert_eq!(
        review("approve = { from = 'resource.environment == \"dev\"' }"),
        ["L011 nobody can approve review `r` here: the condition excludes the review's own `when`"]
    );
    assert_eq!(
        review("approve = { count = 3, from = 'approver.id in [\"bo\", \"cy\"]' }"),
        ["L011 nobody can approve review `r` here: it asks for 3 people and lets 2 ids in"]
    );
    assert_eq!(
        review("approve = { from = 'true' }\nveto = { from = 'approver.level > 3 && approver.level < 2' }"),
        ["L011 nobody can reject review `r` by this condition: it cannot be true"]
    );
    let part = "approve = { any = [ { from = 'approver.level > 1' }, { from = 'approver.level > 3 && approver.level < 2' } ] }";
    assert_eq!(review(part).len(), 1);
}

#[test]
fn review_that_only_the_requester_could_approve_is_told() {
    let own = "approve = { from = 'approver.id == subject.id' }";
    assert_eq!(
        review(own),
        [
            "L010 only somebody with the requester's id could approve review `r` here, and requesters do not count"
        ]
    );
    assert_eq!(review(&format!("{own}\nallow_self = true")), [""; 0]);
    assert_eq!(
        review("approve = { count = 2, from = 'approver.id == subject.id' }\nallow_self = true"),
        ["L011 nobody can approve review `r` here: it asks for 2 people and lets 1 id in"]
    );
    assert_eq!(review("approve = { from = 'approver.id != subject.id' }"), [""; 0]);
    assert_eq!(review("approve = { from = 'approver.id == subject.id || approver.level > 2' }"), [""; 0]);
}

#[test]
fn sound_reviews_are_not_told() {
    for approve in [
        "{ from = 'true' }",
        "{ count = 2, from = '\"sre\" in approver.groups' }",
        "{ count = 2, from = 'approver.id in [\"bo\", \"cy\"]' }",
        "{ from = 'has(resource.owner) && approver.id == resource.owner' }",
        "{ from = 'vote.kind == \"person\" && vote.comment != \"\"' }",
    ] {
        assert_eq!(review(&format!("approve = {approve}")), [""; 0], "{approve}");
    }
}

// --- words

#[test]
fn attribute_and_name_that_nothing_reads_are_told() {
    let text = "format = 1\nname = 'x'\n[attributes]\n'subject.used' = 'bool'\n'subject.unused' = 'bool'\n\
                'context.needed' = 'string?'\n'approver.there' = 'bool'\n\
                [let]\na = 'b'\nb = 'subject.used'\nc = 'd'\nd = 'subject.unused'\n\
                [[review]]\nid = 'unused'\nwhen = 'a'\nbecause = 'c and d'\n\
                needs = { fields = ['context.needed'] }\napprove = { from = 'approver.there' }\n";
    let policy = Policy::from_toml(text).unwrap();
    let found: Vec<&str> = policy.warnings().map(|found| found.message()).collect();
    assert_eq!(
        found,
        [
            "attribute `subject.unused` is declared and never read",
            "named condition `c` is never used",
            "named condition `d` is never used"
        ]
    );
}

// --- cases

const CASE: &str = "[[case]]\nname = 'c'\nrequest.subject = { type = 'user', id = 'a', properties = { groups = [], mfa = true, level = 1 } }\n\
    request.action = { name = 'a' }\n";

#[test]
fn case_whose_request_does_not_fit_is_told() {
    let resource = |properties: &str| {
        format!(
            "request.resource = {{ type = 't', id = 'i', properties = {{ labels = {{}}{properties} }} }}\n"
        )
    };
    let case = format!("{CASE}{}expect = {{ effect = 'deny' }}\n", resource(""));
    assert_eq!(
        found(&case),
        ["L015 case `c` tests no rule: its request is denied because `resource.environment` is missing"]
    );
    let case =
        format!("{CASE}{}expect = {{ effect = 'deny', reasons = ['invalid_request'] }}\n", resource(""));
    assert_eq!(found(&case), [""; 0]);
    let fits = format!("{CASE}{}expect = {{ effect = 'deny' }}\n", resource(", environment = 'dev'"));
    assert_eq!(found(&fits), [""; 0]);
    assert_eq!(
        found(&format!("[actions]\nb = {{}}\n{fits}")),
        ["L015 case `c` tests no rule: its request is denied because the policy knows no action `a`"]
    );
    let twice = format!("{fits}{}", fits.replace("name = 'c'", "name = 'd'"));
    assert_eq!(found(&twice), ["L016 case `d` asks and expects the same as one above it"]);
    let other = format!("{fits}{}", fits.replace("name = 'c'", "name = 'd'").replace("'deny'", "'allow'"));
    assert_eq!(found(&other), [""; 0]);
}

#[test]
fn case_that_names_what_there_is_not_is_told() {
    let case = format!(
        "{CASE}request.resource = {{ type = 't', id = 'i', properties = {{ labels = {{}}, environment = 'dev', ownr = 'x' }} }}\n\
         expect = {{ rules = ['read-all'] }}\n"
    );
    assert_eq!(
        found(&case),
        [
            "L017 case `c` states `resource.ownr`, which no condition can read",
            "L017 case `c` expects rule `read-all`, which there is not"
        ]
    );
}

// --- allowing

#[test]
fn allowed_finding_is_not_told_and_an_idle_allowance_is() {
    let door = rule("emergency", "door", "subject.mfa");
    let allow =
        |code: &str, of: &str| format!("[[lint]]\nallow = ['{code}']\nof = '{of}'\nbecause = 'we looked'\n");
    assert_eq!(found(&format!("{door}{}", allow("L002", "door"))), [""; 0]);
    let codes = found(&format!("{door}{}", allow("L002", "other")));
    assert_eq!(
        codes,
        [
            "L002 emergency `door` opens for any action on any resource",
            "L018 `L002` is allowed here and was not found"
        ]
    );
}

#[test]
fn allowance_needs_a_code_a_thing_and_a_reason() {
    let faults = |rest: &str| -> Vec<String> {
        let error = Policy::from_toml(&format!("{HEAD}[[lint]]\n{rest}\n")).unwrap_err();
        error.faults().map(|fault| fault.message().to_owned()).collect()
    };
    assert_eq!(
        faults("allow = 'L002'\nof = 'x'"),
        ["`because` is missing: whoever allows a finding says why"]
    );
    assert_eq!(
        faults("allow = 'L002'\nof = 'x'\nbecause = ' '"),
        ["`because` is empty: whoever allows a finding says why"]
    );
    assert_eq!(
        faults("allow = 'L2'\nof = 'x'\nbecause = 'y'"),
        ["unknown code `L2`, expected `L001` to `L019`"]
    );
    assert_eq!(
        faults("allow = 'L001'\nof = 'x'\nbecause = 'y'"),
        ["`L001` is an error and cannot be allowed"]
    );
    assert_eq!(
        faults("allow = 'L002'\nbecause = 'y'"),
        ["`of` is missing: the rule, attribute, name or case that is found"]
    );
}

#[test]
fn codes_are_in_order_and_each_stands_in_the_guide() {
    let guide = std::fs::read_to_string("docs/policy-guide.md").unwrap();
    let rows: Vec<&str> = guide.lines().filter(|line| line.starts_with("| `L0")).collect();
    let listed: Vec<&str> = rows.iter().filter_map(|row| row.split('`').nth(1)).collect();
    let codes: Vec<&str> = Lint::ALL.into_iter().map(Lint::code).collect();
    assert_eq!(listed, codes);
    for (number, code) in codes.iter().enumerate() {
        assert_eq!(*code, format!("L{:03}", number + 1));
    }
    // Each row has what is found, why it matters and what to do.
    assert!(rows.iter().all(|row| row.trim_matches('|').split(" | ").count() == 4), "{rows:?}");
    assert_eq!(Lint::ALL.into_iter().filter(|lint| lint.is_error()).count(), 1);
}

#[test]
fn time_passes_between_the_request_and_the_vote() {
    let before = "now < timestamp('2026-12-20T00:00:00Z')";
    let after = "now >= timestamp('2026-12-20T00:00:00Z')";
    let text = format!(
        "[[review]]\nid = 'r'\nwhen = '''action.name == 'a' && {before}'''\n\
         approve = {{ from = '''\"sre\" in approver.groups && {after}''' }}\nveto = {{ from = '''{after}''' }}\n"
    );
    assert_eq!(found(&text), [""; 0]);
}

#[test]
fn idle_tests_of_conditions_on_people_are_told_at_their_places() {
    let text = "[[review]]\nid = 'r'\nwhen = 'action.name == \"a\"'\nexclude = 'has(approver.id)'\n\
        approve = { any = [{ from = 'has(resource.environment) && \"sre\" in approver.groups' }] }\n\
        fallback = { from = 'has(subject.id) && \"b\" in approver.groups' }\n\
        escalate = { after = '1h', add = 'has(subject.mfa) && \"c\" in approver.groups' }\n\
        veto = { from = 'has(action.name) && \"d\" in approver.groups' }\n";
    let told = found(text);
    for path in ["approver.id", "resource.environment", "subject.id", "subject.mfa", "action.name"] {
        let count = told.iter().filter(|found| found.starts_with("L005") && found.contains(path)).count();
        assert_eq!(count, 1, "{path}: {told:?}");
    }
    let policy = Policy::from_toml(&format!("{HEAD}{text}")).unwrap();
    let place = policy.warnings().find(|found| found.message().contains("resource.environment")).unwrap();
    let line = format!("{HEAD}{text}").lines().nth(place.line() - 1).unwrap().to_owned();
    let from: String = line.chars().skip(place.column() - 1).collect();
    assert!(from.starts_with("has(resource.environment)"), "{from}");
}
