//! The guide for policy authors: every snippet loads, every key is named, the shown errors are real.

#![cfg(all(feature = "sql", feature = "toml"))]
#![allow(clippy::disallowed_methods, reason = "a test reads the file that it is about")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a failed test may panic"
)]

use countersign::{Action, Policy, ReasonCode, Request, Resource, Subject, inspect, testing};

/// A fenced block of the guide: what stands behind its fence, its first line, and its text.
struct Block {
    mark: String,
    line: usize,
    text: String,
}

#[test]
fn every_whole_policy_loads_and_its_cases_hold() {
    let policies = marked("toml policy");
    assert!(policies.len() >= 2);
    for block in policies {
        let policy = load(&block, &block.text);
        testing::check(&policy).unwrap_or_else(|failures| panic!("line {}: {failures:?}", block.line));
    }
}

#[test]
fn every_part_of_a_policy_loads_and_its_cases_hold() {
    let parts = marked("toml part");
    assert!(parts.len() >= 10);
    for block in parts {
        let policy = load(&block, &format!("{}{}", head(), block.text));
        testing::check(&policy).unwrap_or_else(|failures| panic!("line {}: {failures:?}", block.line));
    }
}

#[test]
fn documents_of_the_guide_are_one_policy() {
    let (base, extension) = (marked("toml base"), marked("toml extension"));
    let documents = [("base.toml", base[0].text.as_str()), ("team.toml", &extension[0].text)];
    let policy = Policy::from_documents(documents).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(testing::check(&policy), Ok(2));
}

#[test]
fn every_json_policy_loads() {
    for block in marked("json policy") {
        Policy::from_json(&block.text).unwrap_or_else(|error| panic!("line {}: {error}", block.line));
    }
}

#[test]
fn every_part_of_a_review_loads() {
    let parts = marked("toml review");
    assert!(parts.len() >= 5);
    for block in parts {
        load(&block, &format!("{}[[review]]\nid = 'r'\nwhen = 'true'\n{}", head(), block.text));
    }
}

#[test]
fn every_condition_compiles() {
    let blocks = marked("cel");
    let lines: Vec<&str> = blocks.iter().flat_map(|block| block.text.lines()).collect();
    assert!(lines.len() >= 15);
    for line in lines {
        let text =
            format!("{}[[review]]\nid = 'r'\nwhen = '''{line}'''\napprove = {{ from = 'sre' }}\n", head());
        Policy::from_toml(&text).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn shown_errors_are_what_the_reader_says() {
    let blocks = blocks();
    let mut shown = 0;
    for (faulty, text) in blocks.iter().zip(blocks.iter().skip(1)) {
        if faulty.mark == "toml faulty" {
            let error = Policy::from_toml(&faulty.text).unwrap_err();
            assert_eq!(error.to_string().trim_end(), text.text.trim_end(), "line {}", text.line);
            shown += 1;
        }
    }
    assert_eq!(shown, 1);
}

#[test]
fn shown_explanation_is_what_is_told() {
    let zone = "[[zone]]\nid = 'restart'\nwhen = 'action.name == \"service.restart\" && on_call'\nmax_risk = 'medium'\n";
    let policy = Policy::from_toml(&format!("{}{zone}", head())).unwrap();
    let request = Request::new(
        Subject::new("user", "ana").with("groups", ["sre"]).with("on_call", false),
        Action::new("service.restart"),
        Resource::new("service", "orders").with("environment", "production"),
    );
    let told = policy.explain(&request, "2026-11-23T10:00:00Z".parse().unwrap()).to_string();
    assert!(blocks().iter().any(|block| block.text == told), "{told}");
}

#[test]
fn shown_findings_are_what_the_linter_says() {
    let blocks = blocks();
    let mut shown = 0;
    for (warned, text) in blocks.iter().zip(blocks.iter().skip(1)) {
        if warned.mark == "toml warned" {
            let found: Vec<String> = load(warned, &warned.text).warnings().map(ToString::to_string).collect();
            assert_eq!(found.join("\n\n"), text.text.trim_end(), "line {}", text.line);
            shown += 1;
        }
    }
    assert_eq!(shown, 1);
}

#[test]
fn whole_policies_have_no_findings() {
    for block in marked("toml policy").iter().skip(1) {
        let policy = load(block, &block.text);
        let found: Vec<String> = policy.warnings().map(ToString::to_string).collect();
        assert!(found.is_empty(), "line {}:\n{}", block.line, found.join("\n"));
    }
}

#[test]
fn every_block_is_tested() {
    let known = [
        "toml policy",
        "toml part",
        "toml review",
        "toml vocabulary",
        "toml faulty",
        "toml warned",
        "toml base",
        "toml extension",
        "json policy",
        "cel",
        "rust",
        "text",
    ];
    for block in blocks() {
        assert!(known.contains(&block.mark.as_str()), "line {}: `{}`", block.line, block.mark);
    }
}

/// The reader answers an unknown key with those that it reads.
#[test]
fn every_key_is_in_the_guide() {
    let guide = guide();
    let review = "[[review]]\nid = 'r'\nwhen = 'true'\napprove = { from = 'true' }\n";
    let zone = "[[zone]]\nid = 'z'\nwhen = 'true'\nmax_risk = 'low'\n";
    let case = "[requests.r]\nsubject = { type = 'user', id = 'a' }\naction = { name = 'a' }\n\
                resource = { type = 't', id = 'r' }\n[[case]]\nname = 'c'\nbase = 'r'\n";
    let documents = [
        "zzzzzzzzzzzz = 1\n".to_owned(),
        "[attributes.'subject.a']\ntype = 'string'\nzzzzzzzzzzzz = 1\n".to_owned(),
        "[actions.a]\nzzzzzzzzzzzz = 1\n".to_owned(),
        "[defaults]\nzzzzzzzzzzzz = 1\n".to_owned(),
        "[defaults.review]\nzzzzzzzzzzzz = 1\n".to_owned(),
        "[[risk]]\nid = 'a'\nwhen = 'true'\nlevel = 'low'\nzzzzzzzzzzzz = 1\n".to_owned(),
        "[[forbid]]\nid = 'a'\nwhen = 'true'\nzzzzzzzzzzzz = 1\n".to_owned(),
        "[[emergency]]\nid = 'a'\nwhen = 'true'\nreview_within = '1h'\nzzzzzzzzzzzz = 1\n".to_owned(),
        format!("{zone}zzzzzzzzzzzz = 1\n"),
        format!("{zone}[zone.limit]\ncount = 1\nper = '1h'\nzzzzzzzzzzzz = 1\n"),
        format!("{zone}[zone.grant]\nzzzzzzzzzzzz = 1\n"),
        format!("{zone}[zone.needs]\nzzzzzzzzzzzz = 1\n"),
        format!("{zone}[zone.needs]\nfields = [{{ path = 'context.reason', zzzzzzzzzzzz = 1 }}]\n"),
        format!("{zone}within = {{ days = ['sun'], zzzzzzzzzzzz = 1 }}\n"),
        format!("{zone}obligations = [{{ custom = {{ name = 'x', zzzzzzzzzzzz = 1 }} }}]\n"),
        "[[open]]\nid = 'o'\nwhen = 'true'\nmay = ['zone']\nmax_risk = 'low'\nzzzzzzzzzzzz = 1\n".to_owned(),
        format!("{zone}[zone.needs.auth]\nwithin = '5m'\nzzzzzzzzzzzz = 1\n"),
        format!("{review}zzzzzzzzzzzz = 1\n"),
        format!("{review}veto = {{ from = 'true', zzzzzzzzzzzz = 1 }}\n"),
        "[[review]]\nid = 'r'\nwhen = 'true'\napprove = { from = 'true', zzzzzzzzzzzz = 1 }\n".to_owned(),
        "[[review]]\nid = 'r'\nwhen = 'true'\n[[review.stage]]\nid = 's'\napprove = { from = 'true' }\n\
         zzzzzzzzzzzz = 1\n"
            .to_owned(),
        format!("{case}expect = {{ effect = 'deny' }}\nzzzzzzzzzzzz = 1\n"),
        format!("{case}expect = {{ effect = 'deny', zzzzzzzzzzzz = 1 }}\n"),
        format!("{case}expect = {{ grant = {{ zzzzzzzzzzzz = 1 }} }}\n"),
        format!("{case}votes = [{{ wake = true, zzzzzzzzzzzz = 1 }}]\nexpect = {{ effect = 'deny' }}\n"),
        "[[lint]]\nallow = 'L002'\nof = 'a'\nbecause = 'b'\nzzzzzzzzzzzz = 1\n".to_owned(),
    ];
    for document in documents {
        let error = Policy::from_toml(&format!("format = 1\nname = 'x'\n{document}")).unwrap_err();
        let message = error.faults().next().unwrap().message().to_owned();
        let keys = message.split_once("expected one of ").unwrap_or_else(|| panic!("{document}{message}")).1;
        for key in keys.split(", ").map(|key| key.trim_matches('`')) {
            let places =
                [format!("`{key}`"), format!(".{key}`"), format!("`[{key}]`"), format!("`[[{key}]]`")];
            assert!(places.iter().any(|place| guide.contains(place)), "the guide does not name `{key}`");
        }
    }
}

#[test]
fn every_fact_and_reason_is_in_the_guide() {
    let guide = guide();
    for (root, members) in [
        ("sql", inspect::sql::MEMBERS),
        ("http", inspect::http::MEMBERS),
        ("flag", inspect::flag::MEMBERS),
        ("debug", inspect::debug::MEMBERS),
    ] {
        for (name, _) in members {
            assert!(guide.contains(&format!("`{root}.{name}`")), "the guide does not name `{root}.{name}`");
        }
    }
    let codes = [
        ReasonCode::InvalidRequest,
        ReasonCode::UnknownAction,
        ReasonCode::PayloadMismatch,
        ReasonCode::Forbidden,
        ReasonCode::RuleFailed,
        ReasonCode::Held,
        ReasonCode::ZoneAllows,
        ReasonCode::RiskAboveZone,
        ReasonCode::LimitReached,
        ReasonCode::DurationTooShort,
        ReasonCode::DurationTooLong,
        ReasonCode::StartTooLate,
        ReasonCode::ExtensionRefused,
        ReasonCode::OutsideWindow,
        ReasonCode::RiskHinted,
        ReasonCode::ObligationUnsupported,
        ReasonCode::NeedsMissing,
        ReasonCode::ReviewRequired,
        ReasonCode::AmbiguousReview,
        ReasonCode::EmergencyAllows,
        ReasonCode::EmergencyRefused,
        ReasonCode::GrantNotWritable,
        ReasonCode::NothingMatched,
    ];
    for code in codes {
        assert!(guide.contains(&format!("`{}`", code.as_str())), "the guide does not name {code:?}");
    }
}

#[test]
fn links_lead_to_headings() {
    let guide = guide();
    let anchor =
        |heading: &str| heading.to_lowercase().replace(['`', '[', ']', ',', '?'], "").replace(' ', "-");
    let headings: Vec<String> = guide
        .lines()
        .filter(|line| line.starts_with("##"))
        .map(|line| anchor(line.trim_start_matches(['#', ' '])))
        .collect();
    for link in guide.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        let named = guide.contains(&format!("<a id=\"{link}\">"));
        assert!(named || headings.iter().any(|heading| heading == link), "no heading `{link}`");
    }
}

fn load(block: &Block, text: &str) -> Policy {
    Policy::from_toml(text).unwrap_or_else(|error| panic!("block at line {}:\n{error}", block.line))
}

/// What stands in front of a part: the guide's vocabulary.
fn head() -> String {
    let vocabulary = marked("toml vocabulary");
    let text: String = vocabulary.iter().map(|block| block.text.as_str()).collect();
    format!("format = 1\nname = 'guide'\n{text}\n")
}

fn marked(mark: &str) -> Vec<Block> {
    blocks().into_iter().filter(|block| block.mark == mark).collect()
}

fn blocks() -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (number, line) in guide().lines().enumerate() {
        match line.strip_prefix("```") {
            Some(mark) if !open => {
                blocks.push(Block { mark: mark.to_owned(), line: number + 2, text: String::new() });
                open = true;
            }
            Some(_) => open = false,
            None if open => {
                let block = blocks.last_mut().unwrap();
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    assert!(!open, "a block is not closed");
    blocks
}

fn guide() -> String {
    std::fs::read_to_string("docs/policy-guide.md").unwrap()
}
