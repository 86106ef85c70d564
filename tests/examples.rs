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
fn verify_log_judges_all_streams_of_a_parent() {
    let fleet = |name: &str| format!("tests/vectors/audit/fleet/{name}");
    let key = include_str!("vectors/audit/fleet/parent.vkey").trim_end();
    let (parent, note) = (fleet("parent.jsonl"), fleet("parent.note"));
    let judge = |logs: &[&str], more: &[&str]| {
        let logs: Vec<String> = logs.iter().map(|name| fleet(name)).collect();
        let mut arguments: Vec<&str> = logs.iter().map(String::as_str).collect();
        arguments.extend(["--parent", &parent, "--vkey", key, "--checkpoint", &note]);
        run("verify_log", &[&arguments, more].concat(), "")
    };
    let all = ["gate.jsonl", "tool.jsonl"];
    let output = judge(&all, &[]);
    let report = text(&output.stdout);
    assert!(output.status.success(), "{report}{}", text(&output.stderr));
    assert!(report.contains("4 records follow one another, the last closes the stream"), "{report}");
    assert!(report.ends_with("all           sound; 2 streams were read\n"), "{report}");

    let output = judge(&all, &["--format", "json"]);
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&verdict["sound"], &verdict["fault"]), (&true.into(), &Value::Null));
    assert_eq!(verdict["streams"]["tool/7f3a"]["closed"], true);
    assert_eq!(verdict["streams"]["orders-gate"]["authorship"]["state"], "vouched");

    let output = judge(&["tool.jsonl"], &["--format", "json"]);
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &verdict["sound"]), (Some(1), &false.into()));
    assert_eq!(verdict["faults"]["orders-gate"], "stream is missing: 14 records were there");
    let cause = verdict["faults"]["tool/7f3a"].as_str().unwrap();
    assert!(
        cause.ends_with("of `orders-gate` as its cause: there is no record that others follow from"),
        "{cause}"
    );

    // A parent that is not sound vouches for nothing; several logs want a parent.
    let output = run("verify_log", &[&fleet("gate.jsonl"), "--parent", &parent, "--vkey", key], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).starts_with("verdict       not sound: parent: "));
    let output = run("verify_log", &[&fleet("gate.jsonl"), &fleet("tool.jsonl"), "--vkey", key], "");
    assert_eq!(output.status.code(), Some(2));
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
        "1 not covered by the checkpoint",
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
fn decide_explains_where_it_is_asked_to() {
    let delete = std::fs::read_to_string("policies/requests/delete-orders.json").unwrap().replace('\n', " ");
    let policy =
        ["--policy", "policies/production-debugging.toml", "--now", "2026-11-23T10:00:00Z", "--explain"];
    let line: Value = serde_json::from_slice(&run("decide", &policy, &delete).stdout).unwrap();
    assert_eq!(line["context"]["effect"], "review");
    assert_eq!(line["explanation"]["approvals"][0]["review"], "change-by-two");
    assert_eq!(line["explanation"]["change"]["steps"], serde_json::json!(["request_approval"]));
}

/// A file that is removed when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, content: &str) -> Self {
        let path = std::env::temp_dir().join(format!("countersign-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

const SHIPPED: &str = "policies/production-debugging.toml";

#[test]
fn policy_diff_fails_where_something_loosens() {
    let text = std::fs::read_to_string(SHIPPED).unwrap();
    let loose = Scratch::new("loose.toml", &text.replace("max_risk = \"low\"", "max_risk = \"medium\""));
    let logs = |data: &str| {
        let properties =
            serde_json::json!({ "environment": "production", "owner": "payments", "data": data });
        let subject =
            serde_json::json!({ "type": "user", "id": "ana", "properties": { "groups": ["payments"] } });
        let resource = serde_json::json!({ "type": "service", "id": "checkout", "properties": properties });
        serde_json::json!({ "subject": subject, "action": { "name": "logs.read" }, "resource": resource })
    };
    let dated = serde_json::json!({ "request": logs("personal"), "now": "2026-11-23T10:00:00Z" });
    let recorded = format!("{}\n\n{dated}\n", logs("internal"));
    let requests = Scratch::new("requests.jsonl", &recorded);
    let code = |output: &Output| output.status.code();

    let output = run("policy_diff", &[SHIPPED, loose.path(), "--requests", requests.path()], "");
    let told = self::text(&output.stdout);
    assert_eq!(code(&output), Some(1), "{told}{}", self::text(&output.stderr));
    assert!(
        told.starts_with("2 requests: 1 loosen, 0 may loosen, 0 tighten, 1 the same\nloosens 1: "),
        "{told}"
    );
    assert!(told.contains("e.g. request 1: "), "{told}");

    let json = ["--format", "json", "--allow-loosening", "--requests", "-"];
    let output = run("policy_diff", &[&[SHIPPED, loose.path()], &json[..]].concat(), &recorded);
    assert_eq!(code(&output), Some(0));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&json["compared"], &json["groups"][0]["direction"]),
        (&Value::from(2), &Value::from("loosens"))
    );

    let back = run("policy_diff", &[loose.path(), SHIPPED, "--requests", requests.path()], "");
    assert_eq!(code(&back), Some(0), "{}", self::text(&back.stdout));
    assert_eq!(code(&run("policy_diff", &[SHIPPED, SHIPPED], "")), Some(0));
}

/// What was not compared is not known to be safe: a bad line is no success.
#[test]
fn policies_of_several_documents_are_compared_and_drawn() {
    const FOLDER: &str = "tests/scenarios/policy/s05-inherited-and-overridden";
    let (base, group) = (format!("{FOLDER}/environment.toml"), format!("{FOLDER}/group-a.toml"));
    let both = format!("{base},{group}");
    let code_of = |output: &Output| output.status.code();
    // The base alone has no cases: those of the extension are compared. It lets in another ticket, for less time.
    let output = run("policy_diff", &[&base, &both], "");
    assert_eq!(code_of(&output), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("joins-a"), "{}", text(&output.stdout));
    assert_eq!(code_of(&run("policy_diff", &[FOLDER, &both], "")), Some(0));
    let page = text(&run("policy_map", &[&base, &group], "").stdout);
    assert!(page.contains("joins-a") && page.contains("contractors"));
    assert_eq!(page, text(&run("policy_map", &[FOLDER], "").stdout));
    let alone = run("policy_map", &[&group], "");
    assert!(!alone.status.success() && text(&alone.stderr).contains("s05-environment"));
    assert_eq!(code_of(&run("policy_diff", &["tests/scenarios/none", &both], "")), Some(2));
}

#[test]
fn policy_diff_fails_on_a_bad_line_and_on_none() {
    for (input, told) in [
        ("{\"subject\": 1}\n", "-:1: `subject`"),
        ("\n", "there is no request"),
        ("x\n", "-:1: expected value"),
    ] {
        let output = run("policy_diff", &[SHIPPED, SHIPPED, "--requests", "-"], input);
        assert_eq!(output.status.code(), Some(2), "{input}");
        assert!(text(&output.stderr).starts_with(told), "{}", text(&output.stderr));
    }
}

#[test]
fn policy_map_shows_every_action_and_rule_of_the_shipped_policy() {
    let output = run("policy_map", &[SHIPPED], "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = text(&output.stdout);
    for part in [
        "debugger.attach",
        "traffic.replay",
        "staging</th>",
        "change-by-two",
        "✓ allow",
        "◐ review 2",
        "no case asks for it",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_inert(&page);
    let personas = Scratch::new(
        "personas.jsonl",
        "{\"name\": \"nobody\", \"type\": \"user\", \"id\": \"x\", \"properties\": {\"groups\": []}}\n",
    );
    let page = text(&run("policy_map", &[SHIPPED, "--personas", personas.path()], "").stdout);
    assert!(page.contains("<th scope=\"col\">nobody</th>") && !page.contains("<th scope=\"col\">ana</th>"));
}

#[test]
fn policy_map_makes_hostile_text_inert() {
    let policy = r#"
format = 1
name = "hostile"
[attributes]
"subject.groups" = "list<string>"
"resource.environment" = { type = "string", one_of = ['<img src=x onerror=alert(1)>', 'b'] }
[actions]
'"><script>alert(2)</script>' = { payload = "text" }
[[review]]
id = "r"
when = '"a" in subject.groups || resource.id == "<script>alert(3)</script>"'
because = "</details><script>alert(4)</script>` onclick=x"
approve = { from = 'approver.id == "<script>alert(5)</script>"' }
[[case]]
name = "<script>alert(6)</script>"
request.subject = { type = "user", id = "<script>alert(7)</script>", properties = { groups = ["a", "<iframe>"] } }
request.action = { name = '"><script>alert(2)</script>', payload = { text = "<style>" } }
request.resource = { type = "x", id = "<script>alert(3)</script>", properties = { environment = "b" } }
expect = { effect = "review" }
"#;
    let policy = Scratch::new("hostile.toml", policy);
    let output = run("policy_map", &[policy.path()], "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = text(&output.stdout);
    for number in 2..=7 {
        assert!(page.contains(&format!("alert({number})")), "{number}");
    }
    assert_inert(&page);
}

/// Every tag of the page is one of its own, with attributes of its own.
fn assert_inert(page: &str) {
    let tags = "html head meta title style body header section h1 h2 h3 p span ul li code b dl dt dd table thead tbody tr th td details summary div";
    let attributes = "lang charset http-equiv content name class aria-label aria-labelledby aria-hidden id scope colspan open";
    let (tags, attributes): (Vec<&str>, Vec<&str>) =
        (tags.split(' ').collect(), attributes.split(' ').collect());
    let start = page.strip_prefix("<!doctype html>").unwrap();
    let mut open: Vec<&str> = Vec::new();
    for part in start.split('<').skip(1) {
        let (tag, _) = part.split_once('>').unwrap_or_else(|| panic!("<{part}"));
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "<{tag}> closes another");
            continue;
        }
        let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(tags.contains(&name), "<{tag}>");
        if name != "meta" {
            open.push(name);
        }
        while !rest.is_empty() {
            let (attribute, value) = rest.split_once("=\"").unwrap_or_else(|| panic!("<{tag}>"));
            assert!(attributes.contains(&attribute), "<{tag}>");
            rest = value.split_once('"').unwrap_or_else(|| panic!("<{tag}>")).1.trim_start();
        }
    }
    assert_eq!(open, Vec::<&str>::new());
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
    let names = [
        "check_policy",
        "decide",
        "eval",
        "inspect",
        "keys",
        "policy_diff",
        "policy_map",
        "review",
        "verify_grant",
        "replay",
        "verify_log",
    ];
    for name in names {
        let help = run(name, &["--help"], "");
        assert!(help.status.success(), "{name}");
        assert!(!text(&help.stdout).trim().is_empty(), "{name}");
        assert!(!run(name, &["--no-such-option"], "").status.success(), "{name}");
    }
}

const PERSONAL: [&str; 3] = [
    "tests/vectors/audit/personal.jsonl",
    "tests/vectors/audit/personal.toml",
    "tests/vectors/audit/personal.openings.jsonl",
];

/// Runs `replay` on a log with personal values, and reads its exit code, its lines, and the last of them.
fn replay(log: &str, more: &[&str]) -> (Option<i32>, Vec<Value>, Value) {
    let output = run("replay", &[&[log, "--policy", PERSONAL[1]], more].concat(), "");
    let mut lines: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.pop().unwrap_or_else(|| panic!("{}", text(&output.stderr)));
    (output.status.code(), lines, last)
}

#[test]
fn replay_is_the_same_with_all_openings_and_says_what_is_missing() {
    let [log, policy, openings] = PERSONAL;
    let (code, lines, last) = replay(log, &["--openings", openings, "--all"]);
    assert_eq!(
        (code, lines.len(), &last["same"], &last["different"]),
        (Some(0), 0, &3.into(), &0.into()),
        "{last}"
    );
    assert_eq!(
        (&last["grants"]["founded"], &last["openings"]["disclosed"]),
        (&2.into(), &23.into()),
        "{last}"
    );

    let (code, lines, last) = replay(log, &[]);
    assert_eq!((code, lines.len(), &last["because"]["erased"]), (Some(3), 3, &3.into()), "{last}");
    assert!(lines[0]["text"].as_str().unwrap().starts_with("nothing opens /"), "{lines:?}");
    let (code, _, last) = replay(log, &["--all"]);
    assert_eq!((code, &last["openings"]["erased_without_a_record"]), (Some(1), &23.into()), "{last}");

    let output = run("replay", &[log, "--openings", openings], "");
    let last: Value = serde_json::from_str(text(&output.stdout).lines().last().unwrap()).unwrap();
    assert_eq!((output.status.code(), &last["because"]["policy_not_given"]), (Some(3), &3.into()), "{last}");

    // Nothing changes under the same policy; a zone less denies what it had allowed.
    let asked = ["--openings", openings, "--under"];
    let (_, _, last) = replay(log, &[&asked[..], &[policy]].concat());
    assert_eq!((&last["under"][0]["compared"], &last["under"][0]["same"]), (&3.into(), &3.into()), "{last}");
    let whole = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(policy)).unwrap();
    let (head, rest) = whole.split_once("[[zone]]").unwrap();
    let rest = &rest[rest.find("[[review]]").unwrap()..];
    let new = Scratch::new("under.toml", &format!("{head}{rest}"));
    let (code, _, last) = replay(log, &[&asked[..], &[new.path()]].concat());
    let group = &last["under"][0]["groups"][0];
    assert_eq!(
        (code, &group["direction"], &group["count"]),
        (Some(0), &"tightens".into(), &1.into()),
        "{last}"
    );
}

#[test]
fn replay_finds_what_was_changed() {
    let [log, _, openings] = PERSONAL;
    let log = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(log)).unwrap();
    let first = log.lines().take(2).collect::<Vec<_>>().join("\n");
    let forged = Scratch::new("forged.jsonl", &first.replace("\"effect\":\"allow\"", "\"effect\":\"deny\""));
    let (code, lines, last) = replay(forged.path(), &["--openings", openings]);
    assert_eq!(
        (code, &last["different"], &last["first_difference"]),
        (Some(1), &1.into(), &1.into()),
        "{last}"
    );
    assert_eq!(lines[0]["replay"]["different"]["field"], "effect", "{lines:?}");
    let broken = Scratch::new("broken.jsonl", &log.replacen("request.decided", "request.denied", 1));
    let (code, _, last) = replay(broken.path(), &["--openings", openings]);
    assert_eq!((code, &last["broken"]["record"]), (Some(1), &1.into()), "{last}");
    assert_eq!(run("replay", &["tests/none.jsonl"], "").status.code(), Some(2));
}
