//! Did everything happen in its order?
//!
//! Chain and signatures show that a log was not changed after it was written. Whether its writer kept the rules
//! is another question: every grant had its request, its decision, its policy and its quorum, every use its
//! grant, and nothing happened twice. It is answered from the records alone, without deciding anything again.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json, json};

use super::finding::{Finding, Violation};
use crate::audit::{Event, Openings, Record, VerifiedRecord};
use crate::limits;
use crate::request::{Resource, Subject};
use crate::review::{Review, ReviewError};
use crate::text::quote;

/// Looks whether the records of one stream, or of several, keep the order of things.
///
/// Give it verified records; of several streams each one's in their order, in any order of streams. What has its
/// cause in another stream is looked for in all that was given.
///
/// ```
/// use countersign::{Lifecycle, LogVerifier};
///
/// let mut log = LogVerifier::new("orders-gate");
/// let mut lifecycle = Lifecycle::new();
/// # let file: &[u8] = b"";
/// for line in file.split_inclusive(|byte| *byte == b'\n') {
///     if let Some(record) = log.push(line) {
///         lifecycle.push(&record);
///     }
/// }
/// assert!(lifecycle.finish().is_empty());
/// ```
#[derive(Debug, Default)]
pub struct Lifecycle {
    openings: Openings,
    findings: Vec<Finding>,
    requests: HashMap<String, Asked>,
    /// Requests by id, of which a review is about to open.
    decided: HashMap<String, Record>,
    reviews: HashMap<String, Followed>,
    grants: HashMap<String, Granted>,
    /// The first grant of each request: the root of those that were delegated.
    roots: HashMap<String, String>,
    authorizations: Vec<(Place, Authorized)>,
    uses: Vec<(Place, Used)>,
    keys: HashMap<String, Place>,
}

type Place = (String, u64);

/// What is known of a request.
#[derive(Debug)]
struct Asked {
    allowed: bool,
    policy: Json,
    /// Of the grant's claims those that the request fixes.
    claims: [Json; 3],
    seq: Place,
}

/// A review, and whether its records still lead somewhere.
#[derive(Debug)]
struct Followed {
    /// `None` where its records cannot be followed.
    review: Option<Box<Review>>,
    /// Values are missing, so that its votes cannot be counted.
    closed: bool,
    quorum: bool,
    ended: bool,
    authorized: bool,
    records: HashSet<Place>,
}

#[derive(Debug)]
struct Authorized {
    request: String,
    review: Option<String>,
    quorum: Option<bool>,
    policy: Json,
    claims: [Json; 3],
}

#[derive(Debug)]
struct Granted {
    nbf: i64,
    exp: i64,
    uses: Option<u64>,
    claims: [Json; 3],
    /// How other records cite the authorization.
    place: Json,
}

#[derive(Debug)]
struct Used {
    grant: String,
    request: String,
    at: DateTime<Utc>,
    claims: [Json; 3],
    /// Where the grant says that it was authorized.
    cause: Option<Json>,
}

impl Lifecycle {
    /// Begins with no record.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what opens the personal values of the log. Votes that nothing opens are not counted, and their
    /// reviews not blamed.
    #[must_use]
    pub fn with_openings(self, openings: Openings) -> Self {
        Self { openings, ..self }
    }

    /// Takes the next record of a stream.
    pub fn push(&mut self, record: &VerifiedRecord<'_>) {
        let here = (record.stream().to_owned(), record.seq());
        if let Some(key) = record.key() {
            match self.keys.get(key) {
                Some((stream, seq)) => {
                    let (stream, seq) = (stream.clone(), *seq);
                    self.find(&here, Violation::KeyTwice { stream, seq });
                }
                None => {
                    self.keys.insert(key.to_owned(), here.clone());
                }
            }
        }
        let event = Event::parse(record.event());
        let content = record.content();
        match event {
            Some(Event::RequestDecided) => self.decided(&here, &content),
            Some(Event::GrantAuthorized) => self.authorized(&here, record, &content),
            Some(Event::GrantRedeemed) => {
                let claims = ["by", "action", "resource"].map(|name| member(&content, name));
                self.uses.push((
                    here.clone(),
                    Used {
                        grant: text(&content, "grant"),
                        request: text(&content, "req"),
                        at: record.at(),
                        claims,
                        cause: record.cause().map(|cause| place(cause.stream(), cause.seq(), &cause.leaf())),
                    },
                ));
            }
            Some(Event::RecordErased) => self.erased(&here, &content),
            _ => {}
        }
        if let (Some(review), Some(event)) = (record.review(), event) {
            self.follow(&here, review, event, record);
        }
    }

    /// Says what was found, by stream and number.
    #[must_use]
    pub fn finish(mut self) -> Vec<Finding> {
        self.judge_grants();
        self.judge_uses();
        self.findings.sort();
        self.findings
    }

    fn find(&mut self, (stream, seq): &Place, violation: Violation) {
        self.findings.push(Finding { stream: stream.clone(), seq: *seq, violation });
    }

    fn decided(&mut self, here: &Place, content: &Map<String, Json>) {
        let decision = member(content, "decision");
        let request = member(content, "request");
        let part = |name: &str| request.get(name).cloned().unwrap_or_default();
        let asked = Asked {
            allowed: decision.get("effect").and_then(Json::as_str) == Some("allow"),
            policy: decision.get("policy").cloned().unwrap_or_default(),
            claims: [
                Json::from(subject(part("subject"))),
                part("action").get("name").cloned().unwrap_or_default(),
                resources(&request),
            ],
            seq: here.clone(),
        };
        self.requests.entry(text(content, "req")).or_insert(asked);
    }

    fn authorized(&mut self, here: &Place, record: &VerifiedRecord<'_>, content: &Map<String, Json>) {
        let claims = member(content, "claims");
        let claim = |name: &str| claims.get(name).cloned().unwrap_or_default();
        let fixed = ["sub", "act", "res"].map(claim);
        let quorum = record.review().map(|review| match self.reviews.get(review) {
            // What nobody can count again is not blamed.
            Some(followed) => followed.quorum || followed.closed,
            None => false,
        });
        let request = text(content, "req");
        let review = record.review().map(str::to_owned);
        let policy = member(content, "policy");
        let number = |name: &str| claims.get(name).and_then(Json::as_i64).unwrap_or_default();
        let uses = claims.get("con").and_then(|con| con.get("max_uses")?.as_u64());
        let place = place(&here.0, here.1, &record.leaf());
        let granted = Granted { nbf: number("nbf"), exp: number("exp"), uses, claims: fixed.clone(), place };
        let id = claim("jti").as_str().unwrap_or_default().to_owned();
        self.roots.entry(request.clone()).or_insert_with(|| id.clone());
        self.grants.entry(id).or_insert(granted);
        let authorized = Authorized { request, review, quorum, policy, claims: fixed };
        self.authorizations.push((here.clone(), authorized));
    }

    fn erased(&mut self, here: &Place, content: &Map<String, Json>) {
        let records = member(content, "records");
        let named =
            |record: &Json| Some((record.get("stream")?.as_str()?.to_owned(), record.get("seq")?.as_u64()?));
        let places: HashSet<Place> = records.as_array().into_iter().flatten().filter_map(named).collect();
        let open: Vec<String> = self
            .reviews
            .iter()
            .filter(|(_, followed)| !followed.ended && !followed.records.is_disjoint(&places))
            .map(|(id, _)| quote(id))
            .collect();
        for review in open {
            self.find(here, Violation::ErasedTooEarly { review });
        }
    }

    fn follow(&mut self, here: &Place, id: &str, event: Event, record: &VerifiedRecord<'_>) {
        let Ok(read) = Record::read(record.bytes()) else { return };
        if event == Event::RequestDecided {
            self.decided.insert(id.to_owned(), read);
            return;
        }
        if event == Event::ReviewOpened {
            let decided = self.decided.remove(id);
            let closed =
                decided.as_ref().is_some_and(|record| !record.opened(&self.openings).closed.is_empty());
            let review = decided.as_ref().and_then(|decided| Review::opened(decided, &read, &self.openings));
            if review.is_none() && !closed {
                let because = "its request is not recorded before it".to_owned();
                self.find(here, Violation::OutOfPlace { because });
            }
            let first = decided.map(|record| (record.stream().to_owned(), record.seq()));
            let records = first.into_iter().chain([here.clone()]).collect();
            let review = review.map(Box::new);
            let followed =
                Followed { review, closed, quorum: false, ended: false, authorized: false, records };
            self.reviews.insert(id.to_owned(), followed);
            return;
        }
        let Some(followed) = self.reviews.get_mut(id) else { return };
        followed.records.insert(here.clone());
        let changes = !matches!(
            event,
            Event::ReviewVoteRefused | Event::StepRefused | Event::GrantRecovered | Event::GrantRevoked
        );
        // An approval may be taken back after all, which revokes the grant and grants nothing.
        let withdraws =
            || record.content().get("vote").and_then(|vote| vote.get("verdict")) == Some(&json!("withdraw"));
        let takes_back = event == Event::ReviewVoted && followed.authorized && withdraws();
        if changes && followed.ended && !takes_back {
            let event = quote(record.event());
            self.find(here, Violation::AfterTheEnd { event });
            return;
        }
        followed.ended |= event.ends_a_review();
        followed.authorized |= event == Event::GrantAuthorized;
        let Some(review) = &mut followed.review else { return };
        if event == Event::ReviewApproved {
            followed.quorum = review.has_quorum(record.at());
        }
        match review.follow(&read, &self.openings) {
            Ok(()) => {}
            Err(ReviewError::Closed { .. } | ReviewError::Mismatch { .. }) => {
                followed.review = None;
                followed.closed = true;
            }
            Err(error) => {
                let because = error.to_string();
                self.find(here, Violation::OutOfPlace { because });
            }
        }
    }

    fn judge_grants(&mut self) {
        let mut authorized = HashSet::new();
        for (here, grant) in std::mem::take(&mut self.authorizations) {
            let mut found = Vec::new();
            match self.requests.get(&grant.request) {
                // In its own stream a cause comes first.
                Some(asked) if asked.seq.0 != here.0 || asked.seq.1 < here.1 => {
                    if grant.review.is_none() && !asked.allowed {
                        found.push(Violation::NotAllowed);
                    }
                    if grant.policy != asked.policy {
                        let [found_policy, expected] = [&grant.policy, &asked.policy]
                            .map(|policy| quote(policy.as_str().unwrap_or_default()));
                        found.push(Violation::Policy { found: found_policy, expected });
                    }
                    let claims =
                        ["sub", "act", "res"].into_iter().zip(grant.claims.iter().zip(&asked.claims));
                    let differs = claims.into_iter().find(|(_, (granted, asked))| granted != asked);
                    found.extend(differs.map(|(claim, _)| Violation::NotAsked { claim }));
                }
                _ => found.push(Violation::NoRequest),
            }
            let other = grant.review.as_ref().is_some_and(|review| *review != grant.request);
            if grant.quorum == Some(false) || other {
                found.push(Violation::NoQuorum);
            }
            if !authorized.insert(grant.request) {
                found.push(Violation::GrantedTwice);
            }
            found.into_iter().for_each(|violation| self.find(&here, violation));
        }
    }

    fn judge_uses(&mut self) {
        let mut uses: BTreeMap<String, u64> = BTreeMap::new();
        for (here, used) in std::mem::take(&mut self.uses) {
            // A delegated grant stands in no log: it is a use of its root.
            let root = self.roots.get(&used.request).unwrap_or(&used.grant);
            let own = self.grants.get(&used.grant);
            let Some(grant) = own.or_else(|| self.grants.get(root)) else {
                self.find(&here, Violation::NoGrant);
                continue;
            };
            let mut violations = Vec::new();
            let count = uses.entry(root.clone()).or_default();
            *count = count.saturating_add(1);
            if let Some(allowed) = grant.uses.filter(|allowed| *count > *allowed) {
                violations.push(Violation::UsedUp { found: *count, allowed });
            }
            if used.cause.is_some_and(|cause| cause != grant.place) {
                violations.push(Violation::Cause);
            }
            // A tool's clock may be off by as much as a verifier admits.
            let leeway = limits::LEEWAY_SECONDS;
            let at = used.at.timestamp();
            if at < grant.nbf.saturating_sub(leeway) || at >= grant.exp.saturating_add(leeway) {
                violations.push(Violation::OutOfTime);
            }
            let fields = ["by", "action", "resource"].into_iter().zip(used.claims.iter().zip(&grant.claims));
            let differs = fields
                .into_iter()
                .find(|(field, (used, granted))| used != granted && (own.is_some() || *field != "by"));
            violations.extend(differs.map(|(field, _)| Violation::NotGranted { field }));
            violations.into_iter().for_each(|violation| self.find(&here, violation));
        }
    }
}

/// Names a recorded subject, whatever of it is erased: only its tenant is part of its name.
fn subject(mut subject: Json) -> Option<String> {
    if let Some(properties) = subject.get_mut("properties") {
        let pairs = properties.get("$map").and_then(Json::as_array);
        let tenant = match pairs {
            Some(pairs) => {
                pairs.iter().find_map(|pair| (pair.get(0)? == "tenant").then(|| pair.get(1).cloned())?)
            }
            None => properties.get("tenant").cloned(),
        };
        *properties = tenant.map_or_else(|| json!({}), |tenant| json!({ "tenant": tenant }));
    }
    Some(Subject::from_record(&subject)?.reference())
}

/// Names the recorded resources as a grant does: one by its name, several in a list.
fn resources(request: &Json) -> Json {
    let name = |resource: &Json| {
        let text = |name: &str| resource.get(name)?.as_str().map(str::to_owned);
        Some(Resource::new(text("type")?, text("id")?).reference())
    };
    match request.get("resources").and_then(Json::as_array) {
        Some(several) => several.iter().map(name).collect(),
        None => request.get("resource").and_then(name).into(),
    }
}

/// Names a record as one that follows from it does.
fn place(stream: &str, seq: u64, leaf: &[u8; 32]) -> Json {
    json!({ "leaf": format!("sha-256:{}", crate::hex::encode(leaf)), "seq": seq, "stream": stream })
}

fn member(content: &Map<String, Json>, name: &str) -> Json {
    content.get(name).cloned().unwrap_or_default()
}

fn text(content: &Map<String, Json>, name: &str) -> String {
    content.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
}
