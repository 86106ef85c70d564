//! The examples are tools with a stable command line: run as a user runs them.

#![cfg(all(feature = "sql", feature = "toml"))]
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test runs programs"
)]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The built example, beside the test's own binary. `cargo test` builds all of them first.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is not built: run `cargo test` or `cargo build --examples`", path.display());
    path
}

fn run(name: &str, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(example(name))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that ends before it reads its input closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn quickstart_tells_the_whole_story() {
    let output = run("quickstart", &[], "");
    let story = text(&output.stdout);
    assert!(output.status.success(), "{story}{}", text(&output.stderr));
    let expected = [
        "audit log",
        "allow          read logs on staging (low risk",
        "allow          SELECT",
        "review         DELETE FROM orders (critical risk",
        "refused        own approval: approver `user/ana` is also the requester",
        "bo approves    the review is open",
        "cy approves    the quorum is there",
        "refused        DELETE FROM 0rders: grant is for payload",
        "run            DELETE FROM orders",
        "refused        second use: grant",
        "refused        late use: grant expired",
        "Break-glass",
        "owed           a review by somebody else",
        "resumed",
        "recovered",
        "0 not covered by the checkpoint",
        "refused        bit flipped in byte",
    ];
    let mut rest = story.as_str();
    for line in expected {
        let place = rest.find(line).unwrap_or_else(|| panic!("`{line}` is not told, or too early:\n{story}"));
        rest = &rest[place..];
    }
    assert!(!story.contains('\u{1b}'), "colour only on a terminal");
}

#[test]
fn decide_answers_each_line_and_goes_on_after_a_bad_one() {
    let delete = std::fs::read_to_string("policies/requests/delete-orders.json").unwrap().replace('\n', " ");
    let arguments = ["--policy", "policies/production-debugging.toml", "--now", "2026-11-23T10:00:00Z"];
    let output = run("decide", &arguments, &format!("{delete}\n{{\"subject\": 1}}\n\n{delete}\n"));
    assert!(output.status.success());
    let lines: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["decision"], false);
    assert_eq!(lines[0]["context"]["effect"], "review");
    assert_eq!(lines[0]["context"]["risk"], "critical");
    assert_eq!(lines[0]["context"]["next_action"], "request_approval");
    assert_eq!(lines[1]["error"], "`subject` is int, expected an object");
    assert_eq!(lines[2], lines[0]);
}

#[test]
fn decide_shows_every_fault_of_a_policy_and_fails() {
    let path = std::env::temp_dir().join(format!("countersign-faults-{}.toml", std::process::id()));
    std::fs::write(
        &path,
        "format = 1\nname = 'x'\nzones = 1\n[[forbid]]\nid = 'a'\nwhen = 'subject.nme == \"x\"'\n",
    )
    .unwrap();
    let output = run("decide", &["--policy", path.to_str().unwrap()], "");
    std::fs::remove_file(&path).unwrap();
    assert!(!output.status.success());
    let faults = text(&output.stderr);
    assert!(faults.contains(":3:1\n  |\n3 | zones = 1\n  | ^^^^^"), "{faults}");
    assert!(faults.contains("rule `a`: unknown attribute `subject.nme`"), "{faults}");
    assert!(
        faults.contains(":6:9\n  |\n6 | when = 'subject.nme == \"x\"'\n  |         ^^^^^^^^^^^"),
        "{faults}"
    );
}

#[test]
fn check_policy_joins_documents_that_extend_each_other() {
    let base = "format = 1\nname = 'base'\n[defaults]\nrisk = 'low'\n[[open]]\nid = 'logs'\n\
        when = 'action.name == \"logs.read\"'\nmay = ['zone']\nmax_risk = 'low'\n";
    let team = "format = 1\nname = 'team'\nextends = 'base'\n[[zone]]\nid = 'ours'\nin = 'logs'\n\
        when = 'resource.id == \"orders\"'\nmax_risk = 'low'\n";
    let cases = "[[case]]\nname = 'logs'\nexpect = { effect = 'allow', rules = ['ours'] }\n[case.request]\n\
        subject = { type = 'user', id = 'ana' }\naction = { name = 'logs.read' }\nresource = { type = 's', id = 'orders' }\n";
    let files = [("team.toml", team), ("team.cases.toml", cases), ("base.toml", base)];
    let folder = Folder::new("check-joined", &files);
    let output = run("check_policy", &[&folder.at("team.toml"), &folder.at("base.toml")], "");
    let report = text(&output.stdout);
    assert!(output.status.success(), "{report}{}", text(&output.stderr));
    assert!(report.contains("base.toml: 0 findings; 1 cases, 0 failed; 1 of 1 rules matched"), "{report}");
    let alone = run("check_policy", &[&folder.at("team.toml")], "");
    assert_eq!(alone.status.code(), Some(1));
    assert!(text(&alone.stdout).contains("team.toml: does not load"), "{}", text(&alone.stdout));
}

/// A folder of files that is removed when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("countersign-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        files.iter().for_each(|(file, text)| std::fs::write(path.join(file), text).unwrap());
        Self(path)
    }

    fn at(&self, file: &str) -> String {
        self.0.join(file).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const CHECKED: &str = "format = 1\nname = 'checked'\n[defaults]\nrisk = 'low'\n\
    [[forbid]]\nid = 'shells'\nwhen = 'action.name == \"shell.run\"'\n\
    [[zone]]\nid = 'any'\nwhen = 'subject.type == \"user\"'\nmax_risk = 'low'\n";

const CHECKED_CASES: &str = "[requests.shell]\nsubject = { type = 'user', id = 'ana' }\n\
    action = { name = 'shell.run' }\nresource = { type = 'host', id = 'h' }\n\
    [[case]]\nname = 'no shells'\nbase = 'shell'\nexpect = { effect = 'deny' }\n\
    [[case]]\nname = '100% wrong'\nbase = 'shell'\nwith.action.name = 'read'\nexpect = { effect = 'deny' }\n";

#[test]
fn check_policy_is_content_with_the_shipped_policy() {
    let output = run("check_policy", &["--strict", "policies/production-debugging.toml"], "");
    let report = text(&output.stdout);
    assert!(output.status.success(), "{report}{}", text(&output.stderr));
    assert!(report.contains(": 0 findings; "), "{report}");
    assert!(report.contains(" 0 failed; "), "{report}");
}

#[test]
fn check_policy_tells_findings_failures_and_gaps_in_text() {
    let folder = Folder::new("check-text", &[("p.toml", CHECKED), ("p.cases.toml", CHECKED_CASES)]);
    let output = run("check_policy", &[&folder.at("p.toml")], "");
    assert_eq!(output.status.code(), Some(1));
    let report = text(&output.stdout);
    for part in [
        "warning[L002]: zone `any` opens for any action on any resource\n",
        "\n10 | when = 'subject.type == \"user\"'\n   |        ^^^^",
        "failed: case `100% wrong`\n --> ",
        "p.cases.toml:10\n  effect  expected  deny\n          found     allow\n          because   rule `any`: it is in a safe zone\n",
        "not covered: `any`: `subject.type == \"user\"` was never false\n --> ",
        "p.toml: 1 findings; 2 cases, 1 failed; 2 of 2 rules matched; 1 of 2 parts were both true and false\n",
    ] {
        assert!(report.contains(part), "`{part}` is not in\n{report}");
    }
}

#[test]
fn check_policy_writes_json_for_programs() {
    let folder = Folder::new("check-json", &[("p.toml", CHECKED), ("p.cases.toml", CHECKED_CASES)]);
    let output = run("check_policy", &["--format", "json", &folder.at("p.toml")], "");
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    assert_eq!(report["ok"], false);
    assert_eq!(report["findings"][0]["code"], "L002");
    assert_eq!(report["findings"][0]["severity"], "warning");
    assert_eq!(report["findings"][0]["line"], 10);
    assert_eq!(report["cases"][0]["passed"], true);
    assert_eq!(report["cases"][1]["differences"][0]["found"], "allow");
    assert_eq!(report["coverage"]["rules"]["matched"], 2);
    assert_eq!(report["coverage"]["gaps"][0]["rule"], "any");
}

#[test]
fn check_policy_annotates_for_github_and_no_text_can_add_a_command() {
    let policy = CHECKED.replace("id = 'any'", "id = 'any'\nbecause = 'x%0A::set-env name=a::b'");
    let cases = CHECKED_CASES.replace("100% wrong", "100%0A\\n::error::x").replace('\'', "\"");
    let folder = Folder::new("check-github", &[("p.toml", &policy), ("p.cases.toml", &cases)]);
    let output = run("check_policy", &["--format", "github", &folder.at("p.toml")], "");
    assert_eq!(output.status.code(), Some(1));
    let report = text(&output.stdout);
    assert_eq!(report.lines().count(), 3, "{report}");
    let starts = ["::warning file=", "::error file=", "::notice file="];
    assert!(report.lines().zip(starts).all(|(line, start)| line.starts_with(start)), "{report}");
    assert!(
        report
            .contains(",line=11,col=8,title=L002::zone `any` opens for any action on any resource%0Ahelp: "),
        "{report}"
    );
    assert!(report.contains(",line=10,title=case::case `100%250A"), "{report}");
}

#[test]
fn check_policy_tells_every_fault_and_goes_on_with_the_next_file() {
    let bad = "format = 1\nname = 'x'\n[[zone]]\nid = 'z'\nwhen = 'context.emergency'\nmax_risk = 'low'\n";
    let files = [
        ("bad.toml", "format = 2\nname = 'x'\nzones = 1\n"),
        ("open.toml", bad),
        ("good.toml", "format = 1\nname = 'x'\n"),
    ];
    let folder = Folder::new("check-faults", &files);
    let output =
        run("check_policy", &[&folder.at("bad.toml"), &folder.at("open.toml"), &folder.at("good.toml")], "");
    assert_eq!(output.status.code(), Some(1));
    let report = text(&output.stdout);
    assert!(report.contains("bad.toml: does not load: 2 faults"), "{report}");
    assert!(report.contains("error[L001]: zone `z` opens on what the caller says alone"), "{report}");
    assert!(report.contains("good.toml: 0 findings; 0 cases"), "{report}");
    assert_eq!(run("check_policy", &[&folder.at("good.toml")], "").status.code(), Some(0));
    for arguments in [&["no-such-file.toml"][..], &[], &["--format", "xml", "x.toml"], &["--format"]] {
        assert_eq!(run("check_policy", arguments, "").status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn every_tool_has_help_and_refuses_unknown_options() {
    for name in ["check_policy", "decide", "eval", "inspect", "keys", "review", "verify_grant", "verify_log"]
    {
        let help = run(name, &["--help"], "");
        assert!(help.status.success(), "{name}");
        assert!(!text(&help.stdout).trim().is_empty(), "{name}");
        assert!(!run(name, &["--no-such-option"], "").status.success(), "{name}");
    }
}
