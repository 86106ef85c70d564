//! Bad documents: each kind of fault once, with its place and its words. Nothing that is no policy panics.

#![cfg(feature = "toml")]
#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a failed test may panic"
)]

mod policy_faults;

use countersign::{Policy, limits};
use proptest::prelude::*;

use policy_faults::{REVIEW, ZONE, faults, whole};

// --- documents

#[test]
fn what_is_not_toml_is_told_with_its_place() {
    assert_eq!(whole("format = 1\nname = \n"), ["2:8 string values must be quoted, expected literal string"]);
    assert_eq!(whole("format = 1\nformat = 1\n"), ["2:1 duplicate key"]);
    assert_eq!(whole("format = 99999999999999999999\nname = 'x'\n"), ["1:10 integer does not fit 64 bits"]);
}

#[test]
fn one_fault_is_told_once() {
    assert_eq!(whole("a = [[[1,\n"), ["1:10 unclosed array, expected `]`"]);
}

#[test]
fn a_document_says_its_format_and_its_name() {
    assert_eq!(
        whole(""),
        [
            "1:1 `format` is missing: this library reads format 1",
            "1:1 `name` is missing: a policy has a name"
        ]
    );
    assert_eq!(whole("format = 2\nname = 'x'\n"), ["1:10 expected format 1"]);
    assert_eq!(
        whole("format = 1\nname = 'two words'\n"),
        ["2:8 expected 1 to 256 letters, digits, `-`, `_`, `.`, `/` or `:`"]
    );
}

#[test]
fn a_document_that_is_too_large_is_not_read() {
    let text = " ".repeat(limits::POLICY_BYTES + 1);
    assert_eq!(whole(&text), ["1:1 policy document is 8388609 bytes, limit is 8388608"]);
}

#[test]
fn faults_beyond_those_that_are_told_are_counted() {
    let holds: String = (0..5_000).map(|_| "[[hold]]\nid = 'h'\nwhen = 'nothing'\n").collect();
    let found = faults(&holds);
    assert_eq!(found.len(), limits::POLICY_FAULTS + 1);
    assert_eq!(found.last().unwrap(), "15002:17 8999 more faults");
}

#[test]
fn an_unknown_key_names_its_neighbour() {
    assert_eq!(faults("[[zones]]\nid = 'z'\n"), ["3:3 unknown key `zones`, did you mean `zone`?"]);
    assert_eq!(
        faults(&format!("{ZONE}max_riks = 'low'\n")),
        ["7:1 unknown key `max_riks`, did you mean `max_risk`?"]
    );
}

#[test]
fn an_unknown_key_far_from_all_others_names_them() {
    assert_eq!(
        faults("[defaults]\nquorum = 2\n"),
        ["4:1 unknown key `quorum`, expected one of `risk`, `grant`, `review`"]
    );
}

#[test]
fn an_unknown_key_is_not_answered_with_one_that_is_refused() {
    assert_eq!(
        faults(&format!("{ZONE}alow = 'x'\n")),
        [
            "7:1 unknown key `alow`, expected one of `id`, `when`, `within`, `because`, `labels`, `obligations`, `replaceable`, `in`, `max_risk`, `needs`, `limit`, `grant`"
        ]
    );
}

#[test]
fn keys_of_later_versions_are_refused() {
    let review = ["pending"];
    let review =
        review.map(|key| ("[[review]]\nid = 'r'\nwhen = 'true'\napprove = { from = 'true' }\n", key));
    for (head, key) in review {
        assert_eq!(faults(&format!("{head}{key} = 'x'\n")), [format!("7:1 `{key}` is not supported")]);
    }
    assert_eq!(
        faults(&format!("{ZONE}[zone.grant]\non_withdraw = 'x'\n")),
        ["8:1 `on_withdraw` is not supported"]
    );
    assert_eq!(
        faults("[attributes.'subject.tenant']\ntype = 'string'\npersonal = true\n"),
        ["3:13 a tenant is part of a person's name, which keys and grants hold"]
    );
}

#[test]
fn a_value_of_the_wrong_type_is_told_with_what_was_found() {
    assert_eq!(faults("zone = 3\n"), ["3:8 expected a list of tables, found an integer"]);
    assert_eq!(faults("zone = ['z']\n"), ["3:9 expected a table, found a string"]);
    assert_eq!(faults("[zone]\nid = 'z'\n"), ["3:1 expected a list of tables, found a table"]);
    assert_eq!(faults("attributes = 'x'\n"), ["3:14 expected a table of attributes, found a string"]);
    assert_eq!(faults("[let]\na = 1\n"), ["4:5 expected a condition, found an integer"]);
    assert_eq!(faults("[groups]\na = true\n"), ["4:5 expected `all`, `any`, `one`, found a bool"]);
    assert_eq!(
        faults("[defaults]\nrisk = 2.5\n"),
        ["4:8 expected `low`, `medium`, `high`, `critical`, found a float"]
    );
    assert_eq!(
        faults("[defaults]\nrisk = 'severe'\n"),
        ["4:8 expected `low`, `medium`, `high`, `critical`, found `severe`"]
    );
    assert_eq!(
        faults(&format!("{REVIEW}approve = {{ from = 'true' }}\nallow_self = 'no'\n")),
        ["7:14 expected true or false, found a string"]
    );
    assert_eq!(faults(&format!("{ZONE}needs = []\n")), ["7:9 expected a table, found a list"]);
    assert_eq!(faults(&format!("{ZONE}because = 3\n")), ["7:11 expected a string, found an integer"]);
}

#[test]
fn all_faults_are_told_in_the_order_of_their_places() {
    let rules: String = (0..100).map(|n| format!("[[zone]]\nid = 'z{n}'\nwhen = 'true'\n")).collect();
    let found = faults(&rules);
    assert_eq!(found.len(), 100);
    for (n, fault) in found.iter().enumerate() {
        assert_eq!(*fault, format!("{}:1 `max_risk` is missing: a zone always has a ceiling", 3 * n + 3));
    }
}

#[test]
fn a_fault_is_shown_under_its_line() {
    let text = "format = 1\nname = 'x'\n[[zone]]\nid = 'é'\nwhen = 'true'\nmax_risk = 'low'\n";
    assert_eq!(
        Policy::from_documents([("team/prod.toml", text)]).unwrap_err().to_string(),
        "error: expected 1 to 256 letters, digits, `-`, `_`, `.`, `/` or `:`\n \
         --> team/prod.toml:4:6\n  |\n4 | id = 'é'\n  |      ^^^"
    );
}

// --- the vocabulary

#[test]
fn an_attribute_starts_with_a_root() {
    assert_eq!(
        faults("[attributes]\n'user.groups' = 'list<string>'\n"),
        [
            "4:1 attribute `user.groups` starts with none of `subject`, `action`, `resource`, `context`, `facts` \
             or `approver`"
        ]
    );
    assert_eq!(
        faults("[attributes]\n'subject' = 'string'\n"),
        ["4:1 expected a path such as `resource.environment`"]
    );
    assert_eq!(
        faults("[attributes]\n'subject.first-name' = 'string'\n"),
        ["4:1 expected a path such as `resource.environment`"]
    );
}

#[test]
fn a_path_without_quotes_is_told_so() {
    assert_eq!(
        faults("[attributes]\nresource.environment = 'string'\n"),
        ["4:1 expected a path in quotes, such as `\"resource.…\"`"]
    );
}

#[test]
fn an_empty_choice_allows_nothing() {
    assert_eq!(
        faults("[attributes]\n'subject.a' = { type = 'string', one_of = [] }\n"),
        ["4:43 no value is allowed: expected at least one"]
    );
}

#[test]
fn an_attribute_that_is_always_there_is_not_declared() {
    for path in
        ["subject.id", "subject.type", "action.name", "resource.id", "context.reason", "context.duration"]
    {
        assert_eq!(
            faults(&format!("[attributes]\n'{path}' = 'string'\n")),
            [format!("4:1 `{path}` is always there and needs no declaration")]
        );
    }
}

#[test]
fn an_attribute_has_a_type_that_is_known() {
    assert_eq!(
        faults("[attributes]\n'subject.a' = 'strnig'\n"),
        ["4:15 unknown type `strnig`, expected one of bool, int, uint, double, string, bytes, timestamp, \
             duration, ip, cidr, list<…>, map<…, …>, dyn"]
    );
    assert_eq!(faults("[attributes]\n'subject.a' = 'risk'\n"), ["4:15 an attribute cannot be a risk"]);
    assert_eq!(
        faults("[attributes]\n'subject.a' = 3\n"),
        ["4:15 expected a type such as `list<string>`, or a table, found an integer"]
    );
    assert_eq!(
        faults("[attributes]\n'subject.a' = { source = 'caller' }\n"),
        ["4:15 `type` is missing: a type such as `string` or `list<string>?`"]
    );
    assert_eq!(
        faults("[attributes]\n'subject.a' = { type = 'string', source = 'user' }\n"),
        ["4:43 expected `caller`, `attested`, found `user`"]
    );
}

#[test]
fn a_pattern_is_one_that_can_be_run() {
    assert_eq!(
        faults("[attributes]\n'context.a' = { type = 'string', matches = '(' }\n"),
        ["4:44 pattern is malformed or too large"]
    );
    assert_eq!(
        faults("[attributes]\n'context.a' = { type = 'string', matches = '(x{999}){999}' }\n"),
        ["4:44 pattern is malformed or too large"]
    );
    assert_eq!(
        faults("[attributes]\n'context.a' = { type = 'int', matches = '1' }\n"),
        ["4:41 `matches` goes with the type `string`"]
    );
    assert_eq!(
        faults("[attributes]\n'context.a' = { type = 'int', one_of = ['1'] }\n"),
        ["4:1 `one_of` goes with the type `string`"]
    );
}

#[test]
fn an_action_carries_a_payload_that_is_known() {
    assert_eq!(
        faults("[actions]\na = { payload = 'grpc' }\n"),
        ["4:17 expected `sql`, `argv`, `http`, `flag`, `debug`, `text`, found `grpc`"]
    );
    assert_eq!(
        faults("[actions]\na = { payload = 'sql', dialect = 'oracle' }\n"),
        ["4:34 expected `postgresql`, `mysql`, `sqlite` or `generic`"]
    );
    assert_eq!(
        faults("[actions]\na = { payload = 'argv', dialect = 'mysql' }\n"),
        ["4:5 `dialect` goes with `payload = \"sql\"`"]
    );
}

#[test]
fn a_named_condition_has_a_name_of_its_own_and_an_end() {
    assert_eq!(faults("[let]\nrisk = 'true'\n"), ["4:1 `risk` is a word of the language"]);
    assert_eq!(
        faults("[let]\na = 'b'\nb = 'a'\n"),
        ["4:6 `a`: in `b`: definition `a` needs itself", "5:6 `b`: in `a`: definition `b` needs itself"]
    );
}

// --- cases

#[test]
fn a_case_expects_something() {
    let case = "[[case]]\nname = 'c'\nrequest = { subject = { type = 'u', id = 'a' }, action = { name = 'a' }, resource = { type = 't', id = 'r' } }\n";
    assert_eq!(faults(&format!("{case}expect = {{}}\n")), ["6:10 a case that expects nothing tests nothing"]);
    assert_eq!(
        faults(&format!("{case}expect = {{ effect = 'maybe' }}\n")),
        ["6:21 expected `allow`, `challenge`, `review`, `deny`, found `maybe`"]
    );
    assert_eq!(
        faults("[[case]]\n"),
        [
            "3:1 `name` is missing: what the case shows",
            "3:1 `request` is missing: the AuthZEN request to decide, or a `base`",
            "3:1 `expect` is missing: what the decision must be",
        ]
    );
}

// --- what is no policy at all

/// A small document with every kind of table.
const SMALL: &str = r#"
format = 1
name = "small"
[attributes]
"subject.groups" = "list<string>"
"context.ticket" = { type = "string?", source = "caller", matches = '^INC[0-9]+$' }
[actions]
"sql.execute" = { payload = "sql", dialect = "postgresql" }
[let]
sre = '"sre" in approver.groups'
[groups]
g = "any"
[[zone]]
id = "z"
when = 'has(sql) && sql.understood && "é" in subject.groups'
max_risk = "low"
limit = { count = 20, per = "1h", by = "subject" }
[[review]]
id = "r"
group = "g"
when = 'true'
approve = { any = [ { count = 2, from = 'sre' }, { from = 'approver.id == "bo"' } ] }
[[case]]
name = "c"
request.subject = { type = "user", id = "ana", properties = { groups = [] } }
expect = { effect = "deny" }
"#;

fn load(text: &str) -> bool {
    match Policy::from_toml(text) {
        Ok(_) => true,
        Err(error) => {
            assert!(error.faults().len() > 0);
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

#[test]
fn nested_brackets_are_refused_without_a_panic() {
    for (open, close) in [("[", "]"), ("{ a = ", " }")] {
        assert!(!load(&format!(
            "format = 1\nname = 'x'\nzone = {}{}",
            open.repeat(20_000),
            close.repeat(20_000)
        )));
    }
    assert!(!load(&format!("{} = 1", vec!["a"; 20_000].join("."))));
    assert!(!load(&format!(
        "format = 1\nname = 'x'\n[[hold]]\nid = 'h'\nwhen = '{}true'\n",
        "(".repeat(8_000)
    )));
}

proptest! {
    #[test]
    fn a_truncated_document_never_panics(end in 0..SMALL.len()) {
        if let Some(text) = SMALL.get(..end) {
            load(text);
        }
    }

    #[test]
    fn a_document_with_one_replaced_character_never_panics(place in 0..SMALL.len(), character: char) {
        if let (Some(before), Some(after)) = (SMALL.get(..place), SMALL.get(place + 1..)) {
            load(&format!("{before}{character}{after}"));
        }
    }

    #[test]
    fn random_text_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        load(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn shuffled_lines_never_panic(lines in Just(SMALL.lines().collect::<Vec<_>>()).prop_shuffle()) {
        load(&lines.join("\n"));
    }
}
