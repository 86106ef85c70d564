//! Verifies an audit log: prints what its records prove, and what they do not.
//!
//! Needs nothing of the host that wrote the log but its verifier key and the checkpoints that were kept.

#![allow(clippy::disallowed_methods, reason = "a program has files and a clock")]

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use countersign::{
    Authorship, Completeness, Freshness, Integrity, LogVerdict, LogVerifier, ParentVerifier, PublicKey,
    StreamsVerdict, Witness,
};
use serde_json::{Value, json};

const HELP: &str = "\
Verifies an audit log of JSON lines.

Usage: verify_log FILE... [--parent FILE] [--stream NAME] [--vkey TEXT]... [--checkpoint FILE]...
                  [--witness TEXT]... [--witnesses COUNT] [--format text|json]
                  [--now RFC3339]

With a parent, the files are the logs of the streams under it, and keys,
checkpoints and witnesses are the parent's. No stream may be missing, and what a
record of one says it follows from in another must be there.

Prints a verdict on four axes and leaves with 0 if the log is sound, with 1 if
it is not: if a record is bad, or a kept checkpoint is not met or not signed by
a given key. Without a checkpoint no log is sound: it could have been rewritten
as a whole.

Options:
  --parent FILE       the log of the stream that knows those of the files
  --stream NAME       the stream; else the verifier key's or a checkpoint's name
  --vkey TEXT         a key that may have signed checkpoints, `name+hash+key`
  --checkpoint FILE   a checkpoint that was kept
  --witness TEXT      the verifier key of a witness
  --witnesses COUNT   how many of them must have cosigned the newest checkpoint
  --format FORMAT     text (default) or json
  --now RFC3339       judge the log's age as of this time instead of now
  --help              print this help
";

#[derive(Default)]
struct Options {
    files: Vec<String>,
    parent: Option<String>,
    stream: Option<String>,
    keys: Vec<PublicKey>,
    checkpoints: Vec<String>,
    witnesses: Vec<Witness>,
    quorum: usize,
    as_json: bool,
    now: Option<DateTime<Utc>>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match run(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Vec<String>) -> Result<bool, Box<dyn Error>> {
    let options = options(arguments)?;
    let stream = options.stream.ok_or("no stream: give --stream, --vkey or --checkpoint")?;
    let mut log = options.keys.into_iter().fold(LogVerifier::new(&stream), LogVerifier::with_key);
    log = options.witnesses.into_iter().fold(log, LogVerifier::with_witness);
    log = log.requiring_witnesses(options.quorum);
    for checkpoint in &options.checkpoints {
        log = log.with_checkpoint(checkpoint)?;
    }
    let now = options.now.unwrap_or_else(Utc::now);
    if let Some(parent) = options.parent {
        return verify_all(log, &parent, &options.files, now, options.as_json);
    }
    let [path] = options.files.as_slice() else {
        return Err("one log wanted, or --parent; see --help".into());
    };
    read(path, |line| drop(log.push(line)))?;
    let verdict = log.finish(now);
    if options.as_json {
        println!("{}", as_json(&verdict));
    } else {
        print!("{}", as_text(&verdict));
    }
    Ok(verdict.require_sound().is_ok())
}

/// Verifies a parent, then the streams under it.
fn verify_all(
    parent: LogVerifier,
    path: &str,
    children: &[String],
    now: DateTime<Utc>,
    as_json: bool,
) -> Result<bool, Box<dyn Error>> {
    let mut parent = ParentVerifier::new(parent);
    read(path, |line| drop(parent.push(line)))?;
    let mut streams = match parent.finish(now) {
        Ok(streams) => streams,
        Err(fault) if as_json => {
            println!("{}", json!({ "sound": false, "fault": fault.to_string() }));
            return Ok(false);
        }
        Err(fault) => {
            println!("verdict       not sound: {fault}");
            return Ok(false);
        }
    };
    for path in children {
        let mut lines = Vec::new();
        read(path, |line| lines.push(line.to_vec()))?;
        // A log says itself whose it is; that it is so is verified.
        let named = lines.first().and_then(|line| serde_json::from_slice::<Value>(line).ok());
        let named = named.and_then(|record| record.get("stream")?.as_str().map(str::to_owned));
        let named = named.ok_or_else(|| format!("{path}: the first line names no stream"))?;
        streams.read(LogVerifier::new(&named), lines);
    }
    let verdict = streams.finish();
    if as_json {
        println!("{}", all_as_json(&verdict));
    } else {
        print!("{}", all_as_text(&verdict));
    }
    Ok(verdict.require_sound().is_ok())
}

fn read(path: &str, mut take: impl FnMut(&[u8])) -> Result<(), Box<dyn Error>> {
    let file = File::open(path).map_err(|error| format!("{path}: {error}"))?;
    for line in BufReader::new(file).split(b'\n') {
        take(&line?);
    }
    Ok(())
}

fn all_as_text(verdict: &StreamsVerdict) -> String {
    let logs = std::iter::once(&verdict.parent).chain(verdict.streams.values());
    let mut text: String = logs.map(|log| as_text(log) + "\n").collect();
    for (stream, fault) in &verdict.faults {
        text += &format!("fault         `{stream}`: {fault}\n");
    }
    let sound = verdict.require_sound();
    let sound = sound.map_or_else(|fault| format!("not sound: {fault}"), |()| "sound".to_owned());
    let known = verdict.streams.len();
    text + &format!("all           {sound}; {known} streams were read\n")
}

fn all_as_json(verdict: &StreamsVerdict) -> Value {
    let streams: serde_json::Map<String, Value> =
        verdict.streams.iter().map(|(stream, log)| (stream.clone(), as_json(log))).collect();
    let faults: serde_json::Map<String, Value> =
        verdict.faults.iter().map(|(stream, fault)| (stream.clone(), fault.to_string().into())).collect();
    json!({
        "sound": verdict.require_sound().is_ok(),
        "fault": verdict.require_sound().err().map(|fault| fault.to_string()),
        "parent": as_json(&verdict.parent),
        "streams": streams,
        "faults": faults,
    })
}

fn options(arguments: Vec<String>) -> Result<Options, Box<dyn Error>> {
    let mut options = Options::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} wants a value"));
        match argument.as_str() {
            "--parent" => options.parent = Some(value()?),
            "--stream" => options.stream = Some(value()?),
            "--vkey" => {
                let (name, key) = PublicKey::from_vkey(&value()?)?;
                options.stream.get_or_insert(name);
                options.keys.push(key);
            }
            "--checkpoint" => {
                let path = value()?;
                let note = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
                options.stream.get_or_insert(note.lines().next().unwrap_or_default().to_owned());
                options.checkpoints.push(note);
            }
            "--witness" => options.witnesses.push(Witness::from_vkey(&value()?)?),
            "--witnesses" => options.quorum = value()?.parse()?,
            "--format" => match value()?.as_str() {
                "text" => options.as_json = false,
                "json" => options.as_json = true,
                other => return Err(format!("unknown format `{other}`, expected `text` or `json`").into()),
            },
            "--now" => options.now = Some(value()?.parse()?),
            _ if argument.starts_with("--") => return Err(format!("unknown option `{argument}`").into()),
            _ => options.files.push(argument),
        }
    }
    Ok(options)
}

fn as_text(verdict: &LogVerdict) -> String {
    let integrity = match &verdict.integrity {
        Integrity::Intact { records } if verdict.closed => {
            format!("{records} records follow one another, the last closes the stream")
        }
        Integrity::Intact { records } => format!("{records} records follow one another"),
        Integrity::Broken { first_bad, fault } => format!("record {first_bad} is the first bad one: {fault}"),
    };
    let completeness = match verdict.completeness {
        Completeness::Reaches { size } => format!("every checkpoint is met, the newest has {size} records"),
        Completeness::Unanchored => "no checkpoint was compared: all could have been rewritten".to_owned(),
        Completeness::Short { records, size } => format!("{records} records, a checkpoint has {size}"),
        Completeness::Differs { size, matched } => {
            format!("differs from the checkpoint of {size} records, agrees on the first {matched}")
        }
    };
    let authorship = match verdict.authorship {
        Authorship::Signed => "every checkpoint is signed by a given key".to_owned(),
        Authorship::Vouched => "every checkpoint stands in a parent stream".to_owned(),
        Authorship::Unwitnessed { size, found, needed } => {
            format!("checkpoint of {size} records has {found} of {needed} witnesses")
        }
        Authorship::Unsigned => "there is no checkpoint".to_owned(),
        Authorship::Unchecked => "no key was given".to_owned(),
        Authorship::Unproven { size } => format!("checkpoint of {size} records is not signed by a given key"),
    };
    let freshness = match verdict.freshness {
        Freshness::Empty => "there is no record".to_owned(),
        Freshness::Aged { last, age } => format!("newest record is of {last}, {} s ago", age.as_secs()),
        Freshness::Ahead { last } => format!("newest record is of {last}, which is yet to come"),
    };
    let sound =
        verdict.require_sound().map_or_else(|fault| format!("not sound: {fault}"), |()| "sound".to_owned());
    format!(
        "stream        {}\nintegrity     {integrity}\ncompleteness  {completeness}\nauthorship    {authorship}\n\
         freshness     {freshness}\nwitnesses     {}\n\
         unanchored    {} records over {} s come after what the checkpoints cover\n\
         re-encoded    {} records\nverdict       {sound}\n",
        verdict.head.origin(),
        verdict.cosignatures.len(),
        verdict.unanchored,
        verdict.unanchored_span.as_secs(),
        verdict.re_encoded,
    )
}

fn as_json(verdict: &LogVerdict) -> Value {
    let integrity = match &verdict.integrity {
        Integrity::Intact { records } => json!({ "state": "intact", "records": records }),
        Integrity::Broken { first_bad, fault } => {
            json!({ "state": "broken", "first_bad": first_bad, "fault": fault.to_string() })
        }
    };
    let completeness = match verdict.completeness {
        Completeness::Reaches { size } => json!({ "state": "reaches", "size": size }),
        Completeness::Unanchored => json!({ "state": "unanchored" }),
        Completeness::Short { records, size } => {
            json!({ "state": "short", "records": records, "size": size })
        }
        Completeness::Differs { size, matched } => {
            json!({ "state": "differs", "size": size, "matched": matched })
        }
    };
    let authorship = match verdict.authorship {
        Authorship::Signed => json!({ "state": "signed" }),
        Authorship::Vouched => json!({ "state": "vouched" }),
        Authorship::Unwitnessed { size, found, needed } => {
            json!({ "state": "unwitnessed", "size": size, "found": found, "needed": needed })
        }
        Authorship::Unsigned => json!({ "state": "unsigned" }),
        Authorship::Unchecked => json!({ "state": "unchecked" }),
        Authorship::Unproven { size } => json!({ "state": "unproven", "size": size }),
    };
    let freshness = match verdict.freshness {
        Freshness::Empty => json!({ "state": "empty" }),
        Freshness::Aged { last, age } => {
            json!({ "state": "aged", "last": last.to_rfc3339(), "seconds": age.as_secs() })
        }
        Freshness::Ahead { last } => json!({ "state": "ahead", "last": last.to_rfc3339() }),
    };
    json!({
        "stream": verdict.head.origin(),
        "sound": verdict.require_sound().is_ok(),
        "fault": verdict.require_sound().err().map(|fault| fault.to_string()),
        "integrity": integrity,
        "completeness": completeness,
        "authorship": authorship,
        "freshness": freshness,
        "witnesses": verdict.cosignatures.iter().map(|said| json!({ "name": said.witness, "at": said.at.to_rfc3339() })).collect::<Vec<_>>(),
        "fork": verdict.fork.as_ref().map(|fork| [fork.older.text(), fork.newer.text()]),
        "closed": verdict.closed,
        "unanchored": verdict.unanchored,
        "unanchored_seconds": verdict.unanchored_span.as_secs(),
        "re_encoded": verdict.re_encoded,
        "head": verdict.head.text(),
    })
}
