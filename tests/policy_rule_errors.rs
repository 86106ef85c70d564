//! Bad rules: each kind of fault once, with its place and its words.

#![cfg(feature = "toml")]
#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a failed test may panic"
)]

mod policy_faults;

use countersign::Policy;

use policy_faults::{REVIEW, ZONE, faults};

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
        ["7:20 expected a list of fields, found a string"]
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
        ["7:18 nothing is needed: expected `amr`, `acr` or `within`"]
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
    assert!(Policy::from_toml(&format!("format = 1\nname = 'x'\n{}", nested(5))).is_ok());
    assert_eq!(faults(&nested(6)), ["6:61 nested deeper than 5 levels"]);
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
        faults(&format!("{REVIEW}approve = {{ from = 'true' }}\nmay = ['widen']\n")),
        ["7:8 expected `shorten`, `start_later`, `narrow`, found `widen`"]
    );
}

#[test]
fn what_time_does_to_a_stage_is_possible() {
    let stage = |keys: &str| {
        faults(&format!("{REVIEW}[[review.stage]]\nid = 's'\napprove = {{ from = 'true' }}\n{keys}\n"))
    };
    for (keys, expected) in [
        (
            "escalate = [{ after = '1h' }]",
            "9:13 `add` is missing: the condition that the added approvers meet",
        ),
        (
            "escalate = [{ add = 'true' }]",
            "9:13 `after` is missing: how long the stage may take before more people are asked",
        ),
        (
            "escalate = [{ after = '1h', add = 'true' }, { after = '1h', add = 'true' }]",
            "9:45 expected a later time than that of the step before",
        ),
        ("remind = ['1h', '30m']", "9:17 expected a later time than that of the reminder before"),
        ("remind = '1h'", "9:10 expected a list such as `[\"30m\"]`, found a string"),
        (
            "remind = ['1m', '2m', '3m', '4m', '5m', '6m', '7m', '8m', '9m']",
            "6:1 stage has 9 reminders, limit is 8",
        ),
        ("skip_after = '1h'", "7:6 `skip_after` of a stage that stands alone would approve by silence"),
        ("fallback = { count = 0, from = 'true' }", "9:22 expected a count from 1 to 10000"),
    ] {
        assert_eq!(stage(keys), [expected], "{keys}");
    }
    let both = "approve = { from = 'true' }\nescalate = [{ after = '1h', add = 'risk == HIGH' }]\n";
    assert_eq!(faults(&format!("{REVIEW}{both}")).len(), 1, "who may approve does not depend on the risk");
    let uses = "on_withdraw = 'revoke'\ngrant = { max_uses = 17 }\napprove = { from = 'true' }\n";
    let expected = "a withdrawn approval can take 16 uses of a grant at most, set `max_uses`";
    assert!(faults(&format!("{REVIEW}{uses}"))[0].ends_with(expected));
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
