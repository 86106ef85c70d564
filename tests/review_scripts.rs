//! Scripts for `examples/review.rs`: each says what must come of each of its events, and is played as a user
//! plays it. Most are scenarios of systems in use; the number is that of the collection they come from.

#![cfg(feature = "toml")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic, reason = "a test runs programs")]

use std::path::PathBuf;
use std::process::{Command, Output};

/// The built example, beside the test's own binary. `cargo test` builds all of them first.
fn play(arguments: &[&str]) -> Output {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples/review");
    assert!(path.exists(), "{} is not built: run `cargo build --examples`", path.display());
    Command::new(path).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("countersign-{}-{name}", std::process::id()))
}

#[test]
fn every_script_comes_out_as_it_says() {
    let mut scripts = 0;
    for entry in std::fs::read_dir("tests/scenarios/review").unwrap() {
        let path = entry.unwrap().path();
        let output = play(&[path.to_str().unwrap()]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let script: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let events = script["events"].as_array().unwrap();
        let expected = events.iter().filter(|event| event.get("expect").is_some()).count();
        let whole = usize::from(script.get("expect").is_some());
        assert!(expected + whole > 0, "{}: a script that expects nothing shows nothing", path.display());
        scripts += 1;
    }
    assert!(scripts >= 40, "{scripts}");
}

#[test]
fn script_that_comes_out_otherwise_fails() {
    let script = std::fs::read_to_string("tests/scenarios/review/s15-one-approves.json").unwrap();
    let path = scratch("wrong.json");
    std::fs::write(&path, script.replace("\"allow\"", "\"deny\"")).unwrap();
    let output = play(&[path.to_str().unwrap()]);
    std::fs::remove_file(&path).unwrap();
    assert!(!output.status.success());
    let told = text(&output.stderr);
    assert!(told.contains("`outcome` is \"allow\", expected \"deny\""), "{told}");
}

#[test]
fn bad_scripts_are_told_and_nothing_panics() {
    for (script, expected) in [
        ("", "EOF"),
        ("{}", "missing field `request`"),
        (r#"{"request": {}}"#, "expected `policy` or `policy_file`"),
        (r#"{"request": {}, "policy": "format = 2"}"#, "expected format 1"),
        (r#"{"request": {}, "policy": "format = 1\nname = 'x'"}"#, "`subject` is missing"),
        (r#"{"request": {}, "votes": []}"#, "unknown field `votes`"),
    ] {
        let path = scratch("bad.json");
        std::fs::write(&path, script).unwrap();
        let output = play(&[path.to_str().unwrap()]);
        std::fs::remove_file(&path).unwrap();
        let told = text(&output.stderr);
        assert!(!output.status.success() && told.contains(expected), "{script}: {told}");
        assert!(!told.contains("panicked"), "{told}");
    }
    assert!(play(&["--help"]).status.success());
    assert!(!play(&["--no-such-option"]).status.success());
}

#[test]
fn timeline_holds_what_people_said_as_text() {
    let page = scratch("timeline.html");
    let output = play(&["tests/scenarios/review/hostile-text.json", "--timeline", page.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let html = std::fs::read_to_string(&page).unwrap();
    std::fs::remove_file(&page).unwrap();
    assert!(
        html.contains("&lt;/li&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;quoted&quot;")
    );
    for forbidden in ["<script", "http://", "https://", "src=", "onerror", "javascript:"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>\n"));
    assert_eq!(html.matches("<li ").count(), html.matches("</li>").count());
}
