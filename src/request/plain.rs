//! Is a request plainly within bounds?
//!
//! Most requests are short and printable ASCII, and one look at each text is all that they need. What is not
//! plain is no fault yet: it is then checked member by member, and the first fault is told with its path.

use crate::limits;
use crate::request::check::is_recordable;
use crate::request::{Ask, Request, Resource, Subject};
use crate::text::is_plain;
use crate::value::{Attributes, Value};

/// What a record holds of a request at most, and whether all of it so far is plain.
struct Sum {
    bytes: usize,
    plain: bool,
}

impl Request {
    /// Says whether everything beside the payload is plainly within bounds. `false` says nothing.
    pub(super) fn is_plain(&self) -> bool {
        // Named one by one, so that no member that is added is forgotten here.
        let Self {
            subject,
            action,
            resource,
            others,
            attested,
            claimed,
            ask,
            auth,
            usage,
            #[cfg(feature = "verify")]
                holder: _,
            facts,
            actors,
            audience,
            risk_hint: _,
            fault,
        } = self;
        let Ask { reason, duration, start, emergency: _, review: _, extended } = ask;
        let is_usual = fault.is_none()
            && action.fault().is_none()
            && others.is_empty()
            && actors.is_empty()
            && usage.is_none()
            && start.is_none()
            && extended.is_none()
            && auth.as_ref().is_none_or(|auth| is_recordable(auth.time))
            && duration.is_none_or(|span| span <= limits::LONGEST_SPAN);
        let mut sum = Sum { bytes: OVERHEAD, plain: is_usual };
        sum.subject(subject);
        sum.name(action.name());
        sum.resource(resource);
        for attributes in [action.properties(), attested, claimed, facts] {
            sum.attributes(attributes, CONTAINERS);
        }
        reason.iter().for_each(|reason| sum.text(reason));
        audience.iter().for_each(|audience| sum.name(audience));
        if let Some(auth) = auth {
            auth.class.iter().chain(&auth.methods).for_each(|text| sum.text(text));
        }
        sum.plain && sum.bytes <= limits::REQUEST_TEXT
    }
}

impl Sum {
    fn subject(&mut self, subject: &Subject) {
        self.plain &= subject.fault().is_none();
        self.name(subject.kind());
        self.name(subject.id());
        match subject.properties().get("tenant") {
            None => {}
            Some(Value::String(tenant)) => self.name(tenant),
            Some(_) => self.plain = false,
        }
        self.attributes(subject.properties(), CONTAINERS);
    }

    fn resource(&mut self, resource: &Resource) {
        self.plain &= resource.fault().is_none();
        self.name(resource.kind());
        self.name(resource.id());
        self.attributes(resource.properties(), CONTAINERS);
    }

    fn name(&mut self, name: &str) {
        self.plain &= !name.is_empty() && name.len() <= limits::NAME_BYTES;
        self.text(name);
    }

    fn text(&mut self, text: &str) {
        self.plain &= is_plain(text);
        self.bytes = self.bytes.saturating_add(text.len().saturating_add(OVERHEAD));
    }

    /// Adds names with values, in which so many more lists and maps may be nested.
    fn attributes(&mut self, attributes: &Attributes, containers: u8) {
        for (name, value) in attributes.iter() {
            self.plain &= name.len() <= limits::NAME_BYTES;
            self.text(name);
            self.value(value, containers);
        }
    }

    fn value(&mut self, value: &Value, containers: u8) {
        self.bytes = self.bytes.saturating_add(OVERHEAD);
        match (value, containers.checked_sub(1)) {
            (Value::String(text), _) => self.text(text),
            (Value::Null | Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_), _) => {}
            (Value::List(items), Some(below)) => items.iter().for_each(|item| self.value(item, below)),
            (Value::Map(entries), Some(below)) => self.attributes(entries, below),
            _ => self.plain = false,
        }
    }
}

/// Lists and maps in each other that are still plain. Whatever their names are, a record nests them less deep
/// than it may.
const CONTAINERS: u8 = 2;

/// Bytes that a record spends on a text or a value at most: quotes, brackets, the wrapper and digits of a number.
const OVERHEAD: usize = 56;

const _: () = assert!(
    limits::REQUEST_TEXT / OVERHEAD < limits::VALUE_NODES,
    "what is counted in bytes is not counted in values"
);

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;

    use super::*;
    use crate::Action;
    use crate::request::Auth;

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            8 => "[a-z ]{0,12}",
            1 => "[a-z]{250,260}",
            1 => "[a-z]{1000,9000}",
            1 => Just("two\nlines".to_owned()),
            1 => Just("tab\there \"quoted\"".to_owned()),
            1 => Just("hid\u{200b}den".to_owned()),
        ]
    }

    fn value() -> impl Strategy<Value = Value> {
        // The ends of the years that a record can hold, and times around them.
        let time =
            prop::sample::select(vec![-62_167_219_201, -62_167_219_200, 0, 253_402_300_799, 253_402_300_800])
                .prop_map(|second| DateTime::from_timestamp(second, 0).unwrap());
        let leaf = prop_oneof![
            1 => Just(Value::Null),
            1 => any::<bool>().prop_map(Value::Bool),
            1 => any::<i64>().prop_map(Value::Int),
            1 => any::<u64>().prop_map(Value::Uint),
            1 => any::<f64>().prop_map(Value::Double),
            1 => time.prop_map(Value::Timestamp),
            1 => any::<i32>().prop_map(|days| Value::Duration(chrono::TimeDelta::days(days.into()))),
            1 => proptest::collection::vec(any::<u8>(), 0..9_000).prop_map(Value::Bytes),
            6 => text().prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 40, 8, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
                proptest::collection::vec((text(), inner), 0..4)
                    .prop_map(|pairs| Value::Map(pairs.into_iter().collect())),
            ]
        })
    }

    fn request() -> impl Strategy<Value = Request> {
        let name = prop_oneof![12 => "[a-z]{1,9}", 1 => text()];
        let names = proptest::array::uniform5(name);
        let attribute =
            (prop_oneof![8 => "[a-zA-Z]{1,8}", 1 => text(), 1 => Just("tenant".to_owned())], value());
        let attributes = proptest::collection::vec((0_usize..5, attribute), 0..6);
        let year = prop_oneof![8 => Just(1_795_435_200_i64), 1 => Just(253_402_300_800)];
        (names, attributes, proptest::option::of(text()), proptest::option::of((text(), year))).prop_map(
            |([kind, id, action, of, what], attributes, reason, auth)| {
                let (mut subject, mut action) = (Subject::new(kind, id), Action::new(action));
                let (mut resource, mut context, mut facts) =
                    (Resource::new(of, what), Vec::new(), Vec::new());
                for (part, (name, value)) in attributes {
                    match part {
                        0 => subject = subject.with(&name, value),
                        1 => action = action.with(&name, value),
                        2 => resource = resource.with(&name, value),
                        3 => context.push((name, value)),
                        _ => facts.push((name, value)),
                    }
                }
                let mut request = Request::new(subject, action, resource);
                for (name, value) in context {
                    request = request.with(&name, value);
                }
                for (name, value) in facts {
                    request = request.with_fact(&name, value);
                }
                if let Some((method, year)) = auth {
                    let time: DateTime<Utc> = DateTime::from_timestamp(year, 0).unwrap();
                    request = request.with_auth(Auth::new([method], time));
                }
                reason.into_iter().fold(request, Request::with_reason)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn what_is_plain_is_within_bounds(request in request()) {
            if request.is_plain() {
                prop_assert!(request.check_parts().is_ok());
            }
        }
    }

    #[test]
    fn usual_request_is_plain() {
        let subject = Subject::new("user", "ana").with("groups", ["sre"]).with("tenant", "acme");
        let labels: Attributes = [("tier", "gold")].into_iter().collect();
        let resource = Resource::new("service", "orders").with("labels", Value::Map(labels));
        assert!(Request::new(subject, Action::new("logs.read"), resource).with_reason("slow").is_plain());
    }
}
