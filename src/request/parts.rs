//! Who, what and on what: the three named parts of a request.
//!
//! Each part knows whether the host attests it or the caller only says so. Builders never fail: a fault
//! is kept and becomes a Deny that names its path.

use crate::payload::{Payload, Target, action_digest};
use crate::request::RequestError;
use crate::value::{Attributes, Value};

/// Who vouches for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The host, or an enforcement point that it trusts.
    Attested,
    /// Only the caller.
    Caller,
}

/// A person or a machine: who asks, or who approves.
///
/// A person is `(tenant, type, id)`; the property `tenant` is part of the identity.
///
/// ```
/// use countersign::Subject;
///
/// let ana = Subject::new("user", "ana").with("groups", ["payments"]);
/// assert_eq!(ana.reference(), "user/ana");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    kind: String,
    id: String,
    properties: Attributes,
    source: Source,
    fault: Option<RequestError>,
}

/// What is to be done, with the exact payload to run where there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    name: String,
    properties: Attributes,
    payload: Option<Payload>,
    source: Source,
    fault: Option<RequestError>,
}

/// What it is to be done on.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    kind: String,
    id: String,
    properties: Attributes,
    source: Source,
    fault: Option<RequestError>,
}

macro_rules! part {
    ($part:ident, $root:literal, reserved: $($reserved:literal),+) => {
        impl $part {
            /// Sets a property, replacing one of the same name. A reserved name is kept as a fault and
            /// makes every decision on the request a Deny.
            #[must_use]
            pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
                if matches!(name, $($reserved)|+) {
                    self.fault = Some(RequestError::Reserved { path: format!(concat!($root, ".{}"), name) });
                } else {
                    self.properties.insert(name, value);
                }
                self
            }

            /// Sets all properties at once.
            pub(crate) fn with_properties(mut self, properties: Attributes) -> Self {
                if properties.iter().any(|(name, _)| matches!(name, $($reserved)|+)) {
                    return properties.into_iter().fold(self, |part, (name, value)| part.with(&name, value));
                }
                self.properties = properties;
                self
            }

            /// Returns the properties.
            #[must_use]
            pub fn properties(&self) -> &Attributes {
                &self.properties
            }

            pub(crate) fn source(&self) -> Source {
                self.source
            }

            pub(crate) fn fault(&self) -> Option<&RequestError> {
                self.fault.as_ref()
            }

            /// Marks the part as what the caller says.
            pub(crate) fn claimed(mut self) -> Self {
                self.source = Source::Caller;
                self
            }
        }
    };
}

macro_rules! entity {
    ($entity:ident, $a:literal, such as: $example:literal) => {
        impl $entity {
            #[doc = concat!("Makes ", $a, " that the host attests.")]
            pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
                let (kind, id) = (kind.into(), id.into());
                Self { kind, id, properties: Attributes::new(), source: Source::Attested, fault: None }
            }

            #[doc = concat!("Returns the type, such as `", $example, "`.")]
            #[must_use]
            pub fn kind(&self) -> &str {
                &self.kind
            }

            /// Returns the id.
            #[must_use]
            pub fn id(&self) -> &str {
                &self.id
            }
        }
    };
}

entity!(Subject, "a subject", such as: "user");
entity!(Resource, "a resource", such as: "database");
part!(Subject, "subject", reserved: "type", "id");
part!(Action, "action", reserved: "name", "payload");
part!(Resource, "resource", reserved: "type", "id");

impl Subject {
    /// Returns the tenant, where the property `tenant` is a string.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.properties.get("tenant").and_then(Value::as_str)
    }

    /// Names the person: `type/id`, or `~tenant/type/id`. In tenant and type `%`, `/` and `~` are
    /// percent-encoded, so that two persons never share a name.
    #[must_use]
    pub fn reference(&self) -> String {
        let tenant = self.tenant().map(|tenant| format!("~{}/", escape(tenant))).unwrap_or_default();
        format!("{tenant}{}/{}", escape(&self.kind), self.id)
    }
}

#[cfg(feature = "engine")]
impl Subject {
    /// Says whether two may be one person, as [`same_person`] does of their names.
    pub(crate) fn may_be(&self, other: &Self) -> bool {
        let (one, two) = (self.tenant(), other.tenant());
        self.id == other.id && self.kind == other.kind && (one == two || one.is_none() || two.is_none())
    }
}

/// Says whether two names, as [`Subject::reference`] gives them, may be one person's. Who states no tenant may
/// be of any, so that nobody is two people by leaving it out.
#[cfg(feature = "engine")]
pub(crate) fn same_person(one: &str, other: &str) -> bool {
    fn parts(name: &str) -> (Option<&str>, &str) {
        match name.strip_prefix('~').and_then(|name| name.split_once('/')) {
            Some((tenant, person)) => (Some(tenant), person),
            None => (None, name),
        }
    }
    let ((tenant, person), (other_tenant, other_person)) = (parts(one), parts(other));
    person == other_person && (tenant == other_tenant || tenant.is_none() || other_tenant.is_none())
}

impl Action {
    /// Makes an action without a payload.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { name, properties: Attributes::new(), payload: None, source: Source::Attested, fault: None }
    }

    /// Sets the exact thing to run.
    #[must_use]
    pub fn with_payload(mut self, payload: Payload) -> Self {
        self.payload = Some(payload);
        self
    }

    /// Returns the name, such as `sql.execute`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Computes the action digest, which binds approvals and grants to what was approved: the payload, the
    /// properties and the resource. `sha-256:` and 64 lower-case hexadecimal digits (docs/formats.md,
    /// "Action digest"). An action without payload and properties is bound by its name alone.
    ///
    /// ```
    /// use countersign::{Action, Resource};
    ///
    /// let flag = Resource::new("flag", "new-checkout");
    /// let half = Action::new("flag.set").with("percent", 50).digest(&flag);
    /// assert_ne!(half, Action::new("flag.set").with("percent", 100).digest(&flag));
    /// assert_eq!(Action::new("service.restart").digest(&flag), None);
    /// ```
    #[must_use]
    pub fn digest(&self, resource: &Resource) -> Option<String> {
        self.digest_of(Target::One { kind: resource.kind(), id: resource.id() })
    }

    /// Computes the digest of the action on several resources, named as [`Resource::reference`] does, in any order.
    #[cfg(feature = "verify")]
    pub(crate) fn digest_over(&self, references: impl IntoIterator<Item = String>) -> Option<String> {
        let mut references: Vec<String> = references.into_iter().collect();
        references.sort_unstable();
        self.digest_of(Target::Several(&references))
    }

    fn digest_of(&self, target: Target<'_>) -> Option<String> {
        let is_more_than_a_name = self.payload.is_some() || !self.properties.is_empty();
        is_more_than_a_name.then(|| action_digest(self.payload(), &self.properties, target))
    }

    /// Returns the exact thing to run.
    #[must_use]
    pub fn payload(&self) -> Option<&Payload> {
        self.payload.as_ref()
    }
}

impl Resource {
    /// Names the resource: `type/id`, with `%`, `/` and `~` in the type percent-encoded. It is a grant's
    /// default audience.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}/{}", escape(&self.kind), self.id)
    }
}

fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('/', "%2F").replace('~', "%7E")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_of_different_persons_differ() {
        let plain = Subject::new("user/x", "ana").reference();
        let nested = Subject::new("user", "x/ana").reference();
        let tenant = Subject::new("user", "ana").with("tenant", "user").reference();
        let tilde = Subject::new("~user/user", "ana").reference();
        assert_eq!(plain, "user%2Fx/ana");
        assert_eq!(nested, "user/x/ana");
        assert_eq!(tenant, "~user/user/ana");
        assert_eq!(tilde, "%7Euser%2Fuser/ana");
    }

    #[test]
    fn reserved_property_is_a_fault() {
        let subject = Subject::new("user", "ana").with("id", "bo");
        assert_eq!(subject.fault(), Some(&RequestError::Reserved { path: "subject.id".to_owned() }));
        assert_eq!(subject.id(), "ana");
    }

    /// Digests computed apart from the library, with another language's hash.
    #[test]
    fn digest_is_that_of_the_format() {
        let flag = Resource::new("flag", "new-checkout");
        let labels: Attributes = [("Team", "x")].into_iter().collect();
        let set = Action::new("flag.set")
            .with("percent", 50)
            .with("force", true)
            .with("ratio", 0.5)
            .with("big", 1_u64 << 63)
            .with("tags", vec![Value::from("a"), Value::Null])
            .with("labels", labels);
        let expected = "sha-256:ef91c31161de8ec6061f7d110335cee961a59ee81fa052caebcc412ceceeee9c";
        assert_eq!(set.digest(&flag).as_deref(), Some(expected));
        assert_eq!(set.clone().with("percent", 50_u64).digest(&flag).as_deref(), Some(expected));

        let sql = Payload::sql(crate::Dialect::PostgreSql, "DELETE FROM orders WHERE id = $1")
            .with_parameters(["7"]);
        let orders = Resource::new("database", "orders");
        let delete = Action::new("sql.execute").with_payload(sql);
        let plain = "sha-256:4c60001010c20ec7f3368c7a7122369d5c375ce5d09ecaa0d8c157ac7bdc8637";
        assert_eq!(delete.digest(&orders).as_deref(), Some(plain));
        #[cfg(feature = "verify")]
        {
            let names = ["database/orders", "database/billing"].map(str::to_owned);
            let expected = "sha-256:715a10d3738507be478d31c2acc873088f9359becba5c315d458b99e4c5ef04e";
            assert_eq!(delete.digest_over(names).as_deref(), Some(expected));
        }
        let expected = "sha-256:f2025f7cb960cc49db6b560ec4e7d5bb190196028cde907991bddda5a33eeb7d";
        assert_eq!(delete.with("schema", "public").digest(&orders).as_deref(), Some(expected));
    }
}
