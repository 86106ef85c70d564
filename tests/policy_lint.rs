//! Findings of the linter: each code where it is meant, and nothing where a policy is sound.

#![cfg(feature = "toml")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed test may panic"
)]

use std::fmt::Write;

use countersign::{Action, Effect, Lint, Policy, Request, Resource, Subject};
use proptest::prelude::*;

const HEAD: &str = r#"
format = 1
name = "x"
[attributes]
"subject.groups" = "list<string>"
"subject.mfa" = "bool"
"subject.level" = "int"
"subject.on_call" = "bool?"
"resource.environment" = { type = "string", one_of = ["dev", "staging", "prod"] }
"resource.owner" = "string?"
"resource.labels" = "map<string, string>"
"context.ticket" = { type = "string?", source = "caller" }
"approver.groups" = "list<string>"
"approver.level" = "int"
[defaults]
risk = "low"
# Reads every name, so that only what a test is about is found.
[[risk]]
id = "reads-all"
when = '''"x" in subject.groups && subject.mfa && subject.level > 1 && has(subject.on_call) && subject.on_call &&
  resource.environment == "dev" && has(resource.owner) && resource.owner == "x" && resource.labels["x"] == "y" &&
  has(context.ticket) && context.ticket == "z" && action.name == "approver.groups approver.level"'''
level = "low"
"#;

/// The codes and messages of all findings.
fn found(rules: &str) -> Vec<String> {
    let policy = Policy::from_toml(&format!("{HEAD}{rules}")).unwrap_or_else(|error| panic!("{error}"));
    policy.warnings().map(|found| format!("{} {}", found.lint().unwrap(), found.message())).collect()
}

fn rule(kind: &str, id: &str, when: &str) -> String {
    let rest = match kind {
        "zone" => "max_risk = 'low'\n",
        "emergency" => "review_within = '1h'\n",
        "review" => "approve = { from = '\"sre\" in approver.groups' }\n",
        "risk" => "level = 'medium'\n",
        _ => "",
    };
    format!("[[{kind}]]\nid = '{id}'\nwhen = '''{when}'''\n{rest}")
}

// --- what never and what always matches

#[test]
fn condition_that_contradicts_itself_never_matches() {
    for when in [
        r#"action.name == "a" && action.name == "b""#,
        r#"action.name == "a" && action.name != "a""#,
        r#"action.name in ["a", "b"] && action.name.startsWith("c")"#,
        r#"action.name.startsWith("sql.") && action.name.startsWith("http.")"#,
        r#"action.name.startsWith("sql.read") && !action.name.startsWith("sql.")"#,
        r#"action.name.endsWith(".write") && !action.name.contains("write")"#,
        r#"resource.environment != "dev" && resource.environment != "staging" && resource.environment != "prod""#,
        r#"resource.environment.startsWith("x")"#,
        r#"subject.mfa && !subject.mfa"#,
        r#"subject.mfa == true && subject.mfa == false"#,
        r#"subject.level > 3 && subject.level < 4"#,
        r#"subject.level >= 3 && subject.level == 2"#,
        r#""a" in subject.groups && !("a" in subject.groups)"#,
        r#"!has(resource.owner) && has(resource.owner) && resource.owner == "x""#,
        r#"now < timestamp("2026-01-01T00:00:00Z") && now >= timestamp("2026-01-02T00:00:00Z")"#,
        r#"has(context.duration) && context.duration > duration("1h") && context.duration <= duration("60m")"#,
        r#"risk >= HIGH && action.name == "a" && action.name == "b""#,
        r#"has(sql) && !sql.understood && sql.effect == "read""#,
        r#"!has(sql) && has(sql) && sql.multi"#,
        r#"(action.name == "a" || action.name == "b") && (action.name == "c" || subject.mfa) && !subject.mfa"#,
        r#"resource.labels["tier"] == "gold" && resource.labels["tier"] == "bronze""#,
        r#"subject.mfa ? false : subject.mfa"#,
        r#"subject.groups.exists(g, g == "a") && !subject.groups.exists(g, g == "a")"#,
        "false",
    ] {
        let codes = found(&rule("forbid", "f", when));
        assert_eq!(codes, ["L003 forbid `f` never matches: its condition cannot be true"], "{when}");
    }
}

#[test]
fn condition_that_can_match_is_not_told() {
    for when in [
        r#"action.name == "a" || action.name == "b""#,
        r#"action.name.startsWith("sql.") && action.name.endsWith(".write")"#,
        r#"action.name.startsWith("sql.") && action.name.startsWith("sql.read")"#,
        r#"action.name.startsWith("sql.") && !action.name.startsWith("sql.read")"#,
        r#"action.name.endsWith("read") && !action.name.endsWith(".read")"#,
        r#"action.name.contains("a") && !action.name.contains("ab")"#,
        r#"subject.level > 3 && subject.level < 5"#,
        r#""a" in subject.groups && "b" in subject.groups"#,
        r#"resource.labels["tier"] == "gold" && resource.labels["team"] == "a""#,
        r#"subject.groups.exists(g, g == "a") && !subject.groups.exists(g, g == "b")"#,
        r#"!has(resource.owner) || resource.owner == "a""#,
        r#"resource.environment != "dev" && resource.environment != "staging""#,
        r#"subject.mfa ? resource.environment == "dev" : action.name == "a""#,
        "true",
    ] {
        assert_eq!(found(&rule("hold", "h", when)), [""; 0], "{when}");
    }
}

#[test]
fn condition_that_is_true_in_other_words_is_told() {
    for when in [
        r#"resource.environment in ["prod", "dev", "staging"]"#,
        r#"subject.mfa || !subject.mfa"#,
        r#"action.name == "a" || action.name != "a""#,
        r#"subject.level < 5 || subject.level >= 5"#,
        "1 == 1",
    ] {
        let codes = found(&rule("hold", "h", when));
        assert_eq!(codes, ["L004 hold `h` always matches: its condition is never false"], "{when}");
    }
    assert_eq!(found(&rule("hold", "h", r#"has(sql) || !has(sql)"#)).len(), 1);
    // Where the level is unknown, nothing is true.
    assert_eq!(found(&rule("hold", "h", r#"has(sql) && (sql.multi || !sql.multi)"#)), [""; 0]);
}

#[test]
fn test_that_always_comes_out_the_same_is_told_at_its_place() {
    let policy =
        Policy::from_toml(&format!("{HEAD}[[forbid]]\nid = 'f'\nwhen = 'has(subject.mfa) && subject.mfa'\n"))
            .unwrap();
    let shown = policy.warnings().next().unwrap().to_string();
    assert_eq!(
        shown.lines().collect::<Vec<_>>()[..5],
        [
            "warning[L005]: rule `f`: attribute `subject.mfa` is always present",
            "  --> policy.toml:26:9",
            "   |",
            "26 | when = 'has(subject.mfa) && subject.mfa'",
            "   |         ^^^^^^^^^^^^^^^^",
        ]
    );
}

// --- rules beside rules

#[test]
fn rule_that_adds_nothing_to_another_is_told() {
    let wide = r#"resource.environment == "prod""#;
    let narrow = r#"resource.environment == "prod" && action.name == "a""#;
    for kind in ["forbid", "hold", "risk"] {
        let codes = found(&(rule(kind, "narrow", narrow) + &rule(kind, "wide", wide)));
        assert_eq!(codes.len(), 1, "{codes:?}");
        assert!(codes[0].starts_with("L006") && codes[0].contains("`narrow` adds nothing"), "{codes:?}");
        assert!(codes[0].contains("`wide` does"), "{codes:?}");
    }
}

#[test]
fn of_two_rules_that_do_the_same_one_is_told() {
    let when = r#"resource.environment == "prod" && action.name == "a""#;
    for kind in ["forbid", "hold", "risk", "zone"] {
        let codes = found(&(rule(kind, "one", when) + &rule(kind, "two", when) + &rule(kind, "three", when)));
        let kind = if kind == "risk" { "risk rule" } else { kind };
        let starts = ["two", "three"].map(|id| format!("L006 {kind} `{id}` adds nothing"));
        assert_eq!(codes.len(), 2, "{codes:?}");
        assert!(codes.iter().zip(starts).all(|(code, start)| code.starts_with(&start)), "{codes:?}");
    }
}

#[test]
fn zone_with_other_terms_is_not_shadowed() {
    let narrow = r#"resource.environment == "dev" && action.name == "a""#;
    let wide = rule("zone", "wide", r#"resource.environment == "dev""#);
    for terms in ["grant = { max = '8h' }", "grant = { single_use = true }", "grant = { default = '5m' }"] {
        let narrow = rule("zone", "narrow", narrow) + terms + "\n";
        assert_eq!(found(&(narrow + &wide)), [""; 0], "{terms}");
    }
    for terms in ["limit = { count = 1, per = '1h' }\n", "needs = { fields = ['context.ticket'] }\n"] {
        let limited = wide.clone() + terms;
        assert_eq!(found(&(rule("zone", "narrow", narrow) + &limited)), [""; 0], "{terms}");
        let narrow = rule("zone", "narrow", narrow) + terms;
        assert_eq!(found(&(narrow + &wide)).len(), 1, "{terms}");
    }
}

#[test]
fn lower_risk_below_a_higher_one_is_told_and_the_other_way_round_is_not() {
    let risk = |id: &str, level: &str, when: &str| {
        format!("[[risk]]\nid = '{id}'\nlevel = '{level}'\nwhen = '''{when}'''\n")
    };
    let (wide, narrow) = (r#"action.name == "a""#, r#"action.name == "a" && subject.mfa"#);
    let codes = found(&(risk("low", "low", narrow) + &risk("high", "high", wide)));
    assert_eq!(
        codes,
        ["L006 risk rule `low` adds nothing: wherever it matches, `high` does, and does as much"]
    );
    assert_eq!(found(&(risk("low", "low", wide) + &risk("high", "high", narrow))), [""; 0]);
}

#[test]
fn rule_that_a_forbid_always_defeats_is_told() {
    let forbid = rule("forbid", "never", r#"resource.environment != "dev""#);
    let when = r#"resource.environment in ["staging", "prod"] && action.name == "a""#;
    for kind in ["zone", "review", "emergency", "hold"] {
        let codes = found(&(rule(kind, "door", when) + &forbid));
        assert_eq!(
            codes,
            [format!("L007 {kind} `door` has no effect: wherever it matches, forbid `never` does")]
        );
        let open = rule(kind, "door", r#"action.name == "a""#);
        assert_eq!(found(&(open + &forbid)), [""; 0], "{kind}");
    }
    // A forbid on an opaque test defeats what has the same test.
    let opaque = r#"subject.groups.exists(g, g.startsWith("ext-"))"#;
    let codes = found(
        &(rule("forbid", "ext", opaque)
            + &rule("zone", "door", &format!("action.name == \"a\" && {opaque}"))),
    );
    assert_eq!(codes.len(), 1, "{codes:?}");
}

#[test]
fn zone_that_a_hold_always_closes_is_told_and_an_emergency_is_not() {
    let hold = rule("hold", "freeze", r#"resource.environment == "prod""#);
    let when = r#"resource.environment == "prod" && action.name == "a""#;
    let codes = found(&(rule("zone", "door", when) + &hold));
    assert_eq!(codes, ["L008 zone `door` never opens: wherever it matches, hold `freeze` does"]);
    assert_eq!(found(&(rule("emergency", "door", when) + &hold)), [""; 0]);
}

#[test]
fn zone_below_the_risk_of_all_it_matches_is_told() {
    let when = r#"resource.environment == "prod" && action.name == "a""#;
    let raised = rule("risk", "prod", r#"resource.environment == "prod""#);
    let codes = found(&(rule("zone", "door", when) + &raised));
    assert_eq!(
        codes,
        [
            "L009 zone `door` never opens: wherever it matches, risk rule `prod` raises the risk above its `max_risk`"
        ]
    );
    let policy = HEAD.replace("risk = \"low\"", "risk = \"high\"") + &rule("zone", "door", when);
    let codes: Vec<String> =
        Policy::from_toml(&policy).unwrap().warnings().map(|found| found.message().to_owned()).collect();
    assert_eq!(
        codes,
        [
            "zone `door` never opens: it lets in low risk at most, no risk rule says so of what it matches, and the \
          default is high"
        ]
    );
    let known = policy + "[[risk]]\nid = 'harmless'\nlevel = 'low'\nwhen = 'action.name in [\"a\", \"b\"]'\n";
    assert_eq!(Policy::from_toml(&known).unwrap().warnings().len(), 0);
}

#[test]
fn zones_that_meet_and_oblige_to_different_things_are_told() {
    let zone =
        |id: &str, when: &str, owed: &str| rule("zone", id, when) + &format!("obligations = [{owed}]\n");
    let (wide, narrow) = (r#"action.name == "a""#, r#"action.name == "a" && resource.environment == "prod""#);
    let told = |missed: &str| {
        [format!(
            "L012 zone `narrow` obliges to `{missed}`, and zone `wide`, which can match the same request, does not"
        )]
    };
    let record = "'record_session'";
    assert_eq!(found(&(zone("narrow", narrow, record) + &zone("wide", wide, ""))), told("record_session"));
    let notify = "{ notify = 'ops' }";
    let codes = found(&(zone("narrow", narrow, record) + &zone("wide", wide, notify)));
    assert_eq!(codes.len(), 2, "each misses what the other obliges to: {codes:?}");
    assert_eq!(
        found(&(zone("narrow", narrow, record) + &zone("wide", wide, record))).len(),
        1,
        "shadowed only"
    );
    // The one with more is never used in place of the one with fewer.
    let both = "'record_session', { notify = 'ops' }";
    let apart = r#"action.name == "a" && resource.environment == "dev""#;
    assert_eq!(found(&(zone("narrow", narrow, record) + &zone("wide", apart, notify))), [""; 0]);
    assert_eq!(found(&(zone("narrow", narrow, both) + &zone("wide", wide, record))), told("notify"));
}

#[test]
fn what_holds_only_at_times_covers_nothing() {
    let when = r#"resource.environment == "prod" && action.name == "a""#;
    let at_night = "within = { from = '22:00', to = '06:00' }\n";
    for kind in ["forbid", "hold", "risk", "zone"] {
        let wide = rule(kind, "wide", r#"resource.environment == "prod""#);
        assert_eq!(found(&(rule("zone", "door", when) + &wide)).len(), 1, "{kind}");
        assert_eq!(found(&(rule("zone", "door", when) + &wide + at_night)), [""; 0], "{kind}");
    }
}

#[test]
fn rule_that_obliges_is_not_idle_beside_one_that_does_not() {
    let when = r#"resource.environment == "prod""#;
    for kind in ["hold", "risk"] {
        let other = rule(kind, "one", when);
        assert_eq!(found(&(other.clone() + &rule(kind, "two", when))).len(), 1, "{kind}");
        let owed = rule(kind, "two", when) + "obligations = ['record_session']\n";
        assert_eq!(found(&(other + &owed)).len(), 1, "{kind}: the first adds nothing to the second");
    }
    let narrow = rule("hold", "narrow", r#"resource.environment == "prod" && subject.mfa"#)
        + "obligations = ['record_session']\n";
    assert_eq!(found(&(narrow + &rule("hold", "wide", when))), [""; 0]);
}

#[test]
fn findings_name_the_document_they_are_in() {
    let base = "format = 1\nname = 'base'\n[defaults]\nrisk = 'low'\n[[open]]\nid = 'logs'\nwhen = 'action.name == \"logs.read\"'\n\
                may = ['zone']\nmax_risk = 'low'\n[[forbid]]\nid = 'never'\nwhen = 'resource.type == \"vault\"'\n";
    let team = "format = 1\nname = 'team'\nextends = 'base'\n[let]\nunused = 'true'\n[[zone]]\nid = 'ours'\nin = 'logs'\n\
                when = 'resource.type == \"vault\"'\nmax_risk = 'low'\n";
    let policy = Policy::from_documents([("base.toml", base), ("team.toml", team)]).unwrap();
    let found: Vec<(Option<Lint>, &str, usize)> =
        policy.warnings().map(|found| (found.lint(), found.file(), found.line())).collect();
    assert_eq!(
        found,
        [(Some(Lint::UnusedLet), "team.toml", 5), (Some(Lint::AlwaysForbidden), "team.toml", 7)]
    );
}

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
        ["L011 nobody can approve review `r` here: it asks for 3 people and lets 2 in"]
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
        ["L010 only the requester could approve review `r` here, and requesters do not count"]
    );
    assert_eq!(review(&format!("{own}\nallow_self = true")), [""; 0]);
    assert_eq!(
        review("approve = { count = 2, from = 'approver.id == subject.id' }\nallow_self = true"),
        ["L011 nobody can approve review `r` here: it asks for 2 people and lets 1 in"]
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

// --- soundness

/// A condition over few values, so that every request can be tried.
fn condition() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["a", "b", "ab"]).prop_map(|text| format!("action.name == \"{text}\"")),
        prop::sample::select(vec!["a", "b"]).prop_map(|text| format!("action.name.startsWith(\"{text}\")")),
        prop::sample::select(vec!["b", "ab"]).prop_map(|text| format!("action.name.endsWith(\"{text}\")")),
        prop::sample::select(vec!["dev", "prod"])
            .prop_map(|text| format!("resource.environment == \"{text}\"")),
        Just("resource.environment in [\"dev\", \"staging\"]".to_owned()),
        Just("subject.mfa".to_owned()),
        Just("has(resource.owner)".to_owned()),
        Just("(has(resource.owner) && resource.owner == \"x\")".to_owned()),
        Just("\"g\" in subject.groups".to_owned()),
        (0..4, prop::sample::select(vec!["<", "<=", "==", "!=", ">"]))
            .prop_map(|(number, op)| format!("subject.level {op} {number}")),
    ];
    leaf.prop_recursive(3, 8, 3, |part| {
        prop_oneof![
            prop::collection::vec(part.clone(), 2..=3).prop_map(|parts| format!("({})", parts.join(" && "))),
            prop::collection::vec(part.clone(), 2..=3).prop_map(|parts| format!("({})", parts.join(" || "))),
            part.clone().prop_map(|part| format!("!({part})")),
            (part.clone(), part.clone(), part).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

/// Every request that tells the conditions above apart.
fn requests() -> Vec<Request> {
    let mut requests = Vec::new();
    for action in ["a", "b", "ab", "aa", "aab", "acb", "ba", "bb", "bab", "c", "cb", "cab"] {
        for environment in ["dev", "staging", "prod"] {
            for level in -1..5 {
                for bits in 0..12 {
                    let groups: &[&str] = if bits % 2 == 0 { &["g"] } else { &[] };
                    let subject = Subject::new("user", "ana")
                        .with("groups", groups.to_vec())
                        .with("mfa", bits / 2 % 2 == 0)
                        .with("level", level);
                    let resource = Resource::new("t", "i")
                        .with("environment", environment)
                        .with("labels", countersign::Attributes::new());
                    let resource = match bits / 4 {
                        0 => resource,
                        1 => resource.with("owner", "x"),
                        _ => resource.with("owner", "y"),
                    };
                    requests.push(Request::new(subject, Action::new(action), resource));
                }
            }
        }
    }
    requests
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Tries every request: what is told to be impossible must be, and of these small conditions what is
    /// impossible must be told.
    #[test]
    fn findings_agree_with_trying_every_request(one in condition(), other in condition()) {
        let now = "2026-11-23T10:00:00Z".parse().unwrap();
        let text = format!("{HEAD}{}{}", rule("hold", "one", &one), rule("forbid", "other", &other));
        let policy = Policy::from_toml(&text).unwrap();
        let has = |lint: Lint, of: &str| {
            let name = format!("`{of}`");
            policy.warnings().any(|found| found.lint() == Some(lint) && found.message().split(": ").next().unwrap().contains(&name))
        };
        let alone = |kind: &str, when: &str| Policy::from_toml(&format!("{HEAD}{}", rule(kind, "r", when))).unwrap();
        let (first, second) = (alone("forbid", &one), alone("forbid", &other));
        let matches = |policy: &Policy, request: &Request| {
            policy.decide(request, now).rules().any(|id| id == "r")
        };
        let requests = requests();
        let seen: Vec<(bool, bool)> =
            requests.iter().map(|request| (matches(&first, request), matches(&second, request))).collect();
        let never = seen.iter().all(|(one, _)| !one);
        let always = seen.iter().all(|(one, _)| *one) && one != "true";
        let covered = !never && seen.iter().all(|(one, other)| !one || *other);
        prop_assert_eq!(has(Lint::NeverMatches, "one"), never, "{}", one);
        prop_assert_eq!(has(Lint::AlwaysMatches, "one"), always, "{}", one);
        // Only what a forbid demands finds it; what is found is so.
        prop_assert!(!has(Lint::AlwaysForbidden, "one") || covered, "{} | {}", one, other);
        prop_assert_eq!(policy.decide(&requests[0], now).effect(), Effect::Deny);
    }
}

#[test]
fn work_is_bounded_whatever_the_conditions_are() {
    // Alternatives that exclude each other only together: the search gives up and says nothing.
    let parts: Vec<String> = (0..40)
        .map(|n| {
            format!("(subject.level == {n} || resource.labels[\"{n}\"] == \"x\" || action.name == \"{n}\")")
        })
        .collect();
    let mut text = HEAD.to_owned();
    for number in 0..60 {
        let when = format!("{} && subject.level > {}", parts.join(" && "), 100 + number);
        write!(text, "{}", rule("forbid", &format!("f{number}"), &when)).unwrap();
    }
    Policy::from_toml(&text).unwrap();
}

/// Every pair of these zones is compared, list by list.
#[test]
fn what_is_too_much_to_compare_is_told() {
    let zones = |count: usize, texts: usize| {
        (0..count).fold(HEAD.to_owned(), |mut text, zone| {
            let names = (0..texts).map(|name| format!("'z{zone}n{name}'")).collect::<Vec<_>>().join(", ");
            let when = format!("resource.id in [{names}, 'everywhere']");
            write!(text, "[[zone]]\nid = 'z{zone}'\nwhen = \"{when}\"\nmax_risk = 'low'\n").unwrap();
            text
        })
    };
    let codes = |text: &str| -> Vec<&'static str> {
        let policy = Policy::from_toml(text).unwrap();
        policy.warnings().filter_map(|found| found.lint()).map(Lint::code).collect()
    };
    assert_eq!(codes(&zones(10, 40)), [""; 0]);
    let hostile = zones(300, 200);
    assert_eq!(codes(&hostile), ["L019"]);
    let allowed = format!("{hostile}[[lint]]\nallow = 'L019'\nof = 'x'\nbecause = 'the lists are made'\n");
    assert_eq!(codes(&allowed), [""; 0]);
}
