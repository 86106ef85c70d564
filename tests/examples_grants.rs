//! `verify_grant` and `keys` as a user runs them.

#![cfg(all(feature = "sql", feature = "toml"))]
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test runs programs"
)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The built example, beside the test's own binary. `cargo test` builds all of them first.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is not built: run `cargo test` or `cargo build --examples`", path.display());
    path
}

fn run(name: &str, arguments: &[&str], directory: &Path, input: &[u8]) -> Output {
    let mut child = Command::new(example(name))
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || pipe.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join();
    output
}

/// A directory of its own, empty, and gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("countersign-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn keys(&self, arguments: &[&str]) -> String {
        let output = run("keys", arguments, &self.0, b"");
        assert!(output.status.success(), "{arguments:?} {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn publish(&self, arguments: &[&str]) -> Vec<String> {
        let set = self.keys(arguments);
        fs::write(self.0.join("keys.json"), &set).unwrap();
        let set: Value = serde_json::from_str(&set).unwrap();
        let kid = |key: &Value| key["kid"].as_str().unwrap().to_owned();
        set["keys"].as_array().unwrap().iter().map(kid).collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn judge(file: &str) {
    let file: Value = serde_json::from_str(file).unwrap();
    let cases = file["cases"].as_array().unwrap();
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let output = run("verify_grant", &[], Path::new(env!("CARGO_MANIFEST_DIR")), lines.as_bytes());
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answers.lines().count(), cases.len());
    for (answer, case) in answers.lines().zip(cases) {
        let answer: Value = serde_json::from_str(answer).unwrap();
        if case["expect"] == "accept" {
            assert_eq!(answer, serde_json::json!({ "accept": true }), "{}", case["name"]);
        } else {
            let any = case["reason_any"].as_array().cloned().unwrap_or_else(|| vec![case["reason"].clone()]);
            assert!(any.contains(&answer["reject"]), "{}: {answer}", case["name"]);
        }
    }
}

#[test]
fn verify_grant_judges_the_stored_tokens() {
    judge(include_str!("data/grants/tokens.json"));
}

#[test]
fn verify_grant_judges_the_hostile_tokens() {
    judge(include_str!("vectors/hostile_tokens.json"));
}

#[test]
fn keys_are_rotated_with_overlap_and_retired() {
    let scratch = Scratch::new("keys");
    let kid = |line: &str| serde_json::from_str::<Value>(line).unwrap()["kid"].as_str().unwrap().to_owned();
    let old = kid(&scratch.keys(&["make", "old.pem"]));
    let new = kid(&scratch.keys(&["make", "new.pem"]));
    assert_eq!(scratch.publish(&["publish", "old.pem"]), std::slice::from_ref(&old));
    let both = scratch.publish(&["rotate", "keys.json", "new.pem"]);
    assert!(both.len() == 2 && both.contains(&old) && both.contains(&new));
    assert_eq!(scratch.publish(&["rotate", "keys.json", "new.pem"]), both);
    assert_eq!(scratch.publish(&["retire", "keys.json", &old]), [new]);
    let gone = run("keys", &["retire", "keys.json", &old], &scratch.0, b"");
    assert_eq!(String::from_utf8(gone.stderr).unwrap(), format!("keys: the set has no key `{old}`\n"));
    assert!(!gone.status.success());
}

#[test]
fn a_key_is_never_overwritten_and_is_its_owners_alone() {
    let scratch = Scratch::new("make");
    scratch.keys(&["make", "key.pem"]);
    let before = fs::read(scratch.0.join("key.pem")).unwrap();
    assert!(!run("keys", &["make", "key.pem"], &scratch.0, b"").status.success());
    assert_eq!(fs::read(scratch.0.join("key.pem")).unwrap(), before);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(scratch.0.join("key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert!(scratch.keys(&["vkey", "log.example", "key.pem"]).starts_with("log.example+"));
}
