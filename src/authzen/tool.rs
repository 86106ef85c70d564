//! A tool call of an agent as a request: `tools/call` of the Model Context Protocol.
//!
//! After the default mapping of COAZ-MCP (draft 1): the action is `tools/call`, the resource the tool by its name.
//! Two things differ on purpose. The subject is the agent and the person behind it the actor, so that neither
//! approves the call; and the arguments are the payload, so that what is approved is what runs.

use serde_json::{Map, Number, Value as Exact, json};

use crate::json::{self, Bounds, Json};
use crate::payload::Payload;
use crate::request::{Action, Request, Resource, Subject};
use crate::value::Attributes;
use crate::{JsonError, limits};

/// How deep a message may nest, and how many members an object of it may have.
const BOUNDS: Bounds = Bounds { depth: 32, members: 1024 };

/// Why a message is no tool call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ToolCallError {
    /// More bytes than a request may have.
    #[error("message is {bytes} bytes, limit is {}", limits::REQUEST_BYTES)]
    TooLarge {
        /// The bytes found.
        bytes: usize,
    },
    /// The message is not JSON.
    #[error("message: {0}")]
    Json(#[from] JsonError),
    /// The message is for something else: this is no error of whoever sent it.
    #[error("`method` is not `tools/call`")]
    OtherMethod,
    /// A member is absent or of another type.
    #[error("`{path}` is not {expected}")]
    Member {
        /// The member's path.
        path: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}

/// Makes a request of a JSON-RPC message `tools/call`.
///
/// `agent` called, for `person` where somebody stands behind it; the host attests both. The payload is the text
/// `{"arguments":…,"name":…}` with sorted keys, and the tool must be run with that text and no other. The arguments
/// are also the caller's attribute `context.arguments`, for conditions to read.
///
/// ```
/// use countersign::Subject;
/// use countersign::authzen::tool_call;
///
/// let message = r#"{"jsonrpc": "2.0", "id": 7, "method": "tools/call",
///                   "params": {"name": "delete_file", "arguments": {"path": "notes.txt"}}}"#;
/// let request = tool_call(message, Subject::new("agent", "helper"), Some(Subject::new("user", "ana")))?;
/// assert_eq!(request.resource().reference(), "tool/delete_file");
/// let payload = request.action().payload().unwrap();
/// assert_eq!(payload.text(), r#"{"arguments":{"path":"notes.txt"},"name":"delete_file"}"#);
/// # Ok::<(), countersign::authzen::ToolCallError>(())
/// ```
///
/// # Errors
///
/// [`ToolCallError`], naming the member.
pub fn tool_call(
    message: impl AsRef<[u8]>,
    agent: Subject,
    person: Option<Subject>,
) -> Result<Request, ToolCallError> {
    let message = message.as_ref();
    if message.len() > limits::REQUEST_BYTES {
        return Err(ToolCallError::TooLarge { bytes: message.len() });
    }
    let message = json::parse(message, BOUNDS)?;
    if message.get("jsonrpc").and_then(Json::as_str) != Some("2.0") {
        return Err(ToolCallError::Member { path: "jsonrpc", expected: "\"2.0\"" });
    }
    if message.get("method").and_then(Json::as_str) != Some("tools/call") {
        return Err(ToolCallError::OtherMethod);
    }
    let params = message.get("params");
    let name = params.and_then(|params| params.get("name")).and_then(Json::as_str);
    let name = name.ok_or(ToolCallError::Member { path: "params.name", expected: "a string" })?;
    let arguments = match params.and_then(|params| params.get("arguments")) {
        None => Exact::Object(Map::new()),
        Some(arguments @ Json::Object(_)) => exact(arguments)?,
        Some(_) => return Err(NOT_EXACT),
    };
    let text = json!({ "arguments": arguments, "name": name }).to_string();
    let arguments: Attributes = serde_json::from_value(arguments).map_err(|_| NOT_EXACT)?;
    let action = Action::new("tools/call").with_payload(Payload::plain(text));
    let request =
        Request::new(agent, action, Resource::new("tool", name)).with_claimed("arguments", arguments);
    Ok(person.into_iter().fold(request, Request::with_actor))
}

const NOT_EXACT: ToolCallError = ToolCallError::Member {
    path: "params.arguments",
    expected: "an object whose numbers 64 bits hold exactly",
};

/// Copies arguments so that they say the same to every reader: a number that some would round is refused.
fn exact(json: &Json<'_>) -> Result<Exact, ToolCallError> {
    Ok(match json {
        Json::Null => Exact::Null,
        Json::Bool(flag) => Exact::Bool(*flag),
        Json::Number(text) => Exact::Number(number(text).ok_or(NOT_EXACT)?),
        Json::String(text) => Exact::String(text.to_string()),
        Json::Array(items) => Exact::Array(items.iter().map(exact).collect::<Result<_, _>>()?),
        Json::Object(members) => {
            let members = members.iter().map(|(key, item)| Ok((key.to_string(), exact(item)?)));
            Exact::Object(members.collect::<Result<_, ToolCallError>>()?)
        }
    })
}

/// Reads a whole number of 64 bits, or a decimal that is the shortest text of its double.
fn number(text: &str) -> Option<Number> {
    let number = match text.parse::<i64>() {
        Ok(whole) => whole.into(),
        Err(_) => Number::from_f64(text.parse().ok()?)?,
    };
    (number.to_string() == text).then_some(number)
}
