//! The host of one review: a gate, a ledger, a clock that the script moves.

use std::collections::BTreeMap;
use std::error::Error;

use chrono::{DateTime, Utc};
use countersign::{
    Auth, ExtendError, Gate, Ledger, News, Outcome, Policy, Review, SigningKey, Stamp, Step, Subject, Vote,
    VoteError,
};
use serde_json::{Value, json};

use crate::script::{Event, Expect, Person, Script, request, span_of};

type Played = Result<Vec<Value>, Box<dyn Error>>;

/// Why something does not count.
struct Refused {
    code: &'static str,
    text: String,
}

impl From<VoteError> for Refused {
    fn from(error: VoteError) -> Self {
        Self { code: error.code(), text: error.to_string() }
    }
}

impl From<ExtendError> for Refused {
    fn from(error: ExtendError) -> Self {
        Self { code: error.code(), text: error.to_string() }
    }
}

pub(crate) struct Stage<'s> {
    script: &'s Script,
    gate: Gate,
    ledger: Ledger,
    /// The log, as it is stored.
    stored: Vec<u8>,
    people: BTreeMap<String, Person>,
    review: Option<Review>,
    /// The id of the grant that was signed last.
    grant: String,
    now: DateTime<Utc>,
    stamps: u64,
    failures: Vec<String>,
}

impl<'s> Stage<'s> {
    pub(crate) fn new(script: &'s Script, path: &str) -> Result<Self, Box<dyn Error>> {
        let policy = match (&script.policy, &script.policy_file) {
            (Some(text), None) => Policy::from_toml(text)?,
            (None, Some(file)) => {
                let beside = std::path::Path::new(path).with_file_name(file);
                let text = std::fs::read_to_string(&beside)
                    .map_err(|error| format!("{}: {error}", beside.display()))?;
                Policy::from_documents([(file.as_str(), text.as_str())])?
            }
            _ => return Err("expected `policy` or `policy_file`".into()),
        };
        Ok(Self {
            script,
            gate: Gate::new(policy, "https://jit.example"),
            ledger: Ledger::create("review")?,
            stored: Vec::new(),
            people: script.people.clone(),
            review: None,
            grant: String::new(),
            now: script.start,
            stamps: 0,
            failures: Vec::new(),
        })
    }

    pub(crate) fn failures(&self) -> &[String] {
        &self.failures
    }

    pub(crate) fn submit(&mut self) -> Played {
        let asked = request(&self.script.request)?;
        let stamp = self.stamp();
        let step = match &self.script.candidates {
            Some(names) => {
                let candidates: Vec<Subject> = names.iter().map(|name| self.person(name)).collect();
                self.gate.submit_with_candidates(asked, &candidates, stamp)
            }
            None => self.gate.submit(asked, stamp),
        };
        let outcome = self.store(step)?.map_err(VoteError::from);
        let line = self.tell("submit", json!({}), outcome);
        self.check(&line, self.script.expect.as_ref());
        Ok(vec![line])
    }

    /// Lets time pass until the event, and plays it.
    pub(crate) fn play(&mut self, event: &Event) -> Played {
        let at = self.script.time(&event.at)?;
        if at < self.now {
            return Err(format!("`{}` is before the event that stands before it", event.at).into());
        }
        let mut told = self.pass(at)?;
        self.now = at;
        self.people.extend(event.people.iter().map(|(name, person)| (name.clone(), person.clone())));
        if let Some(policy) = &event.policy {
            let stamp = self.stamp();
            let step = self.gate.reload(Policy::from_toml(policy)?, stamp);
            self.gate = self.store(step)?;
        }
        let Some(review) = self.review.clone() else {
            return Err("there is no review that an event could be about".into());
        };
        let stamp = self.stamp();
        let gate = self.gate.clone();
        let (what, detail, outcome) = if let Some(verdict) = &event.vote {
            let vote = self.vote(event, verdict)?;
            let detail =
                json!({ "vote": verdict, "by": event.by, "for": event.delegator, "comment": event.comment });
            ("vote", detail, self.store(gate.vote(&review, vote, stamp))?.map_err(Refused::from))
        } else if let Some(names) = &event.refresh {
            let people = names.iter().map(|name| self.person(name)).collect();
            let outcome = self.store(gate.refresh(&review, people, stamp))?;
            ("refresh", json!({ "people": names }), outcome.map_err(Refused::from))
        } else if let Some(name) = &event.withdraw {
            let by = self.person(name);
            let outcome = self.store(gate.withdraw(&review, &by, stamp))?;
            ("withdraw", json!({ "by": name }), outcome.map_err(Refused::from))
        } else if let Some(asked) = &event.supersede {
            let outcome = self.store(gate.supersede(&review, request(asked)?, stamp))?;
            ("supersede", json!({}), outcome.map_err(Refused::from))
        } else if let Some(span) = &event.extend {
            let more = span_of(span).and_then(|span| span.to_std().ok());
            let asked = request(&self.script.request)?.extending(&*self.grant);
            let asked = asked.with_duration(more.ok_or("`extend` is no span such as `10m`")?);
            let outcome = self.store(gate.extend(&review, asked, stamp))?;
            ("extend", json!({ "by": span }), outcome.map_err(Refused::from))
        } else if event.policy.is_some() || event.wake {
            let what = if event.wake { "wake" } else { "policy" };
            let outcome = self.store(gate.wake(&review, stamp))?.map_err(VoteError::from);
            (what, json!({}), outcome.map_err(Refused::from))
        } else {
            return Err(format!("nothing happens at `{}`, see --help", event.at).into());
        };
        let mut line = self.tell(what, detail, outcome);
        if let Some(fresh) = self.refreshed()? {
            told.push(line);
            line = fresh;
        }
        self.check(&line, event.expect.as_ref());
        told.push(line);
        Ok(told)
    }

    /// Lets all time pass that is left to the review.
    pub(crate) fn finish(&mut self) -> Vec<Value> {
        let line = |review: &Review| json!({ "event": "end", "state": review.state().as_str(), "records": self.ledger.next_seq() });
        self.review.iter().map(line).collect()
    }

    /// Wakes the review whenever something is due before a time.
    fn pass(&mut self, until: DateTime<Utc>) -> Played {
        let mut told = Vec::new();
        while let Some(review) = self.review.clone() {
            let Some(due) = review.next_wakeup().filter(|due| *due <= until && *due > self.now) else {
                break;
            };
            self.now = due;
            let stamp = self.stamp();
            let step = self.gate.wake(&review, stamp);
            let outcome = self.store(step)?.map_err(VoteError::from);
            told.push(self.tell("wake", json!({}), outcome));
            told.extend(self.refreshed()?);
        }
        Ok(told)
    }

    /// States what is known by now of whoever the review asks about.
    fn refreshed(&mut self) -> Result<Option<Value>, Box<dyn Error>> {
        let Some(review) = self.review.clone().filter(|review| review.state().is_pending()) else {
            return Ok(None);
        };
        let asked = review.news().iter().find_map(|news| match news {
            News::NeedsFresh { ids } => Some(ids.clone()),
            _ => None,
        });
        let Some(ids) = asked else { return Ok(None) };
        let known: Vec<Subject> = self.people.iter().map(|(name, person)| person.subject(name)).collect();
        let people = known.into_iter().filter(|person| ids.contains(&person.reference())).collect();
        let stamp = self.stamp();
        let step = self.gate.refresh(&review, people, stamp);
        let outcome = self.store(step)?;
        Ok(Some(self.tell("refresh", json!({ "people": ids }), outcome)))
    }

    fn vote(&self, event: &Event, verdict: &str) -> Result<Vote, Box<dyn Error>> {
        let by = self.person(&event.by);
        let mut vote = match verdict {
            "approve" => Vote::approve(by),
            "reject" => Vote::reject(by),
            "withdraw" => Vote::withdraw(by),
            "comment" => Vote::comment(by, ""),
            "force" => Vote::force(by),
            other => return Err(format!("unknown vote `{other}`, see --help").into()),
        };
        vote = vote.with_comment(&*event.comment);
        if let Some(delegator) = &event.delegator {
            vote = vote.on_behalf_of(self.person(delegator));
        }
        vote = match event.kind.as_deref() {
            None | Some("person") => vote,
            Some("automatic") => vote.automatic(),
            Some("advisory") => vote.advisory(),
            Some(other) => return Err(format!("unknown kind `{other}`, see --help").into()),
        };
        if let Some(span) = &event.at_most {
            let span = span_of(span).and_then(|span| span.to_std().ok());
            vote = vote.at_most(span.ok_or("`at_most` is no span such as `10m`")?);
        }
        if let Some(start) = &event.not_before {
            vote = vote.not_before(self.script.time(start)?);
        }
        if let Some(auth) = &event.auth {
            let stated = Auth::new(auth.amr.clone(), self.script.time(&auth.at)?);
            vote = vote.with_auth(match &auth.acr {
                Some(class) => stated.with_class(class),
                None => stated,
            });
        }
        Ok(event.narrow.iter().fold(vote, |vote, (name, value)| vote.narrowed(name, value.clone())))
    }

    /// Finds somebody by name; whoever is unknown is a user without properties.
    fn person(&self, name: &str) -> Subject {
        self.people.get(name).map_or_else(|| Subject::new("user", name), |person| person.subject(name))
    }

    /// Takes the outcome, and tells the state after it.
    fn tell(&mut self, event: &str, detail: Value, outcome: Result<Outcome, impl Into<Refused>>) -> Value {
        let mut line =
            json!({ "at": self.now.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true), "event": event });
        let mut put = |name: &str, value: Value| line[name] = value;
        if let Value::Object(detail) = detail {
            for (name, value) in detail {
                if !value.is_null() && value != "" {
                    put(&name, value);
                }
            }
        }
        match outcome {
            Err(error) => {
                let Refused { code, text } = error.into();
                put("error", code.into());
                put("because", text.into());
            }
            Ok(outcome) => {
                put("outcome", outcome.effect().as_str().into());
                match outcome {
                    Outcome::Review(review) => self.review = Some(review),
                    Outcome::Allow(authorization) => {
                        let grant = authorization.sign(&SigningKey::from_seed([7; 32]));
                        put("grant", grant.id().into());
                        grant.id().clone_into(&mut self.grant);
                        put("expires_at", grant.expires_at().to_rfc3339().into());
                        let left = grant.expires_at().signed_duration_since(self.now).num_seconds();
                        put("duration_s", left.into());
                        self.reload_review();
                    }
                    Outcome::Deny(decision) | Outcome::Challenge(decision) => {
                        let reasons: Vec<String> = decision.reasons().map(ToString::to_string).collect();
                        put("reasons", json!(reasons));
                        self.reload_review();
                    }
                }
            }
        }
        if let Some(review) = &self.review {
            let candidates: Vec<Subject> =
                self.people.iter().map(|(name, person)| person.subject(name)).collect();
            let outlook = review.outlook(&candidates, self.now);
            let seat = |seat: &countersign::Missing| json!({ "rule": seat.rule, "stage": seat.stage, "from": seat.from, "count": seat.count, "found": seat.found });
            let ids: Vec<&str> = outlook.can_approve.iter().map(|person| person.id()).collect();
            put("state", review.state().as_str().into());
            put("approved", json!(outlook.approved));
            put("rejected", json!(outlook.rejected));
            put("can_approve", json!(ids));
            put("missing", outlook.missing.iter().map(seat).collect());
            put("news", review.news().iter().map(news).collect());
            put(
                "next_wakeup",
                json!(review.next_wakeup().map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))),
            );
        }
        line
    }

    /// Reads the review back from the log, as a host does that keeps none.
    fn reload_review(&mut self) {
        let Some(id) = self.review.as_ref().map(|review| review.id().to_owned()) else { return };
        let resumed = Ledger::resume("review", &self.stored);
        let reviews = resumed.ok().and_then(|resumed| resumed.reviews().ok());
        self.review = reviews.and_then(|reviews| reviews.into_iter().find(|review| review.id() == id));
    }

    fn check(&mut self, line: &Value, expect: Option<&Expect>) {
        let Some(expect) = expect else { return };
        let texts = [
            ("outcome", &expect.outcome),
            ("state", &expect.state),
            ("error", &expect.error),
            ("next_wakeup", &expect.wakeup),
        ];
        for (name, expected) in texts {
            let Some(expected) = expected else { continue };
            let expected = match name {
                "next_wakeup" => self.script.time(expected).map_or_else(
                    |fault| fault,
                    |time| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
                ),
                _ => expected.clone(),
            };
            self.compare(line, name, &line[name], &json!(expected));
        }
        if let Some(names) = &expect.can_approve {
            self.compare(line, "can_approve", &line["can_approve"], &json!(names));
        }
        if let Some(count) = expect.missing {
            let found = line["missing"].as_array().map_or(0, Vec::len);
            self.compare(line, "missing", &json!(found), &json!(count));
        }
        if let Some(seconds) = expect.duration_s {
            self.compare(line, "duration_s", &line["duration_s"], &json!(seconds));
        }
    }

    fn compare(&mut self, line: &Value, name: &str, found: &Value, expected: &Value) {
        if found != expected {
            let (at, event) = (&line["at"], &line["event"]);
            self.failures
                .push(format!("{event} at {at}: `{name}` is {found}, expected {expected}\n  {line}"));
        }
    }

    fn stamp(&mut self) -> Stamp {
        self.stamps = self.stamps.saturating_add(1);
        let mut random = [0; 32];
        for (byte, of) in random.iter_mut().zip(self.stamps.to_be_bytes()) {
            *byte = of;
        }
        Stamp::new(self.now, random)
    }

    fn store<T: 'static>(&mut self, step: Step<T>) -> Result<T, Box<dyn Error>> {
        let staged = self.ledger.stage(step)?;
        self.stored.extend_from_slice(staged.lines());
        Ok(staged.commit())
    }
}

fn news(news: &News) -> Value {
    let of = |what: &str, stage: &countersign::StageName| json!({ "news": what, "rule": stage.rule(), "stage": stage.stage() });
    match news {
        News::StageBegins(stage) => of("stage_begins", stage),
        News::StageReopens(stage) => of("stage_reopens", stage),
        News::StageSkipped(stage) => of("stage_skipped", stage),
        News::Escalated(stage) => of("escalated", stage),
        News::Remind(stage) => of("remind", stage),
        News::PolicyChanged { policy } => json!({ "news": "policy_changed", "policy": policy }),
        News::NeedsFresh { ids } => json!({ "news": "needs_fresh", "people": ids }),
        _ => json!({ "news": "other" }),
    }
}
