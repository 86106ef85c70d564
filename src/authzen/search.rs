//! Subject, resource and action search (section 8), over candidates that the host names.
//!
//! The library knows no directory: the host hands candidates in, in an order that stays the same from page to
//! page, and each is decided as an evaluation would be. What the body says of the searched entity besides its
//! type is ignored, so that nobody is found on the word of the one who searches.

use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::{BadRequest, body, object, readers, wrong_type};
use crate::decision::{Decision, Effect};
use crate::limits;
use crate::request::{Action, Request, RequestError, Resource, Source, Subject};
use crate::value::{Attributes, Value};

/// A search for who may do something.
pub type SubjectSearch = Search<Subject>;
/// A search for what something may be done on.
pub type ResourceSearch = Search<Resource>;
/// A search for what may be done.
pub type ActionSearch = Search<Action>;

/// A search: a request in which one entity is left open.
///
/// ```
/// use countersign::Subject;
/// use countersign::authzen::SubjectSearch;
/// # let policy = countersign::Policy::from_toml(
/// #     "format = 1\nname = 'p'\n[attributes]\n'subject.role' = 'string?'\n[[risk]]\nid = 'known'\nwhen = 'true'\n\
/// #      level = 'low'\n[[zone]]\nid = 'reads'\n\
/// #      when = 'action.name == \"read\" && has(subject.role) && subject.role == \"clerk\"'\nmax_risk = 'low'",
/// # )?;
/// # let now = "2026-11-23T10:00:00Z".parse()?;
///
/// let body = r#"{"subject": {"type": "user"}, "action": {"name": "read"}, "resource": {"type": "record", "id": "7"}}"#;
/// let search = SubjectSearch::from_trusted_json(body)?;
/// assert_eq!(search.kind(), Some("user")); // which candidates the host should look up
/// let staff = [Subject::new("user", "ana").with("role", "clerk"), Subject::new("user", "bo")];
/// let found = search.among(staff, |request| policy.decide(request, now));
/// assert_eq!(
///     serde_json::to_string(&found)?,
///     r#"{"page":{"next_token":"","count":1},"results":[{"id":"ana","type":"user"}]}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Search<E> {
    request: Request,
    kind: Option<String>,
    skip: usize,
    limit: usize,
    query: String,
    searched: PhantomData<E>,
}

/// An entity that can be searched for: [`Subject`], [`Resource`] or [`Action`].
pub trait Searched: sealed::Entity {}

impl Searched for Subject {}
impl Searched for Resource {}
impl Searched for Action {}

/// The response to a search: a page of entities, by type and id or by name alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    page: Page,
    results: Vec<Json>,
}

/// Where the results go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page {
    next_token: String,
    count: usize,
}

impl<E: Searched> Search<E> {
    readers!("a body of a search endpoint");

    fn read(text: &[u8], source: Source) -> Result<Self, BadRequest> {
        let mut members = body(text)?;
        let mut page = object(&mut members, "page")?.unwrap_or_default();
        let token = match page.remove("token") {
            None | Some(Value::Null) => None,
            Some(Value::String(token)) => Some(token),
            Some(other) => return Err(wrong_type("page.token", "a string", &other).into()),
        };
        let limit = limit(page.get("limit"))?;
        let query = digest(E::NAME, &members, &page);
        let skip = token.map_or(Ok(0), |token| place(&token, &query).ok_or(BadRequest::PageToken))?;
        let kind = E::leave_open(&mut members)?;
        Ok(Self {
            request: Request::from_members(members, source)?,
            kind,
            skip,
            limit,
            query,
            searched: PhantomData,
        })
    }

    /// Returns the type of the entities searched for; actions have none.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// Decides the request with each candidate in the open place and lists those that are allowed, up to the
    /// page's limit. Candidates of another type are passed over.
    #[must_use]
    pub fn among(
        &self,
        candidates: impl IntoIterator<Item = E>,
        mut ask: impl FnMut(&Request) -> Decision,
    ) -> Found {
        let mut results = Vec::new();
        let mut next_token = String::new();
        for (place, candidate) in candidates.into_iter().enumerate().skip(self.skip) {
            if results.len() >= self.limit {
                next_token = URL_SAFE_NO_PAD.encode(format!("{place}.{}", self.query));
                break;
            }
            if candidate.kind() != self.kind() {
                continue;
            }
            let name = candidate.name();
            if ask(&candidate.fill(self.request.clone())).effect() == Effect::Allow {
                results.push(name);
            }
        }
        Found { page: Page { next_token, count: results.len() }, results }
    }
}

impl Found {
    /// Returns the token of the next page; empty where there is none.
    #[must_use]
    pub fn next_token(&self) -> &str {
        &self.page.next_token
    }

    /// Counts the entities on this page.
    #[must_use]
    pub fn len(&self) -> usize {
        self.results.len()
    }

    /// Says whether there is no entity on this page.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.results.is_empty()
    }
}

fn limit(stated: Option<&Value>) -> Result<usize, RequestError> {
    let number = match stated {
        None | Some(Value::Null) => return Ok(limits::SEARCH_RESULTS),
        Some(Value::Int(number)) => usize::try_from(*number).ok(),
        Some(Value::Uint(number)) => usize::try_from(*number).ok(),
        Some(_) => None,
    };
    // A page of nothing would lead from page to page for ever.
    match (number, stated) {
        (Some(number), _) => Ok(number.clamp(1, limits::SEARCH_RESULTS)),
        (None, Some(found)) => Err(wrong_type("page.limit", "a non-negative integer", found)),
        (None, None) => Ok(limits::SEARCH_RESULTS),
    }
}

/// Digests all of a search but the token: a page belongs to one search (section 8.2).
fn digest(searched: &str, members: &Attributes, page: &Attributes) -> String {
    let mut hash = Sha256::new();
    hash.update(searched);
    for part in [members, page] {
        part.for_each_part(&mut |bytes| hash.update(bytes));
    }
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

/// Reads how many candidates the pages before went through.
fn place(token: &str, query: &str) -> Option<usize> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (place, of) = text.split_once('.')?;
    (of == query).then(|| place.parse().ok())?
}

mod sealed {
    use super::{Action, Attributes, Json, Request, RequestError, Resource, Subject, Value, json, object};

    /// The place in a request that a search leaves open.
    pub trait Entity: Sized {
        const NAME: &'static str;

        fn kind(&self) -> Option<&str>;
        fn name(&self) -> Json;
        fn fill(self, request: Request) -> Request;

        /// Puts something in the open place until a candidate is there, and returns the type that is asked for.
        fn leave_open(members: &mut Attributes) -> Result<Option<String>, RequestError> {
            let missing = |path: &str| RequestError::Missing { path: path.to_owned() };
            let mut stated = object(members, Self::NAME)?.ok_or_else(|| missing(Self::NAME))?;
            let kind = match stated.remove("type") {
                Some(Value::String(kind)) => kind,
                None | Some(Value::Null) => return Err(missing(&format!("{}.type", Self::NAME))),
                Some(other) => {
                    return Err(super::wrong_type(&format!("{}.type", Self::NAME), "a string", &other));
                }
            };
            let mut open = Attributes::new();
            open.insert("type", kind.as_str());
            open.insert("id", "?");
            members.insert(Self::NAME, Value::Map(open));
            Ok(Some(kind))
        }
    }

    impl Entity for Subject {
        const NAME: &'static str = "subject";

        fn kind(&self) -> Option<&str> {
            Some(self.kind())
        }

        fn name(&self) -> Json {
            json!({ "type": self.kind(), "id": self.id() })
        }

        fn fill(self, request: Request) -> Request {
            request.with_subject(self)
        }
    }

    impl Entity for Resource {
        const NAME: &'static str = "resource";

        fn kind(&self) -> Option<&str> {
            Some(self.kind())
        }

        fn name(&self) -> Json {
            json!({ "type": self.kind(), "id": self.id() })
        }

        fn fill(self, request: Request) -> Request {
            request.with_resource(self)
        }
    }

    impl Entity for Action {
        const NAME: &'static str = "action";

        fn kind(&self) -> Option<&str> {
            None
        }

        fn name(&self) -> Json {
            json!({ "name": self.name() })
        }

        fn fill(self, request: Request) -> Request {
            request.with_action(self)
        }

        fn leave_open(members: &mut Attributes) -> Result<Option<String>, RequestError> {
            let mut open = Attributes::new();
            open.insert("name", "?");
            members.insert(Self::NAME, Value::Map(open));
            Ok(None)
        }
    }
}
