//! The exact thing to run, and its digest.
//!
//! An approval is for bytes, not for a description of them. A payload holds what will run, whole and in
//! order; its digest binds an approval and a grant to it and to the resource it runs on. Nothing here
//! judges what the payload does: that is `inspect`.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::limits;
use crate::value::Attributes;

/// The language of a SQL payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// PostgreSQL.
    PostgreSql,
    /// MySQL and MariaDB.
    MySql,
    /// SQLite.
    Sqlite,
    /// No dialect in particular: what is understood here is understood everywhere.
    Generic,
}

/// What an action will run: a statement, a command, a call or plain text.
///
/// ```
/// use countersign::{Dialect, Payload};
///
/// let payload = Payload::sql(Dialect::PostgreSql, "DELETE FROM orders WHERE id = $1").with_parameters(["7"]);
/// assert_eq!(payload.text(), "DELETE FROM orders WHERE id = $1");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    kind: Kind,
}

/// The kinds of payload, with all that belongs to what will run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Sql { dialect: Dialect, text: String, parameters: Vec<String> },
    Argv { words: Vec<String>, directory: Option<String>, env: Vec<(String, String)>, line: String },
    Http { method: String, url: String, headers: Vec<(String, String)>, body: Vec<u8> },
    Text { text: String },
}

/// What is wrong with a payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// More bytes than a payload may have.
    #[error("payload is {bytes} bytes, limit is {}", limits::PAYLOAD_BYTES)]
    TooLarge {
        /// The bytes of all parts together, as a record holds them.
        bytes: usize,
    },
    /// More words, parameters or headers than a payload may have.
    #[error("payload has {parts} parts, limit is {}", limits::PAYLOAD_PARTS)]
    TooManyParts {
        /// The number of parts.
        parts: usize,
    },
    /// A NUL character, which a log's readers cannot store (PostgreSQL `jsonb` refuses it).
    #[error("payload holds a NUL character")]
    Nul,
    /// Nothing to run.
    #[error("payload is empty")]
    Empty,
}

impl Dialect {
    /// Returns the dialect's name as requests and policies write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PostgreSql => "postgresql",
            Self::MySql => "mysql",
            Self::Sqlite => "sqlite",
            Self::Generic => "generic",
        }
    }

    /// Reads a dialect's name; `mariadb` is MySQL's other name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "postgresql" => Some(Self::PostgreSql),
            "mysql" | "mariadb" => Some(Self::MySql),
            "sqlite" => Some(Self::Sqlite),
            "generic" => Some(Self::Generic),
            _ => None,
        }
    }
}

impl Payload {
    /// Makes a payload of SQL text, one or more statements.
    pub fn sql(dialect: Dialect, text: impl Into<String>) -> Self {
        Self { kind: Kind::Sql { dialect, text: text.into(), parameters: Vec::new() } }
    }

    /// Makes a payload of a command's words, the program first. There is no shell between them.
    pub fn argv<S: Into<String>>(words: impl IntoIterator<Item = S>) -> Self {
        let words: Vec<String> = words.into_iter().map(Into::into).collect();
        let line = words.join(" ");
        Self { kind: Kind::Argv { words, directory: None, env: Vec::new(), line } }
    }

    /// Makes a payload of an HTTP call. The whole `url`, authority and query included, is what will be called.
    #[must_use]
    pub fn http(method: &str, url: &str, body: &[u8]) -> Self {
        let (method, url) = (method.to_owned(), url.to_owned());
        Self { kind: Kind::Http { method, url, headers: Vec::new(), body: body.to_vec() } }
    }

    /// Makes a payload of text that no inspector reads.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { kind: Kind::Text { text: text.into() } }
    }

    /// Sets the parameters of a SQL payload, in order, as the text that the driver will send.
    /// Other kinds have none and stay as they are.
    #[must_use]
    pub fn with_parameters<S: Into<String>>(mut self, values: impl IntoIterator<Item = S>) -> Self {
        if let Kind::Sql { parameters, .. } = &mut self.kind {
            *parameters = values.into_iter().map(Into::into).collect();
        }
        self
    }

    /// Sets the working directory of a command. Other kinds have none and stay as they are.
    #[must_use]
    pub fn with_directory(mut self, path: impl Into<String>) -> Self {
        if let Kind::Argv { directory, .. } = &mut self.kind {
            *directory = Some(path.into());
        }
        self
    }

    /// Sets an environment variable of a command. Other kinds have none and stay as they are.
    #[must_use]
    pub fn with_env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let Kind::Argv { env, .. } = &mut self.kind {
            insert_sorted(env, name.into(), value.into());
        }
        self
    }

    /// Sets a header of an HTTP call; its name is kept in lower case (RFC 9110, section 5.1).
    /// Other kinds have none and stay as they are.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        if let Kind::Http { headers, .. } = &mut self.kind {
            insert_sorted(headers, name.to_ascii_lowercase(), value.into());
        }
        self
    }

    /// Returns the text to run: the SQL, the text, the URL, or a command's words joined for display.
    /// Run a command by [`words`](Self::words), never by this text.
    #[must_use]
    pub fn text(&self) -> &str {
        match &self.kind {
            Kind::Sql { text, .. } | Kind::Text { text } => text,
            Kind::Argv { line, .. } => line,
            Kind::Http { url, .. } => url,
        }
    }

    /// Returns a command's words; other kinds have none.
    #[must_use]
    pub fn words(&self) -> &[String] {
        match &self.kind {
            Kind::Argv { words, .. } => words,
            _ => &[],
        }
    }

    /// Names the kind of payload as policies write it: `sql`, `argv`, `http` or `text`.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Sql { .. } => "sql",
            Kind::Argv { .. } => "argv",
            Kind::Http { .. } => "http",
            Kind::Text { .. } => "text",
        }
    }

    /// Returns the dialect of a SQL payload.
    #[must_use]
    pub fn dialect(&self) -> Option<Dialect> {
        match self.kind {
            Kind::Sql { dialect, .. } => Some(dialect),
            _ => None,
        }
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Checks the payload's bounds.
    pub(crate) fn check(&self) -> Result<(), PayloadError> {
        let (mut parts, mut bytes) = (0_usize, 0_usize);
        self.for_each_part(|part| {
            parts = parts.saturating_add(1);
            let recorded =
                std::str::from_utf8(part).map_or(part.len().saturating_mul(2), crate::text::escaped_len);
            bytes = bytes.saturating_add(recorded);
        });
        let nul = match &self.kind {
            Kind::Sql { text, parameters, .. } => {
                has_nul(text) || parameters.iter().any(|part| has_nul(part))
            }
            Kind::Argv { line, directory, env, .. } => {
                has_nul(line) || directory.iter().any(|path| has_nul(path)) || pairs_have_nul(env)
            }
            Kind::Http { method, url, headers, .. } => {
                has_nul(method) || has_nul(url) || pairs_have_nul(headers)
            }
            Kind::Text { text } => has_nul(text),
        };
        if bytes > limits::PAYLOAD_BYTES {
            return Err(PayloadError::TooLarge { bytes });
        }
        if parts > limits::PAYLOAD_PARTS {
            return Err(PayloadError::TooManyParts { parts });
        }
        if nul {
            return Err(PayloadError::Nul);
        }
        if self.text().is_empty() {
            return Err(PayloadError::Empty);
        }
        Ok(())
    }

    /// Computes the digest of an action that has this payload and no properties, as
    /// [`Action::digest`](crate::Action::digest) does.
    #[must_use]
    pub fn digest(&self, resource_kind: &str, resource_id: &str) -> String {
        action_digest(Some(self), &Attributes::new(), Target::One { kind: resource_kind, id: resource_id })
    }

    /// Visits every part that makes the payload what it is, counts before lists.
    fn for_each_part(&self, mut put: impl FnMut(&[u8])) {
        match &self.kind {
            Kind::Sql { text, parameters, .. } => {
                put(text.as_bytes());
                put(&length(parameters.len()));
                parameters.iter().for_each(|parameter| put(parameter.as_bytes()));
            }
            Kind::Argv { words, directory, env, .. } => {
                put(&length(words.len()));
                words.iter().for_each(|word| put(word.as_bytes()));
                put(&[u8::from(directory.is_some())]);
                put(directory.as_deref().unwrap_or_default().as_bytes());
                put_pairs(env, put);
            }
            Kind::Http { method, url, headers, body } => {
                put(method.as_bytes());
                put(url.as_bytes());
                put(body);
                put_pairs(headers, put);
            }
            Kind::Text { text } => put(text.as_bytes()),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What an action is done on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    One {
        kind: &'a str,
        id: &'a str,
    },
    /// The references of several resources, sorted.
    #[cfg(feature = "verify")]
    Several(&'a [String]),
}

/// Hashes all that an action binds. Each part is preceded by its length as eight big-endian bytes, and each
/// list by its count, so that no two actions share an encoding (docs/formats.md, "Action digest").
pub(crate) fn action_digest(
    payload: Option<&Payload>,
    properties: &Attributes,
    target: Target<'_>,
) -> String {
    let mut hasher = Sha256::new();
    let mut put = |part: &[u8]| {
        hasher.update(length(part.len()));
        hasher.update(part);
    };
    put(match target {
        Target::One { .. } => b"countersign/action/v1",
        #[cfg(feature = "verify")]
        Target::Several(_) => b"countersign/actions/v1",
    });
    put(payload.map_or("none", Payload::kind_name).as_bytes());
    put(payload.and_then(Payload::dialect).map_or("", Dialect::as_str).as_bytes());
    match target {
        Target::One { kind, id } => {
            put(kind.as_bytes());
            put(id.as_bytes());
        }
        #[cfg(feature = "verify")]
        Target::Several(references) => {
            put(&length(references.len()));
            references.iter().for_each(|reference| put(reference.as_bytes()));
        }
    }
    if let Some(payload) = payload {
        payload.for_each_part(&mut put);
    }
    if !properties.is_empty() {
        put(b"properties");
        properties.for_each_part(&mut put);
    }
    format!("sha-256:{}", crate::hex::encode(&hasher.finalize()))
}

fn put_pairs(pairs: &[(String, String)], mut put: impl FnMut(&[u8])) {
    put(&length(pairs.len()));
    for (name, value) in pairs {
        put(name.as_bytes());
        put(value.as_bytes());
    }
}

fn insert_sorted(pairs: &mut Vec<(String, String)>, name: String, value: String) {
    match pairs.binary_search_by(|(known, _)| known.as_str().cmp(&name)) {
        Ok(index) => {
            if let Some(pair) = pairs.get_mut(index) {
                pair.1 = value;
            }
        }
        Err(index) => pairs.insert(index, (name, value)),
    }
}

fn has_nul(text: &str) -> bool {
    text.contains('\0')
}

fn pairs_have_nul(pairs: &[(String, String)]) -> bool {
    pairs.iter().any(|(name, value)| has_nul(name) || has_nul(value))
}

/// A length that fits a `u64` on every platform Rust has.
pub(crate) fn length(count: usize) -> [u8; 8] {
    u64::try_from(count).unwrap_or(u64::MAX).to_be_bytes()
}
