//! GraphQL over HTTP.
//!
//! Finds the operations of a request (GraphQL over HTTP, working draft; GET in `query`, POST in a JSON body
//! or as `application/graphql`). Servers differ in what they prefer where a request says something twice, or
//! in another case, and some run a stored document by its hash: such a request is refused.

use super::super::Obstacle;
use super::super::json::{self, Fields};
use super::graphql::{Operation, operation, strongest};
use super::overrides::reads_as;
use super::url::Target;
use crate::value::Value;

/// How the body is written, as its headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    Json,
    GraphQl,
    Other,
}

impl Media {
    /// Reads a `content-type` (RFC 9110, section 8.3); only UTF-8 is read.
    pub(super) fn read(content_type: &str) -> Self {
        let (media, parameter) = content_type.split_once(';').unwrap_or((content_type, ""));
        let parameter = parameter.trim().to_ascii_lowercase();
        if !matches!(parameter.as_str(), "" | "charset=utf-8" | "charset=\"utf-8\"") {
            return Self::Other;
        }
        match media.trim().to_ascii_lowercase().as_str() {
            "application/json" | "application/graphql+json" => Self::Json,
            "application/graphql" => Self::GraphQl,
            _ => Self::Other,
        }
    }
}

/// Finds what the query of a GET runs. A query that is no GraphQL counts only under a path of GraphQL.
pub(super) fn of_query(target: &Target) -> Result<Option<Operation>, Obstacle> {
    let one = |name| {
        let mut values = target.parameter(name);
        let first = values.next();
        if values.next().is_some() { Err(unclear("a parameter stands twice")) } else { Ok(first) }
    };
    if target.may_be_graphql() {
        let strange =
            |name: &str| reads_as(name, &STORED) || reads_as(name, &FOLDED) && !NAMES.contains(&name);
        if target.parameters.iter().any(|(name, _)| strange(name)) {
            return Err(unclear("a parameter that some servers take for another, or a stored document"));
        }
        if let Some(extensions) = one("extensions")? {
            plain_extensions(Some(json::read("extensions", extensions.as_bytes())?))?;
        }
        one("variables")?;
        return match one("query")? {
            Some(document) => operation(document, one("operationName")?).map(Some),
            None => Err(unclear("no document")),
        };
    }
    // Elsewhere `query` is anybody's word. What reads as GraphQL counts, if only so that it can raise, and
    // whichever of its operations is named.
    let documents = target.parameters.iter().filter(|(name, _)| reads_as(name, &FOLDED));
    Ok(documents.filter_map(|(_, document)| strongest(document)).max())
}

/// Finds what the body of a POST runs. A body that is no GraphQL counts only under a path of GraphQL.
pub(super) fn of_body(target: &Target, media: Media, body: &[u8]) -> Result<Option<Operation>, Obstacle> {
    let read = match media {
        Media::Json => json::read("body", body).and_then(|body| match body {
            Value::List(requests) if !requests.is_empty() => {
                let operations = requests.into_iter().map(of_request);
                operations.collect::<Result<Vec<_>, _>>().map(|all| all.into_iter().max())
            }
            request => of_request(request).map(Some),
        }),
        Media::GraphQl => std::str::from_utf8(body)
            .map_err(|_| unclear("not UTF-8"))
            .and_then(|document| operation(document, None).map(Some)),
        Media::Other => Err(unclear("the header `content-type` names neither JSON nor GraphQL in UTF-8")),
    };
    let overridden =
        target.parameters.iter().any(|(name, _)| reads_as(name, &FOLDED) || reads_as(name, &STORED));
    let read = if overridden {
        Err(unclear("parameters in the URL that some servers take instead of the body"))
    } else {
        read
    };
    if target.may_be_graphql() { read } else { Ok(read.unwrap_or_default()) }
}

/// Reads one request: `query`, `operationName`, `variables`, `extensions` and nothing else.
fn of_request(request: Value) -> Result<Operation, Obstacle> {
    let mut fields = Fields::new("body", request)?;
    let document = fields.text("query")?;
    let name = fields.text("operationName")?;
    match fields.take("variables") {
        None | Some(Value::Map(_)) => {}
        Some(_) => return Err(unclear("variables that are not an object")),
    }
    plain_extensions(fields.take("extensions"))?;
    fields.finish()?;
    let document = document.ok_or_else(|| unclear("no document"))?;
    operation(&document, name.as_deref())
}

/// Refuses extensions that are not known to change nothing, such as the hash of a stored document.
fn plain_extensions(extensions: Option<Value>) -> Result<(), Obstacle> {
    let Some(extensions) = extensions else { return Ok(()) };
    let mut fields = Fields::new("extensions", extensions)?;
    fields.take("clientLibrary");
    fields.finish()
}

fn unclear(problem: &'static str) -> Obstacle {
    Obstacle::unclear("graphql", problem)
}

const NAMES: [&str; 4] = ["query", "operationName", "variables", "extensions"];

/// The same by their letters alone, and where a GET may have its document.
const FOLDED: [&str; 5] = ["query", "operationname", "variables", "extensions", "mutation"];

/// Names, by their letters, under which servers take the hash or the id of a stored document.
const STORED: [&str; 8] =
    ["id", "docid", "documentid", "queryid", "hash", "sha256hash", "persistedquery", "operations"];
