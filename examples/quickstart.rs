//! The tour: one request all the way through, and every way in which it is refused.
//!
//! Reads the shipped policy and the request files beside it, and keeps its audit log in a JSON Lines file.
//! Time is a literal, so that the story is the same every day; keys and ids are random. Every line tells
//! what the library returned.

#![allow(clippy::disallowed_methods, reason = "a program has files")]

use std::error::Error;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use countersign::{
    Action, Attempt, Authorization, Decision, Dialect, Gate, Grant, GrantVerifier, Integrity, KeySet, Ledger,
    LogVerdict, LogVerifier, Outcome, Payload, Policy, Replay, Request, Review, SigningKey, Stamp, Step,
    Subject, Vote,
};

const ISSUER: &str = "https://jit.example";
const STREAM: &str = "quickstart";

type Fallible<T> = Result<T, Box<dyn Error>>;

/// A host: it owns the clock, the randomness, the key and the file. The library has none of them.
struct Host {
    gate: Gate,
    ledger: Ledger,
    file: File,
    path: PathBuf,
    key: SigningKey,
    now: DateTime<Utc>,
}

impl Host {
    fn open(path: PathBuf) -> Fallible<Self> {
        let policy =
            Policy::from_documents([("production-debugging.toml", &*read("production-debugging.toml")?)])?;
        Ok(Self {
            gate: Gate::new(policy, ISSUER),
            ledger: Ledger::create(STREAM)?,
            file: File::create(&path)?,
            path,
            key: SigningKey::from_seed(random()?),
            now: "2026-11-23T10:00:00Z".parse()?,
        })
    }

    /// Persist, then believe: the result comes out of a step only after its records are in the file.
    fn record<T: 'static>(&mut self, call: impl FnOnce(&Gate, Stamp) -> Step<T>) -> Fallible<T> {
        self.now = self.now.checked_add_signed(TimeDelta::seconds(1)).ok_or("time has an end")?;
        let step = call(&self.gate, Stamp::new(self.now, random()?));
        let staged = self.ledger.stage(step)?;
        self.file.write_all(staged.lines())?;
        self.file.sync_data()?;
        Ok(staged.commit())
    }

    fn submit(&mut self, request: &Request) -> Fallible<Outcome> {
        Ok(self.record(|gate, stamp| gate.submit(request.clone(), stamp))??)
    }

    fn verifier(&self, audience: &str) -> Fallible<GrantVerifier> {
        let published = KeySet::new([self.key.public()]).to_jwks();
        Ok(GrantVerifier::new(ISSUER, audience, KeySet::from_jwks(&published)?))
    }
}

fn main() -> Fallible<()> {
    let folder = std::env::temp_dir().join("countersign-quickstart");
    fs::create_dir_all(&folder)?;
    let mut host = Host::open(folder.join("audit.jsonl"))?;
    title("A policy decides");
    let policy = host.gate.policy();
    tell("policy", format!("{}, {}", policy.name(), policy.digest()));
    tell("audit log", host.path.display());

    let logs = request("staging-logs.json")?;
    let Outcome::Allow(authorization) = host.submit(&logs)? else { return unexpected("staging logs") };
    granted("read logs on staging", &authorization, &host);
    let select = request("replica-select.json")?;
    let Outcome::Allow(authorization) = host.submit(&select)? else { return unexpected("the select") };
    granted(payload(&select), &authorization, &host);

    title("People decide");
    let delete = request("delete-orders.json")?;
    let Outcome::Review(review) = host.submit(&delete)? else { return unexpected("the delete") };
    decided(payload(&delete), review.decision());
    let (review, authorization) = approve(&mut host, review, &delete)?;
    let grant = authorization.sign(&host.key);
    tell("grant", format!("{} until {}", grant.id(), grant.expires_at()));

    title("A tool runs exactly what was approved");
    use_grant(&mut host, &grant, &delete)?;

    title("Break-glass");
    let emergency = request("break-glass.json")?;
    let Outcome::Allow(authorization) = host.submit(&emergency)? else { return unexpected("the emergency") };
    granted(payload(&emergency), &authorization, &host);
    let owed = last_record(&host, "emergency.owed")?;
    tell("owed", format!("a review by somebody else, due {}", text(&owed, "due")));

    title("A restart");
    let checkpoint = host.ledger.checkpoint().sign(&host.key);
    restart(&mut host, &review)?;

    title("An auditor checks the log");
    audit(&host, &checkpoint)
}

/// The requester's own vote is refused; two others approve.
fn approve(host: &mut Host, review: Review, request: &Request) -> Fallible<(Review, Authorization)> {
    let own = Vote::approve(request.subject().clone()).with_comment("trust me");
    match host.record(|gate, stamp| gate.vote(&review, own, stamp))? {
        Ok(_) => return unexpected("an own approval"),
        Err(error) => refuse("own approval", error),
    }
    let people = ["bo", "cy"].map(|name| Subject::new("user", name).with("groups", ["sre"]));
    let mut review = review;
    for approver in people {
        let name = approver.id().to_owned();
        let vote = Vote::approve(approver).with_comment("the table is a copy, it can go");
        match host.record(|gate, stamp| gate.vote(&review, vote, stamp))?? {
            Outcome::Allow(authorization) => {
                tell(&format!("{name} approves"), "the quorum is there");
                return Ok((review, authorization));
            }
            Outcome::Review(next) => {
                tell(&format!("{name} approves"), format!("the review is {}", next.state()));
                review = next;
            }
            other => return unexpected(other.effect().as_str()),
        }
    }
    unexpected("two approvals without a quorum")
}

/// The grant verifies offline, for this statement, once, and not for ever.
fn use_grant(host: &mut Host, grant: &Grant, request: &Request) -> Fallible<()> {
    let resource = request.resource();
    let verifier = host.verifier(&resource.reference())?;
    let attempt = |sql: &str| {
        let action =
            Action::new(request.action().name()).with_payload(Payload::sql(Dialect::PostgreSql, sql));
        Attempt::new(action, resource.clone())
    };
    let (sql, now) = (payload(request), host.now);

    let altered = sql.replacen('o', "0", 1);
    match verifier.verify(grant.token(), attempt(&altered), now) {
        Ok(_) => return unexpected("another statement"),
        Err(error) => refuse(&altered, error),
    }
    let verified = verifier.verify(grant.token(), attempt(sql), now)?;
    tell("verified", format!("for {}", verified.subject()));
    let permit = host.record(|gate, stamp| gate.redeem(verified, stamp))??;
    tell("run", permit.payload());

    let again = verifier.verify(grant.token(), attempt(sql), host.now)?;
    match host.record(|gate, stamp| gate.redeem(again, stamp))? {
        Ok(_) => return unexpected("a second use"),
        Err(error) => refuse("second use", error),
    }
    match verifier.verify(grant.token(), attempt(sql), grant.expires_at()) {
        Ok(_) => unexpected("a use after expiry"),
        Err(error) => {
            refuse("late use", error);
            Ok(())
        }
    }
}

/// All state comes back from the file alone.
fn restart(host: &mut Host, review: &Review) -> Fallible<()> {
    let log = fs::read(&host.path)?;
    let resumed = Ledger::resume(STREAM, &log)?;
    let reviews = resumed.reviews()?;
    let found = reviews.iter().find(|found| found.id() == review.id()).ok_or("the review is lost")?;
    tell(
        "resumed",
        format!("{} records, review {} is {}", resumed.records().len(), found.id(), found.state()),
    );
    let replayed = found.clone();
    host.ledger = resumed.ledger;
    host.file = File::options().append(true).open(&host.path)?;
    if let Outcome::Allow(authorization) = host.record(|gate, stamp| gate.recover(&replayed, stamp))?? {
        tell("recovered", format!("grant {} again, and no new one", authorization.id()));
    }
    Ok(())
}

/// The log verifies with a checkpoint, decides the same again, and shows a flipped bit.
fn audit(host: &Host, checkpoint: &str) -> Fallible<()> {
    let mut log = fs::read(&host.path)?;
    let (verdict, replay) = verify(host, &log, checkpoint)?;
    verdict.require_sound()?;
    if let Integrity::Intact { records } = verdict.integrity {
        tell("log", format!("{records} records, {} not covered by the checkpoint", verdict.unanchored));
    }
    let report = replay.finish();
    tell("replay", format!("{} decisions the same, {} different", report.same, report.different));

    let place = log.len() / 2;
    if let Some(byte) = log.get_mut(place) {
        *byte ^= 1;
    }
    let (verdict, _) = verify(host, &log, checkpoint)?;
    let fault = verdict.require_sound().err().ok_or("a flipped bit was not found")?;
    refuse(&format!("bit flipped in byte {place}"), fault);
    Ok(())
}

fn verify(host: &Host, log: &[u8], checkpoint: &str) -> Fallible<(LogVerdict, Replay)> {
    let mut verifier = LogVerifier::new(STREAM).with_key(host.key.public()).with_checkpoint(checkpoint)?;
    let mut replay = Replay::new([host.gate.policy().clone()]);
    for line in log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        if let Some(record) = verifier.push(line) {
            replay.push(&record);
        }
    }
    Ok((verifier.finish(host.now), replay))
}

fn granted(what: &str, authorization: &Authorization, host: &Host) {
    decided(what, authorization.decision());
    let left = authorization.decision().duration().unwrap_or(Duration::ZERO);
    tell(
        "grant",
        format!(
            "{} for {} minutes, recorded as number {}",
            authorization.id(),
            left.as_secs() / 60,
            host.ledger.next_seq().saturating_sub(1)
        ),
    );
}

fn decided(what: &str, decision: &Decision) {
    let rules: Vec<&str> = decision.rules().collect();
    tell(decision.effect().as_str(), format!("{what} ({} risk; {})", decision.risk(), rules.join(", ")));
}

fn last_record(host: &Host, event: &str) -> Fallible<serde_json::Value> {
    let log = fs::read_to_string(&host.path)?;
    let mut records = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    Ok(records.rfind(|record| text(record, "event") == event).ok_or("the record is not there")?)
}

fn text<'r>(record: &'r serde_json::Value, name: &str) -> &'r str {
    record.get(name).and_then(serde_json::Value::as_str).unwrap_or_default()
}

fn request(name: &str) -> Fallible<Request> {
    Ok(Request::from_trusted_json(read(&format!("requests/{name}"))?)?)
}

fn payload(request: &Request) -> &str {
    request.action().payload().map_or_else(|| request.action().name(), Payload::text)
}

fn read(name: &str) -> Fallible<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies").join(name);
    Ok(fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?)
}

fn random() -> Fallible<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

fn unexpected<T>(what: &str) -> Fallible<T> {
    Err(format!("unexpected outcome of {what}").into())
}

fn title(text: &str) {
    println!("\n{}", paint("1", text));
}

fn tell(label: &str, text: impl Display) {
    println!("  {} {text}", paint("32", &format!("{label:<14}")));
}

fn refuse(label: &str, error: impl Display) {
    println!("  {} {label}: {error}", paint("31", &format!("{:<14}", "refused")));
}

/// Colours text on a terminal and nowhere else.
fn paint(code: &str, text: &str) -> String {
    if std::io::stdout().is_terminal() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}
