//! An auditor: verifies a log against a checkpoint and decides every request again.

use std::error::Error;
use std::fs;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use countersign::{Integrity, LogVerifier, Policy, PublicKey, Replay};

pub fn main(folder: &Path, vkey: &str) -> Result<String, Box<dyn Error>> {
    let (_, key) = PublicKey::from_vkey(vkey)?;
    let mut log = LogVerifier::new("orders-gate")
        .with_key(key)
        .with_checkpoint(&fs::read_to_string(folder.join("audit.checkpoint"))?)?;
    let mut replay = Replay::new([Policy::from_toml(include_str!("p.toml"))?]);
    for line in BufReader::new(File::open(folder.join("audit.jsonl"))?).split(b'\n') {
        let line = line?;
        if let Some(record) = log.push(&line) {
            replay.push(&record);
        }
    }
    let verdict = log.finish(chrono::Utc::now());
    let report = match &verdict.integrity {
        Integrity::Intact { records } => {
            format!("{records} records, {} not covered by a checkpoint", verdict.unanchored)
        }
        Integrity::Broken { first_bad, .. } => format!("record {first_bad} is the first bad one"),
    };
    if let Some(seq) = replay.finish().first_difference {
        return Ok(format!("record {seq} would be decided differently"));
    }
    verdict.require_sound()?;
    Ok(report)
}
