//! Records as other programs want them.
//!
//! Puts a record into the envelope of CloudEvents 1.0, or into a class of OCSF 1.8.0, for queues and SIEMs. Each
//! carries the record's own bytes or content, so nothing is lost; neither is a proof, which only the log is.

mod controls;
mod ocsf;

use serde_json::{Map, Value, json};

use super::{Event, Record, VerifiedRecord};
use crate::hex;

pub use controls::Control;

/// Writes records for other programs.
///
/// ```
/// use countersign::{Export, Ledger, Stamp, Step};
/// # let now: chrono::DateTime<chrono::Utc> = "2026-11-23T10:00:00Z".parse()?;
/// let mut ledger = Ledger::create("orders-gate")?;
/// let staged = ledger.stage(Step::note("deploy.started", 7.into(), Stamp::new(now, [7; 32])))?;
/// let export = Export::new("https://gate.example");
///
/// let event = export.cloud_event(&staged.records()[1]);
/// assert_eq!(event["specversion"], "1.0");
/// assert_eq!(event["type"], "countersign.host.deploy.started");
/// assert_eq!(event["data"]["note"], 7);
///
/// let event = export.ocsf(&staged.records()[1]);
/// assert_eq!(event["class_uid"], 6003);
/// # staged.commit();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Export {
    source: String,
}

impl Export {
    /// Begins with where the records come from: an absolute URI of the service, without a slash at its end.
    #[must_use]
    pub fn new(source: &str) -> Self {
        Self { source: source.to_owned() }
    }

    /// Writes a record as an event of CloudEvents 1.0 in JSON. Its `source` is the service's URI and the stream,
    /// its `id` the record's number there, its `type` the event behind `countersign.`, its `data` the record.
    #[must_use]
    pub fn cloud_event(&self, record: &Record) -> Value {
        let mut event = json!({
            "specversion": "1.0",
            "id": record.seq().to_string(),
            "source": format!("{}/{}", self.source, escaped(record.stream())),
            "type": format!("countersign.{}", record.event()),
            "time": record.at().to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
            "datacontenttype": "application/json",
            "leaf": format!("sha-256:{}", hex::encode(&record.leaf())),
            "data": fields(record),
        });
        let content = record.content();
        let subject = record.review().or_else(|| content.get("req").and_then(Value::as_str));
        if let (Some(subject), Some(event)) = (subject, event.as_object_mut()) {
            event.insert("subject".to_owned(), subject.into());
        }
        event
    }

    /// Writes a record as an event of OCSF 1.8.0: what gives a privilege to somebody is User Access Management
    /// (3005), what changes a review, a grant, a policy, a key or the log itself is Entity Management (3004), and
    /// what asks, uses, is refused, or is a host's own note is API Activity (6003). `raw_data` is the record.
    #[must_use]
    pub fn ocsf(&self, record: &Record) -> Value {
        ocsf::event(&self.source, record)
    }
}

impl From<&VerifiedRecord<'_>> for Record {
    /// Copies the canonical bytes.
    fn from(verified: &VerifiedRecord<'_>) -> Self {
        verified.to_record()
    }
}

impl Event {
    /// Lists what the event is evidence of, by framework. It supports a control and does not fulfil it.
    #[must_use]
    pub fn controls(self) -> &'static [Control] {
        controls::of(self)
    }
}

fn fields(record: &Record) -> Map<String, Value> {
    serde_json::from_slice(record.bytes()).unwrap_or_default()
}

/// Writes a stream's name as one part of a URI's path (RFC 3986, section 2.1).
fn escaped(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                out.push('%');
                out.push_str(&hex::encode(&[byte]).to_ascii_uppercase());
            }
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "tests fail by panicking")]
mod tests;
