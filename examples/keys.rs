//! Makes, publishes and rotates the keys that sign grants and checkpoints.
#![allow(clippy::disallowed_methods, reason = "a command-line tool reads and writes files")]

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::ExitCode;

use countersign::{KeySet, SigningKey};
use serde_json::json;

const HELP: &str = "\
Makes, publishes and rotates the keys that sign grants and checkpoints.

  keys make KEY.pem [SEED-FILE]     make a key, of 32 bytes of the system or of a file; never overwrites
  keys publish KEY.pem …            write the public halves as a JWK set
  keys vkey NAME KEY.pem …          write the public halves as verifier keys of signed notes, one a line
  keys rotate KEYS.json NEW.pem     write the published set with the new key added
  keys retire KEYS.json KID         write the published set without an old key

Rotation: `make` the new key, `rotate` the set and publish it, wait until every verifier has it, sign with the
new key, wait until the last grant of the old key has ended, `retire` the old key and publish again.

Exit code: 0, or 1 with the reason on standard error.";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("keys: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<String, Box<dyn Error>> {
    match words {
        ["make", path] => make(path, random()?),
        ["make", path, seed] => make(path, fs::read(seed)?.try_into().map_err(|_| "a seed is 32 bytes")?),
        ["publish", paths @ ..] if !paths.is_empty() => Ok(KeySet::new(public(paths)?).to_jwks()),
        ["vkey", name, paths @ ..] if !paths.is_empty() => {
            let lines: Result<Vec<String>, _> = public(paths)?.iter().map(|key| key.to_vkey(name)).collect();
            Ok(lines?.join("\n"))
        }
        ["rotate", set, path] => {
            let set = KeySet::from_jwks(&fs::read_to_string(set)?)?;
            Ok(set.with(open(path)?.public()).to_jwks())
        }
        ["retire", set, kid] => {
            let set = KeySet::from_jwks(&fs::read_to_string(set)?)?;
            let left = set.clone().without(kid);
            if left == set {
                return Err(format!("the set has no key `{kid}`").into());
            }
            Ok(left.to_jwks())
        }
        ["--help" | "-h"] => Ok(HELP.to_owned()),
        _ => Err(format!("wrong arguments\n\n{HELP}").into()),
    }
}

fn make(path: &str, seed: [u8; 32]) -> Result<String, Box<dyn Error>> {
    let key = SigningKey::from_seed(seed);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| format!("{path}: {error}"))?;
    file.write_all(key.to_pem().as_str().as_bytes())?;
    file.sync_all()?;
    Ok(json!({ "kid": key.public().thumbprint(), "file": path }).to_string())
}

fn open(path: &str) -> Result<SigningKey, Box<dyn Error>> {
    let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    Ok(SigningKey::from_pem(&text).map_err(|error| format!("{path}: {error}"))?)
}

fn public(paths: &[&str]) -> Result<Vec<countersign::PublicKey>, Box<dyn Error>> {
    paths.iter().map(|path| Ok(open(path)?.public())).collect()
}

fn random() -> Result<[u8; 32], Box<dyn Error>> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}
