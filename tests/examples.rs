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
fn every_tool_has_help_and_refuses_unknown_options() {
    for name in ["decide", "eval", "inspect", "keys", "review", "verify_grant", "verify_log"] {
        let help = run(name, &["--help"], "");
        assert!(help.status.success(), "{name}");
        assert!(!text(&help.stdout).trim().is_empty(), "{name}");
        assert!(!run(name, &["--no-such-option"], "").status.success(), "{name}");
    }
}
