//! Who people are and what resources are: what the host attests.
//!
//! For development only. A real host asks its identity provider and its inventory, and nobody signs in with a word
//! from a file.

use std::collections::BTreeMap;

use countersign::{Resource, Subject, Value};
use serde::Deserialize;

/// People and resources for development.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    users: BTreeMap<String, User>,
    /// By `type/id`.
    resources: BTreeMap<String, BTreeMap<String, Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    token: String,
    properties: BTreeMap<String, Value>,
}

impl Directory {
    /// Reads the JSON of a directory.
    ///
    /// # Errors
    ///
    /// What is not of its shape.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Returns the person whose token it is.
    #[must_use]
    pub fn signed_in(&self, token: &str) -> Option<Subject> {
        self.users.iter().find(|(_, user)| user.token == token).map(|(id, user)| subject(id, user))
    }

    /// Returns a person by their id.
    #[must_use]
    pub fn person(&self, id: &str) -> Option<Subject> {
        self.users.get(id).map(|user| subject(id, user))
    }

    /// Returns everybody, ordered by id.
    #[must_use]
    pub fn people(&self) -> Vec<Subject> {
        self.users.iter().map(|(id, user)| subject(id, user)).collect()
    }

    /// Returns what is known of a resource. Of one that is not known nothing is attested.
    #[must_use]
    pub fn resource(&self, kind: &str, id: &str) -> Resource {
        let known = self.resources.get(&format!("{kind}/{id}"));
        let properties = known.into_iter().flatten();
        properties.fold(Resource::new(kind, id), |resource, (name, value)| resource.with(name, value.clone()))
    }

    /// Returns the references of all resources that are known, as `type/id`.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.resources.keys().map(String::as_str)
    }
}

fn subject(id: &str, user: &User) -> Subject {
    let properties = user.properties.iter();
    properties.fold(Subject::new("user", id), |subject, (name, value)| subject.with(name, value.clone()))
}
