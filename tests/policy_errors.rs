//! Bad documents: each kind of fault once, with its place and its words. Nothing that is no policy panics.

#![cfg(feature = "toml")]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a failed test may panic"
)]

use countersign::{Policy, limits};
use proptest::prelude::*;

/// A review and a zone that have no fault; a test adds one.
const REVIEW: &str = "[[review]]\nid = 'r'\nwhen = 'true'\n";
const ZONE: &str = "[[zone]]\nid = 'z'\nwhen = 'true'\nmax_risk = 'low'\n";

/// Reads a document that starts with its format and name and lists its faults as `line:column message`.
fn faults(body: &str) -> Vec<String> {
    whole(&format!("format = 1\nname = 'x'\n{body}"))
}

fn whole(document: &str) -> Vec<String> {
    let error = Policy::from_toml(document).map(|_| document).expect_err("a fault");
    error.faults().map(|fault| format!("{}:{} {}", fault.line(), fault.column(), fault.message())).collect()
}

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
fn a_second_document_is_refused_and_faults_name_their_file() {
    let good = "format = 1\nname = 'x'\n";
    let error = Policy::from_documents([("base.toml", good), ("team.toml", good)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "error: `team.toml` cannot be joined: one document is a policy\n --> base.toml:1:1\n  |\n1 | format = 1\n  | ^"
    );
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
        faults(&format!("{ZONE}lable = 'x'\n")),
        [
            "7:1 unknown key `lable`, expected one of `id`, `when`, `because`, `max_risk`, `needs`, `limit`, `grant`"
        ]
    );
}

#[test]
fn keys_of_later_versions_are_refused() {
    let rule = ["labels", "obligations", "replaceable", "allow"].map(|key| (ZONE, key));
    let review = ["separate", "exclude", "pending", "remind", "within", "on_withdraw"];
    let review =
        review.map(|key| ("[[review]]\nid = 'r'\nwhen = 'true'\napprove = { from = 'true' }\n", key));
    for (head, key) in rule.into_iter().chain(review) {
        assert_eq!(faults(&format!("{head}{key} = 'x'\n")), [format!("7:1 `{key}` is not supported")]);
    }
    for key in ["extends", "open"] {
        assert_eq!(faults(&format!("{key} = 'x'\n")), [format!("3:1 `{key}` is not supported")]);
    }
    for key in ["extend", "until", "not_before", "on_withdraw"] {
        assert_eq!(
            faults(&format!("{ZONE}[zone.grant]\n{key} = 'x'\n")),
            [format!("8:1 `{key}` is not supported")]
        );
    }
    for key in ["escalate", "fallback", "skip_after", "remind"] {
        let stage =
            format!("{REVIEW}[[review.stage]]\nid = 's'\napprove = {{ from = 'true' }}\n{key} = 'x'\n");
        assert_eq!(faults(&stage), [format!("9:1 `{key}` is not supported")]);
    }
    for key in ["auth", "fresh", "within"] {
        let leaf = format!("{REVIEW}[review.approve]\nfrom = 'true'\n{key} = 'x'\n");
        assert_eq!(faults(&leaf), [format!("8:1 `{key}` is not supported")]);
    }
    for key in ["votes", "usage", "base"] {
        let case =
            format!("[[case]]\nname = 'c'\nrequest = {{}}\nexpect = {{ effect = 'deny' }}\n{key} = 'x'\n");
        assert_eq!(faults(&case), [format!("7:1 `{key}` is not supported")]);
    }
    for key in ["approvers", "grant"] {
        let case =
            format!("[[case]]\nname = 'c'\nrequest = {{}}\n[case.expect]\neffect = 'deny'\n{key} = 'x'\n");
        assert_eq!(faults(&case), [format!("8:1 `{key}` is not supported")]);
    }
    assert_eq!(
        faults("[attributes.'subject.name']\ntype = 'string'\npersonal = true\n"),
        ["5:1 `personal` is not supported"]
    );
    assert_eq!(
        faults(&format!("{ZONE}[zone.needs.auth]\nwithin = '5m'\nacr = 'x'\n")),
        ["9:1 `acr` is not supported"]
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
        ["4:17 expected `sql`, `argv`, `http`, `text`, found `grpc`"]
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
    assert_eq!(
        faults("[let]\nrisk = 'true'\n"),
        ["4:9 `risk`: `risk` is already the name of something else"]
    );
    assert_eq!(
        faults("[let]\na = 'b'\nb = 'a'\n"),
        ["4:6 `a`: in `b`: definition `a` needs itself", "5:6 `b`: in `a`: definition `b` needs itself"]
    );
}

// --- rules

#[test]
fn a_rule_has_an_id_that_nobody_else_has() {
    assert_eq!(faults("[[hold]]\nwhen = 'true'\n"), ["3:1 `id` is missing: every rule has an id"]);
    assert_eq!(
        faults(&format!("[[forbid]]\nid = 'z'\nwhen = 'false'\n{ZONE}")),
        ["7:6 rule id `z` is taken by the rule at line 4"]
    );
    assert_eq!(
        faults(&format!("{ZONE}[[forbid]]\nid = 'z'\nwhen = 'false'\n")),
        ["8:6 rule id `z` is taken by the rule at line 4"]
    );
}

#[test]
fn a_rule_has_a_condition() {
    for kind in ["risk", "forbid", "hold", "zone", "review", "emergency"] {
        let rest = "level = 'low'\nmax_risk = 'low'\napprove = { from = 'true' }\nreview_within = '1h'\n";
        let found = faults(&format!("[[{kind}]]\nid = 'a'\n{rest}"));
        let missing = "3:1 `when` is missing: the condition under which the rule matches";
        assert!(found.iter().any(|fault| fault == missing), "{kind}: {found:?}");
    }
    assert_eq!(faults("[[hold]]\nid = 'h'\nwhen = ''\n"), ["5:8 rule `h`: condition is empty"]);
}

#[test]
fn a_condition_is_told_where_it_is_wrong() {
    let head = "[attributes]\n'resource.environment' = { type = 'string', one_of = ['prod'] }\n'subject.on_call' = 'bool?'\n";
    for (condition, fault) in [
        (
            "resource.enviroment == \"prod\"",
            "8:9 rule `h`: unknown attribute `resource.enviroment`, did you mean `resource.environment`?",
        ),
        (
            "resource.environment == \"prd\"",
            "8:9 rule `h`: `prd` is never a value of `resource.environment`, did you mean `prod`?",
        ),
        (
            "subject.on_call",
            "8:9 rule `h`: attribute `subject.on_call` may be absent, guard it with `has(subject.on_call) && …`",
        ),
        ("subject.id", "8:9 rule `h`: condition must be bool, found string"),
        ("risk <= LOW", "8:9 rule `h`: `risk` can only be compared with `>` or `>=` here"),
        (
            "approver.id == \"bo\"",
            "8:9 rule `h`: `approver.id` cannot be read here: nobody has voted yet when a rule is matched",
        ),
    ] {
        assert_eq!(faults(&format!("{head}[[hold]]\nid = 'h'\nwhen = '{condition}'\n")), [fault]);
    }
}

#[test]
fn a_condition_over_several_lines_keeps_its_places() {
    assert_eq!(
        faults("[[hold]]\nid = 'h'\nwhen = '''\n  true &&\n  subject.nope'''\n"),
        ["7:3 rule `h`: unknown attribute `subject.nope`, did you mean `subject.type`?"]
    );
    // A condition with escapes has other bytes than its text: all of it is marked.
    assert_eq!(
        faults("[[hold]]\nid = 'h'\nwhen = \"subject.nope == \\\"x\\\"\"\n"),
        ["5:8 rule `h`: unknown attribute `subject.nope`, did you mean `subject.type`?"]
    );
}

#[test]
fn each_kind_of_rule_reads_risk_and_facts_in_its_own_direction() {
    let head = "[attributes]\n'facts.rows' = 'int?'\n";
    let risk = format!("{head}[[risk]]\nid = 'a'\nlevel = 'low'\nwhen = 'risk >= HIGH'\n");
    assert_eq!(
        faults(&risk),
        ["8:9 rule `a`: `risk` cannot be read here: a risk rule decides the risk and cannot read it"]
    );
    let zone = format!("{head}[[zone]]\nid = 'a'\nmax_risk = 'low'\nwhen = 'risk >= HIGH'\n");
    assert_eq!(faults(&zone), ["8:9 rule `a`: `risk` can only be compared with `<` or `<=` here"]);
    let zone = format!("{head}[[zone]]\nid = 'a'\nmax_risk = 'low'\nwhen = 'has(facts.rows)'\n");
    assert_eq!(
        faults(&zone),
        [
            "8:9 rule `a`: `facts.rows` cannot be read here: host facts can only raise, a zone or an emergency opens"
        ]
    );
    let review = "[groups]\ng = 'any'\n[[review]]\nid = 'a'\ngroup = 'g'\napprove = { from = 'true' }\n";
    assert_eq!(
        faults(&format!("{review}when = 'risk >= HIGH'\n")),
        [
            "9:9 rule `a`: `risk` cannot be read here: in a group with alternatives, more risk could ask fewer people"
        ]
    );
    assert_eq!(
        faults(&format!("{REVIEW}approve = {{ from = 'risk >= HIGH' }}\n")),
        ["6:21 rule `r`: `risk` cannot be read here: who may approve does not depend on the risk"]
    );
}

#[test]
fn what_a_kind_of_rule_must_have_is_missed() {
    assert_eq!(
        faults("[[risk]]\nid = 'a'\nwhen = 'true'\n"),
        ["3:1 `level` is missing: the risk of what matches"]
    );
    assert_eq!(
        faults("[[zone]]\nid = 'a'\nwhen = 'true'\n"),
        ["3:1 `max_risk` is missing: a zone always has a ceiling"]
    );
    assert_eq!(
        faults("[[emergency]]\nid = 'a'\nwhen = 'true'\n"),
        ["3:1 `review_within` is missing: break-glass access owes a review"]
    );
    assert_eq!(faults(REVIEW), ["3:1 `approve` is missing: who must approve"]);
}

// --- bounds and needs

#[test]
fn bounds_can_be_met() {
    for (grant, fault) in [
        ("min = '2h', default = '1h'", "`min` is above `default`"),
        ("default = '2h', max = '1h'", "`default` is above `max`"),
        ("min = '2h', max = '1h'", "`min` is above `max`"),
        ("use_within = '2h', max = '1h'", "`use_within` is above `max`"),
    ] {
        let found = faults(&format!("{ZONE}grant = {{ {grant} }}\n"));
        assert_eq!(found, [format!("7:9 impossible bounds: {fault}")]);
    }
    assert_eq!(
        faults(&format!("{ZONE}grant = {{ single_use = true, max_uses = 2 }}\n")),
        ["7:9 `single_use` and `max_uses` say the same thing twice"]
    );
    assert_eq!(
        faults(&format!("{ZONE}grant = {{ over = 'stretch' }}\n")),
        ["7:18 expected `refuse`, `cap`, found `stretch`"]
    );
}

#[test]
fn a_grant_has_no_more_uses_than_a_token_can_say() {
    assert_eq!(
        faults(&format!("{ZONE}grant = {{ max_uses = 1001 }}\n")),
        ["7:9 1001 uses are more than a grant can have, limit is 1000"]
    );
}

#[test]
fn a_duration_is_written_as_people_do() {
    for (text, fault) in [
        ("soon", "expected a duration such as `15m`, `1h30m` or `7d`"),
        ("1.5h", "expected a duration such as `15m`, `1h30m` or `7d`"),
        ("0s", "expected a duration above zero"),
        ("367d", "longer than 366d"),
    ] {
        assert_eq!(faults(&format!("{ZONE}grant = {{ max = '{text}' }}\n")), [format!("7:17 {fault}")]);
    }
    assert_eq!(
        faults(&format!("{ZONE}grant = {{ max = 900 }}\n")),
        ["7:17 expected a duration such as `15m`, found an integer"]
    );
}

#[test]
fn a_count_is_at_least_one() {
    for number in ["0", "-1", "10001"] {
        assert_eq!(
            faults(&format!("{ZONE}limit = {{ count = {number}, per = '1h' }}\n")),
            ["7:19 expected a count from 1 to 10000"]
        );
    }
    assert_eq!(
        faults(&format!("{REVIEW}approve = {{ count = 0, from = 'true' }}\n")),
        ["6:21 expected a count from 1 to 10000"]
    );
    assert_eq!(
        faults(&format!("{ZONE}limit = {{ count = '3', per = '1h' }}\n")),
        ["7:19 expected a whole number, found a string"]
    );
    assert_eq!(
        faults(&format!("{ZONE}limit = {{}}\n")),
        ["7:9 `count` is missing: how many uses", "7:9 `per` is missing: the length of a window"]
    );
    assert_eq!(
        faults(&format!("{ZONE}limit = {{ count = 3, per = '1h', by = 'team' }}\n")),
        ["7:39 expected `subject`, `resource`, `rule`, found `team`"]
    );
}

#[test]
fn needs_name_attributes() {
    assert_eq!(
        faults(&format!(
            "[attributes]\n'context.ticket' = 'string?'\n{ZONE}needs = {{ fields = ['context.tikcet'] }}\n"
        )),
        ["9:21 unknown attribute `context.tikcet`, did you mean `context.ticket`?"]
    );
    assert_eq!(
        faults(&format!("{ZONE}needs = {{ fields = 'context.reason' }}\n")),
        ["7:20 expected a list of strings, found a string"]
    );
}

#[test]
fn a_need_is_something_that_a_request_can_bring() {
    let attribute = "[attributes]\n'approver.groups' = 'list<string>'\n";
    assert_eq!(
        faults(&format!("{attribute}{ZONE}needs = {{ fields = ['approver.groups'] }}\n")),
        ["9:21 a request cannot bring `approver.groups`"]
    );
}

// --- reviews

#[test]
fn otherwise_has_no_condition() {
    assert_eq!(
        faults(&format!("{REVIEW}otherwise = true\napprove = {{ from = 'true' }}\n")),
        ["5:8 `otherwise` has no condition of its own"]
    );
}

#[test]
fn who_approves_is_said_once() {
    let stage = "[[review.stage]]\nid = 's'\napprove = { from = 'true' }\n";
    assert_eq!(
        faults(&format!("{REVIEW}approve = {{ from = 'true' }}\n{stage}")),
        ["7:1 `approve` and `stage` both say who approves, expected one of them"]
    );
    assert_eq!(
        faults(&format!("{REVIEW}approve = {{ any = [], all = [] }}\n")),
        ["6:11 expected one of `all`, `any`, `of` or `count`"]
    );
}

#[test]
fn somebody_is_asked() {
    for list in ["any", "all"] {
        assert_eq!(
            faults(&format!("{REVIEW}approve = {{ {list} = [] }}\n")),
            ["6:19 nobody is asked: expected at least one part"]
        );
    }
    assert_eq!(
        faults(&format!("{REVIEW}approve = {{ count = 1 }}\n")),
        ["6:11 `from` is missing: the condition that an approver meets"]
    );
    assert_eq!(
        faults(&format!("{REVIEW}approve = {{ at_least = 2, of = [ {{ from = 'true' }} ] }}\n")),
        ["6:32 at least 2 of 1 can never be met"]
    );
    assert_eq!(
        faults(&format!("{REVIEW}approve = {{ of = [ {{ from = 'true' }} ] }}\n")),
        ["6:11 `at_least` is missing: how many of the parts"]
    );
}

#[test]
fn a_review_without_stages_asks_nobody() {
    assert_eq!(
        faults(&format!("{REVIEW}stage = []\n")),
        ["6:9 nobody is asked: expected at least one stage"]
    );
}

#[test]
fn a_stage_has_an_id_of_its_own() {
    let stage = "[[review.stage]]\nid = 's'\napprove = { from = 'true' }\n";
    assert_eq!(
        faults(&format!("{REVIEW}{stage}{stage}")),
        ["10:6 stage id `s` is taken by an earlier stage"]
    );
    assert_eq!(
        faults(&format!("{REVIEW}[[review.stage]]\n")),
        ["6:1 `id` is missing: every stage has an id", "6:1 `approve` is missing: who must approve"]
    );
}

#[test]
fn terms_that_say_nothing_or_too_much_are_refused() {
    let asked = format!("{REVIEW}approve = {{ from = 'true' }}\n");
    assert_eq!(
        faults(&format!("{asked}grant = {{ max_uses = 2, use_within = '5m' }}\n")),
        ["7:9 `use_within` bounds the first use, and goes with `single_use` alone"]
    );
    assert_eq!(
        faults(&format!("{asked}needs = {{ auth = {{ amr = [] }} }}\n")),
        ["7:18 nothing is needed: expected `amr`, `within` or both"]
    );
    assert_eq!(
        faults(&format!("[groups]\n'' = 'any'\n{asked}")),
        ["4:1 a group has a name: reviews without one must all approve"]
    );
}

#[test]
fn more_people_than_votes_are_never_met() {
    assert_eq!(
        faults(&format!("{REVIEW}approve = {{ count = 65, from = 'true' }}\n")),
        ["6:21 65 people can never be met: a review takes 64 votes"]
    );
    assert_eq!(
        faults(&format!("{REVIEW}approve = {{ from = 'true' }}\nveto = {{ count = 65, from = 'true' }}\n")),
        ["7:18 65 people can never be met: a review takes 64 votes"]
    );
}

#[test]
fn an_approval_is_five_levels_deep_at_most() {
    let nested = |depth: usize| {
        let (open, close) = ("{ any = [ ".repeat(depth), " ] }".repeat(depth));
        format!("{REVIEW}approve = {open}{{ from = 'true' }}{close}\n")
    };
    assert!(Policy::from_toml(&format!("format = 1\nname = 'x'\n{}", nested(4))).is_ok());
    assert_eq!(faults(&nested(5)), ["6:61 nested deeper than 5 levels"]);
}

#[test]
fn a_review_has_sixteen_leaves_at_most() {
    let leaves = |count: usize| {
        format!("{REVIEW}approve = {{ all = [ {} ] }}\n", vec!["{ from = 'true' }"; count].join(", "))
    };
    assert!(Policy::from_toml(&format!("format = 1\nname = 'x'\n{}", leaves(16))).is_ok());
    assert_eq!(faults(&leaves(17)), ["4:6 review has 17 leaves, limit is 16"]);
}

#[test]
fn a_group_has_a_review() {
    assert_eq!(faults("[groups]\nchange = 'any'\n"), ["4:1 no review is in group `change`"]);
}

#[test]
fn what_a_vote_may_change_is_known() {
    assert_eq!(
        faults(&format!("{REVIEW}approve = {{ from = 'true' }}\nmay = ['narrow']\n")),
        ["7:8 expected `shorten`, found `narrow`"]
    );
}

#[test]
fn a_veto_says_whose_it_is() {
    assert_eq!(
        faults(&format!("{REVIEW}approve = {{ from = 'true' }}\nveto = [{{ count = 1 }}]\n")),
        ["7:9 `from` is missing: the condition that a rejecting approver meets"]
    );
}

#[test]
fn nobody_is_asked_means_deny() {
    assert_eq!(
        faults("[defaults]\nreview = { nobody = 'allow' }\n"),
        ["4:21 expected `deny`, found `allow`"]
    );
}

// --- cases

#[test]
fn a_case_expects_something() {
    let case = "[[case]]\nname = 'c'\nrequest = {}\n";
    assert_eq!(faults(&format!("{case}expect = {{}}\n")), ["6:10 a case that expects nothing tests nothing"]);
    assert_eq!(
        faults(&format!("{case}expect = {{ effect = 'maybe' }}\n")),
        ["6:21 expected `allow`, `challenge`, `review` or `deny`"]
    );
    assert_eq!(
        faults("[[case]]\n"),
        [
            "3:1 `name` is missing: what the case shows",
            "3:1 `request` is missing: the AuthZEN request to decide",
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
