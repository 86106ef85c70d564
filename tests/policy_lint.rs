//! Findings of the linter on rules: each code where it is meant, and nothing where a policy is sound.

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

use std::fmt::Write;

use countersign::{Lint, Policy};
use lint_common::{HEAD, found, rule};

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

#[test]
fn zone_that_can_fail_covers_nothing_and_matches_not_always() {
    // Where the level is 0 the wider zone fails and the narrower one opens.
    let wide =
        rule("zone", "wide", "action.name == 'a' && (10 / subject.level > 5 || 10 / subject.level <= 5)");
    let narrow = rule("zone", "narrow", "action.name == 'a' && resource.environment == 'dev'");
    assert_eq!(found(&format!("{wide}{narrow}")), [""; 0]);
    assert_eq!(found(&rule("hold", "h", "10 / subject.level > 5 || 10 / subject.level <= 5")), [""; 0]);
    // What the narrower one has tested already does not fail in the wider one.
    let wide = rule("zone", "wide", "action.name == 'a' && 10 / subject.level > 5");
    let narrow = rule("zone", "narrow", "10 / subject.level > 5 && action.name == 'a' && subject.mfa");
    assert_eq!(
        found(&format!("{wide}{narrow}")),
        ["L006 zone `narrow` adds nothing: wherever it matches, `wide` does, and does as much"]
    );
}

#[test]
fn rule_that_can_fail_where_it_does_not_match_is_not_idle() {
    // Where the level is 0 it fails, which counts as critical, or denies, or holds.
    for (kind, wide) in [("risk", "true"), ("forbid", "action.name == 'a'"), ("hold", "action.name == 'a'")] {
        let failing = rule(kind, "failing", "action.name == 'a' && 10 / subject.level > 5");
        let wide = rule(kind, "wide", wide);
        assert_eq!(found(&format!("{wide}{failing}")), [""; 0], "{kind}");
        // What another part of the condition keeps from failing is told.
        let guarded = rule(
            kind,
            "guarded",
            "action.name == 'a' && has(resource.owner) && resource.owner in subject.groups",
        );
        assert_eq!(found(&format!("{wide}{guarded}")).len(), 1, "{kind}");
    }
    let forbid = rule("forbid", "f", "has(sql) && sql.understood && sql.multi");
    let review = rule("review", "r", "has(sql) && sql.understood && sql.multi && subject.mfa");
    assert_eq!(found(&format!("{forbid}{review}")).len(), 1);
    let unguarded = rule("review", "r", "has(sql) && sql.multi && subject.mfa");
    assert_eq!(found(&format!("{forbid}{unguarded}")), [""; 0]);
}

#[test]
fn zones_that_perhaps_never_meet_are_not_told() {
    let zone = |id: &str, when: &str, owed: &str| {
        format!("[[zone]]\nid = '{id}'\nwhen = '''{when}'''\nmax_risk = 'low'\n{owed}")
    };
    let owing = |when: &str| zone("one", when, "obligations = [{ notify = 'x' }]\n");
    let apart = format!("{}{}", owing("action.name.matches('^a')"), zone("two", "action.name == 'b'", ""));
    assert_eq!(found(&apart), [""; 0]);
    let meet = format!(
        "{}{}",
        owing("action.name == 'b' && subject.groups.exists(g, g.startsWith('x'))"),
        zone("two", "action.name == 'b'", "")
    );
    assert_eq!(found(&meet).len(), 1, "{:?}", found(&meet));
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

#[test]
fn of_many_findings_of_a_kind_the_first_are_told_and_the_others_counted() {
    let text = (0..1_234).fold(HEAD.to_owned(), |mut text, number| {
        let when = "action.name == 'a' && action.name == 'b'";
        write!(text, "[[forbid]]\nid = 'f{number}'\nwhen = \"{when}\"\n").unwrap();
        text
    });
    let told = |text: &str| -> Vec<(Option<Lint>, String)> {
        let policy = Policy::from_toml(text).unwrap();
        policy.warnings().map(|found| (found.lint(), found.message().to_owned())).collect()
    };
    let found = told(&text);
    let (unfinished, never): (Vec<_>, Vec<_>) =
        found.iter().partition(|(lint, _)| *lint == Some(Lint::Unfinished));
    assert_eq!(never.len(), 1_000, "{:?}", found.last());
    assert!(never.iter().all(|(lint, _)| *lint == Some(Lint::NeverMatches)));
    let [(_, message)] = unfinished.as_slice() else { panic!("expected one, found {unfinished:?}") };
    assert_eq!(message, "234 more findings `L003` are not told");
    let allowed = format!("{text}[[lint]]\nallow = 'L019'\nof = 'x'\nbecause = 'they are made'\n");
    assert_eq!(told(&allowed).len(), 1_000);
}
