//! AuthZEN on the wire: what an enforcement point sends, and what it gets back.
//!
//! The shapes of the OpenID AuthZEN Authorization API 1.0: evaluation, evaluations, searches and the metadata
//! document, with obligations as the Obligations Profile writes them. Bytes go in and serialisable answers
//! come out; HTTP is the host's. [`AccessRequests`] adds the Access Request and Approval Profile: denials that can be
//! requested, tasks, and evaluations that show an approval. A tool call of an agent ([`tool_call`]) becomes a request
//! as well.
//!
//! Every reader comes twice, as requests do: `from_trusted_json` for an enforcement point that the host has
//! authenticated, so that what it says is attested, and `from_caller_json` for anybody else.
//!
//! ```
//! use countersign::Policy;
//! use countersign::authzen::Evaluations;
//! # let policy = Policy::from_toml(
//! #     "format = 1\nname = 'p'\n[[risk]]\nid = 'known'\nwhen = 'true'\nlevel = 'low'\n\
//! #      [[zone]]\nid = 'reads'\nwhen = 'action.name == \"read\"'\nmax_risk = 'low'",
//! # )?;
//! # let now = "2026-11-23T10:00:00Z".parse()?;
//!
//! let body = r#"{"subject": {"type": "user", "id": "ana"}, "resource": {"type": "record", "id": "7"},
//!                "evaluations": [{"action": {"name": "read"}}, {"action": {"name": "write"}}]}"#;
//! let answer = Evaluations::from_trusted_json(body)?.decide(|request| policy.decide(request, now));
//! let json = serde_json::to_value(&answer)?;
//! assert_eq!(json["evaluations"][0]["decision"], true);
//! assert_eq!(json["evaluations"][1]["decision"], false);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod answer;
mod binding;
mod evaluations;
mod filed;
mod metadata;
mod problem;
mod reevaluation;
mod search;
mod submission;
mod task;
mod tool;

use crate::limits;
use crate::request::{RequestError, members_of};
use crate::value::{Attributes, Value};

pub use access::AccessRequests;
pub use answer::Answer;
pub use evaluations::{Evaluations, EvaluationsAnswer};
pub use filed::Filed;
pub use metadata::{Endpoint, Metadata, MetadataError};
pub use problem::{AccessRequestError, BindingFault, Problem};
pub use reevaluation::{Applicable, Reevaluation};
pub use search::{ActionSearch, Found, Page, ResourceSearch, Search, Searched, SubjectSearch};
pub use submission::{AccessRequest, Bound, Callback};
pub use task::{Cancellation, Task, TaskStatus};
pub use tool::{ToolCallError, tool_call};

/// What is wrong with a body as a whole. The answer to it is an HTTP error with this text, and nothing was
/// decided (section 12.1.3 of the API).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRequest {
    /// The body is no request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// More evaluations than one body may have.
    #[error("`evaluations` has {found} elements, limit is {}", limits::EVALUATIONS)]
    TooManyEvaluations {
        /// The number found.
        found: usize,
    },
    /// An evaluation semantic that the API does not have.
    #[error(
        "`options.evaluations_semantic` is `{}`, expected `execute_all`, `deny_on_first_deny` or \
         `permit_on_first_permit`",
        crate::text::quote(found)
    )]
    UnknownSemantic {
        /// The name found.
        found: String,
    },
    /// A page token that this search did not give.
    #[error("`page.token` is not from a page of this search: start again without it")]
    PageToken,
}

impl BadRequest {
    /// Returns the HTTP status: 413 for a body that is too large, 400 for all else.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Request(RequestError::TooLarge { .. }) => 413,
            _ => 400,
        }
    }
}

/// Reads the object that every body is.
fn body(text: &[u8]) -> Result<Attributes, BadRequest> {
    Ok(members_of(text, limits::AUTHZEN_BYTES)?)
}

/// Takes an object out of a body, where there is one.
fn object(body: &mut Attributes, name: &str) -> Result<Option<Attributes>, RequestError> {
    match body.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Map(members)) => Ok(Some(members)),
        Some(other) => Err(wrong_type(name, "an object", &other)),
    }
}

fn wrong_type(path: &str, expected: &'static str, found: &Value) -> RequestError {
    RequestError::WrongType { path: path.to_owned(), expected, found: found.type_name() }
}

/// The two ways in which a body is read.
macro_rules! readers {
    ($what:literal) => {
        #[doc = concat!("Reads ", $what, " of an enforcement point that the host trusts: all in it is attested.")]
        ///
        /// # Errors
        ///
        /// What is wrong with the body as a whole, naming the member.
        pub fn from_trusted_json(text: impl AsRef<[u8]>) -> Result<Self, super::BadRequest> {
            Self::read(text.as_ref(), crate::request::Source::Attested)
        }

        #[doc = concat!("Reads ", $what, " of anybody: nothing in it is attested.")]
        ///
        /// # Errors
        ///
        /// What is wrong with the body as a whole, naming the member.
        pub fn from_caller_json(text: impl AsRef<[u8]>) -> Result<Self, super::BadRequest> {
            Self::read(text.as_ref(), crate::request::Source::Caller)
        }
    };
}
use readers;
