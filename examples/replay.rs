//! Decides the requests of a log again: under the policies that decided them, and under a new one.
//!
//! An auditor runs it on a log and its policies to see that every decision was what the policy says; a policy
//! author, with `--under`, to see what a new policy would have changed.

#![allow(clippy::disallowed_methods, reason = "a program has files")]

#[path = "documents/load.rs"]
mod documents;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use countersign::testing::policy_diff;
use countersign::{
    DisclosureReport, Disclosures, Integrity, Lifecycle, LogVerifier, Openings, Policy, Replay, Replayed,
    Request, Unreplayable,
};
use documents::load;
use serde_json::{Value, json};

const HELP: &str = "\
Decides the requests of a log again.

Usage: replay LOG --policy FILE... [--openings FILE [--all]] [--under NEW]
              [--stream NAME] [--quiet]

Prints a JSON line for each decision that does not come out the same and for each
record that breaks the order of things (a grant without a quorum, a second use …),
and a last line with the counts. LOG holds one record a line. FILE and NEW are
policies in TOML: a file, the files of several documents separated by commas, or a
folder. The log is verified as it is read, but its checkpoints are not: use
`verify_log` for that.

Exit code: 0 if every decision is the same and nothing breaks the order, 1 if a
decision differs, a record is bad, or an opening is not what was committed to; 2 if
the log could not be read; 3 if nothing of this was found, but some decisions could
not be made again.

Options:
  --policy FILE      a policy that decided; may be given several times
  --openings FILE    what opens the personal values, one opening a line
  --all              these are all openings: what none of them opens was erased
  --under NEW        tell what this policy would have changed, by groups
  --stream NAME      the stream; else that of the first record
  --quiet            print the last line alone
  --help             print this help
";

#[derive(Default)]
struct Options {
    log: Option<String>,
    policies: Vec<Policy>,
    openings: Openings,
    under: Option<Policy>,
    stream: Option<String>,
    quiet: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<u8, Box<dyn Error>> {
    let options = options(arguments)?;
    let path = options.log.ok_or("no log given; see --help")?;
    let stream = match options.stream {
        Some(stream) => stream,
        None => stream_of(&path)?,
    };
    let mut log = LogVerifier::new(&stream);
    let mut replay = Replay::new(options.policies.clone()).with_openings(options.openings.clone());
    let mut lifecycle = Lifecycle::new().with_openings(options.openings.clone());
    let mut disclosures = Disclosures::new(options.openings);
    // Requests by the policy that decided them.
    let mut asked: BTreeMap<String, Vec<(Request, DateTime<Utc>)>> = BTreeMap::new();
    let (mut reasons, mut newest) = (BTreeMap::<&str, u64>::new(), DateTime::<Utc>::MIN_UTC);
    let say = |line: Value| {
        if !options.quiet {
            println!("{line}");
        }
    };
    for line in open(&path)?.split(b'\n') {
        let line = line?;
        let Some(record) = log.push(&line) else { continue };
        newest = newest.max(record.at());
        lifecycle.push(&record);
        disclosures.push(&record);
        let Some(replayed) = replay.push(&record) else { continue };
        if options.under.is_some()
            && let Some(request) = replay.request(&record)
        {
            let content = record.content();
            let policy = content.get("decision").and_then(|decision| decision.get("policy")?.as_str());
            asked.entry(policy.unwrap_or_default().to_owned()).or_default().push((request, record.at()));
        }
        if let Replayed::Unreplayable(why) = &replayed {
            let count = reasons.entry(word(why)).or_default();
            *count = count.saturating_add(1);
        }
        if replayed != Replayed::Same {
            let text = match &replayed {
                Replayed::Different(difference) => difference.to_string(),
                Replayed::Unreplayable(why) => why.to_string(),
                Replayed::Same => String::new(),
            };
            say(json!({ "record": record.seq(), "at": record.at(), "replay": replayed, "text": text }));
        }
    }
    let verdict = log.finish(newest);
    let findings = lifecycle.finish();
    for finding in &findings {
        say(json!({ "record": finding.seq, "finding": finding.violation, "text": finding.to_string() }));
    }
    let (report, disclosed) = (replay.finish(), disclosures.finish());
    let broken = match &verdict.integrity {
        Integrity::Intact { .. } => None,
        Integrity::Broken { first_bad, fault } => {
            Some(json!({ "record": first_bad, "fault": fault.to_string() }))
        }
    };
    let under = options.under.as_ref().map(|new| changed(&options.policies, new, asked));
    let bad = report.different > 0
        || report.unfounded > 0
        || broken.is_some()
        || !findings.is_empty()
        || !disclosed.is_sound();
    println!(
        "{}",
        json!({
            "stream": stream,
            "same": report.same,
            "different": report.different,
            "first_difference": report.first_difference,
            "unreplayable": report.unreplayable,
            "because": reasons,
            "grants": { "founded": report.founded, "unfounded": report.unfounded, "unjudged": report.unjudged },
            "findings": findings.len(),
            "openings": as_json(&disclosed),
            "broken": broken,
            "under": under,
        })
    );
    let incomplete = report.unreplayable > 0 || report.unjudged > 0;
    Ok(if bad {
        1
    } else if incomplete {
        3
    } else {
        0
    })
}

/// Compares each policy of the log with a new one, over what it had decided.
fn changed(
    policies: &[Policy],
    new: &Policy,
    mut asked: BTreeMap<String, Vec<(Request, DateTime<Utc>)>>,
) -> Vec<Value> {
    let diffs = policies.iter().filter_map(|old| {
        let diff = policy_diff(old, new, asked.remove(old.digest())?);
        Some(serde_json::to_value(diff).unwrap_or_default())
    });
    diffs.collect()
}

fn as_json(report: &DisclosureReport) -> Value {
    json!({
        "disclosed": report.disclosed,
        "withheld": report.withheld,
        "erased": report.erased,
        "erased_without_a_record": report.unrecorded.len(),
        "mismatched": report.mismatched.len(),
        "not_deleted": report.undeleted.len(),
        "unfounded": report.unfounded.len(),
    })
}

fn word(why: &Unreplayable) -> &'static str {
    match why {
        Unreplayable::PolicyNotGiven { .. } => "policy_not_given",
        Unreplayable::Erased { .. } => "erased",
        Unreplayable::Mismatch { .. } => "mismatch",
        Unreplayable::OtherEngine { .. } => "other_engine",
        Unreplayable::NotRecorded => "not_recorded",
        Unreplayable::ByGate => "by_gate",
        _ => "malformed",
    }
}

fn open(path: &str) -> Result<BufReader<File>, Box<dyn Error>> {
    Ok(BufReader::new(File::open(path).map_err(|error| format!("{path}: {error}"))?))
}

fn stream_of(path: &str) -> Result<String, Box<dyn Error>> {
    let mut first = String::new();
    open(path)?.read_line(&mut first).map_err(|error| format!("{path}: {error}"))?;
    let record: Value = serde_json::from_str(&first).map_err(|error| format!("{path}: {error}"))?;
    let stream = record.get("stream").and_then(Value::as_str);
    Ok(stream.ok_or_else(|| format!("{path}: the first record names no stream"))?.to_owned())
}

fn options(arguments: &[String]) -> Result<Options, Box<dyn Error>> {
    let (mut options, mut all) = (Options::default(), false);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} wants a value"));
        match argument.as_str() {
            "--policy" => options.policies.push(load([value()?.as_str()])?),
            "--under" => options.under = Some(load([value()?.as_str()])?),
            "--stream" => options.stream = Some(value()?.clone()),
            "--openings" => {
                let path = value()?;
                let lines = open(path)?.split(b'\n').collect::<Result<Vec<_>, _>>()?;
                options.openings = Openings::read(lines).map_err(|error| format!("{path}: {error}"))?;
            }
            "--all" => all = true,
            "--quiet" => options.quiet = true,
            _ if argument.starts_with("--") => return Err(format!("unknown option `{argument}`").into()),
            _ if options.log.is_some() => return Err("more than one log given".into()),
            _ => options.log = Some(argument.clone()),
        }
    }
    if all {
        options.openings = options.openings.all();
    }
    Ok(options)
}
