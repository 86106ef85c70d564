//! Records as events of the Open Cybersecurity Schema Framework.
//!
//! One table says which class an event is and what it is about. Required attributes are always there; what a
//! record does not say is left out, never made up.

use serde_json::{Map, Value, json};

use super::super::{Event, Record};

/// The class of an event, with what is particular to it.
#[derive(Clone, Copy)]
enum Class {
    /// Entity Management: a kind of thing, the field that names it, what happened to it.
    Entity(&'static str, &'static str, Activity),
    /// API Activity: what was called.
    Call,
    /// User Access Management: privileges were assigned.
    Assign,
}

/// `activity_id` of Entity Management.
#[derive(Clone, Copy)]
enum Activity {
    Create,
    Read,
    Update,
    Delete,
    Activate,
    Deactivate,
}

/// Says what an event is. A host's own note is a call.
fn class(event: Option<Event>) -> Class {
    use Activity::{Activate, Create, Deactivate, Delete, Read, Update};
    use Class::{Assign, Call, Entity};
    let Some(event) = event else { return Call };
    match event {
        Event::GrantAuthorized => Assign,
        Event::RequestDecided | Event::GrantRedeemed | Event::StepRefused | Event::ReviewVoteRefused => Call,
        Event::StreamOpened => Entity("log", "stream", Create),
        Event::StreamClosed => Entity("log", "stream", Deactivate),
        Event::ChildOpened => Entity("log", "child", Create),
        Event::ChildCheckpointed => Entity("log", "child", Update),
        Event::ChildClosed => Entity("log", "child", Deactivate),
        Event::PolicyLoaded => Entity("policy", "policy", Activate),
        Event::ReviewOpened => Entity("review", "review", Create),
        Event::ReviewVoted
        | Event::ReviewCommented
        | Event::ReviewRefreshed
        | Event::ReviewReplanned
        | Event::ReviewStagePassed
        | Event::ReviewStageReopened
        | Event::ReviewStageSkipped
        | Event::ReviewReminded
        | Event::ReviewEscalated
        | Event::ReviewFellBack
        | Event::ReviewScheduled
        | Event::ReviewUnscheduled
        | Event::ReviewNeedsFresh => Entity("review", "review", Update),
        Event::ReviewApproved => Entity("review", "review", Activate),
        Event::ReviewRejected | Event::ReviewExpired | Event::ReviewWithdrawn | Event::ReviewSuperseded => {
            Entity("review", "review", Deactivate)
        }
        Event::GrantExtended => Entity("grant", "grant", Update),
        Event::GrantRecovered => Entity("grant", "grant", Read),
        Event::GrantRevoked => Entity("grant", "grant", Deactivate),
        Event::EmergencyOwed => Entity("emergency review", "req", Create),
        Event::EmergencySettled => Entity("emergency review", "req", Update),
        Event::KeyRotated => Entity("log key", "stream", Update),
        Event::RecordErased => Entity("personal data", "stream", Delete),
        Event::LogExported => Entity("log", "stream", Read),
    }
}

pub(super) fn event(source: &str, record: &Record) -> Value {
    let fields = super::fields(record);
    let class = class(Event::parse(record.event()));
    let mut out = Map::new();
    let (class_uid, category, activity, name) = match class {
        Class::Assign => (USER_ACCESS, IAM, 1, "Assign Privileges".to_owned()),
        Class::Entity(_, _, activity) => (ENTITY, IAM, activity.id(), activity.name().to_owned()),
        Class::Call => (API, APPLICATION, OTHER, record.event().to_owned()),
    };
    let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
    put("activity_id", activity.into());
    put("activity_name", name.into());
    put("category_uid", category.into());
    put("class_uid", class_uid.into());
    put("type_uid", class_uid.saturating_mul(100).saturating_add(activity).into());
    put("severity_id", severity(record, &fields).into());
    put("time", record.at().timestamp_millis().into());
    put("message", record.event().into());
    put("status_id", if failed(record, &fields) { 2 } else { 1 }.into());
    put("raw_data", String::from_utf8_lossy(record.bytes()).into());
    let product =
        json!({ "name": "Countersign", "vendor_name": "Countersign", "version": env!("CARGO_PKG_VERSION") });
    put(
        "metadata",
        json!({ "product": product, "version": VERSION, "uid": record.id(), "log_name": record.stream(),
                "sequence": record.seq() }),
    );
    if let Some(actor) = actor(&fields) {
        put("actor", json!({ "user": { "uid": actor } }));
    }
    match class {
        Class::Assign => {
            let claim =
                |name: &str| fields.get("claims").and_then(|claims| claims.get(name)).and_then(Value::as_str);
            put("user", json!({ "uid": claim("sub").unwrap_or(UNKNOWN) }));
            put("privileges", json!([claim("act").unwrap_or(UNKNOWN)]));
            let of = fields.get("claims").and_then(|claims| claims.get("res"));
            let mut of = of.map(named).unwrap_or_default();
            if of.is_empty() {
                of.push(json!({ "uid": UNKNOWN }));
            }
            put("resources", of.into());
        }
        Class::Entity(kind, field, _) => {
            let named = fields.get(field).map(|value| value.get("stream").unwrap_or(value));
            let uid = named.and_then(Value::as_str).or(record.review()).unwrap_or(record.id());
            put("entity", json!({ "type": kind, "uid": uid }));
        }
        Class::Call => {
            // Who is behind a host's own note is not recorded: the service is.
            let user = actor(&fields).map(|actor| json!({ "user": { "uid": actor } }));
            put("actor", user.unwrap_or_else(|| json!({ "app_name": source })));
            put("api", json!({ "operation": operation(record, &fields) }));
            put("src_endpoint", json!({ "svc_name": source }));
            let resources = resources(&fields);
            if !resources.is_empty() {
                put("resources", resources.into());
            }
        }
    }
    Value::Object(out)
}

impl Activity {
    fn id(self) -> u32 {
        match self {
            Self::Create => 1,
            Self::Read => 2,
            Self::Update => 3,
            Self::Delete => 4,
            Self::Activate => 10,
            Self::Deactivate => 11,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Read => "Read",
            Self::Update => "Update",
            Self::Delete => "Delete",
            Self::Activate => "Activate",
            Self::Deactivate => "Deactivate",
        }
    }
}

/// Finds who acted: whoever asked, voted, used or settled.
fn actor(fields: &Map<String, Value>) -> Option<String> {
    let by = fields.get("by").and_then(Value::as_str).map(str::to_owned);
    let claimed = || fields.get("claims")?.get("sub")?.as_str().map(str::to_owned);
    let voted = || person(fields.get("vote")?.get("approver")?);
    let asked = || person(fields.get("request")?.get("subject")?);
    by.or_else(claimed).or_else(voted).or_else(asked)
}

/// Names a person or a resource as `type/id`.
fn person(entity: &Value) -> Option<String> {
    let part = |name: &str| entity.get(name).and_then(Value::as_str);
    Some(format!("{}/{}", part("type")?, part("id")?))
}

/// Lists what is acted on: what a use names, or what was asked for.
fn resources(fields: &Map<String, Value>) -> Vec<Value> {
    let asked = |name: &str| fields.get("request").and_then(|request| request.get(name));
    let found = [fields.get("resource"), asked("resource"), asked("resources")];
    found.into_iter().flatten().map(named).find(|found| !found.is_empty()).unwrap_or_default()
}

/// Names one thing or a list of them, each written as text or as an entity.
fn named(value: &Value) -> Vec<Value> {
    let one = std::slice::from_ref(value);
    let items = value.as_array().map_or(one, Vec::as_slice).iter();
    let uids = items.filter_map(|item| item.as_str().map(str::to_owned).or_else(|| person(item)));
    uids.map(|uid| json!({ "uid": uid })).collect()
}

fn operation(record: &Record, fields: &Map<String, Value>) -> String {
    let of_grant = fields.get("action").and_then(Value::as_str);
    let asked = || fields.get("request")?.get("action")?.get("name")?.as_str();
    let called = || fields.get("call").and_then(Value::as_str);
    of_grant.or_else(asked).or_else(called).unwrap_or(record.event()).to_owned()
}

fn effect(fields: &Map<String, Value>) -> Option<&str> {
    fields.get("decision")?.get("effect")?.as_str()
}

/// Says whether what was asked for did not happen.
fn failed(record: &Record, fields: &Map<String, Value>) -> bool {
    let refused = [Event::StepRefused, Event::ReviewVoteRefused, Event::ReviewRejected, Event::ReviewExpired];
    refused.iter().any(|event| event.as_str() == record.event()) || effect(fields) == Some("deny")
}

/// Returns `severity_id`: of a decision its risk, of break-glass 4 (high), of what was refused 3 (medium), of all
/// else 1 (informational).
fn severity(record: &Record, fields: &Map<String, Value>) -> u32 {
    let risk = fields.get("decision").and_then(|decision| decision.get("risk")).and_then(Value::as_str);
    match (risk, Event::parse(record.event())) {
        (Some("low"), _) => 2,
        (Some("medium"), _) => 3,
        (Some("high"), _) => 4,
        (Some("critical"), _) => 5,
        (_, Some(Event::EmergencyOwed | Event::RecordErased)) => 4,
        _ if failed(record, fields) => 3,
        _ => 1,
    }
}

/// The version of the schema that events are written for.
const VERSION: &str = "1.8.0";

const UNKNOWN: &str = "unknown";

/// `activity_id` of what no class lists.
const OTHER: u32 = 99;

const IAM: u32 = 3;
const APPLICATION: u32 = 6;
const ENTITY: u32 = 3004;
const USER_ACCESS: u32 = 3005;
const API: u32 = 6003;
