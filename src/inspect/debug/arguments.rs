//! Which arguments of a request are what the protocol says they are.
//!
//! Adapters hand texts on to debuggers that evaluate them: an address, an offset, the name of a function. An
//! argument counts only with the type that the Debug Adapter Protocol gives it, an address only as a number,
//! and a place only in letters that make no expression.

use super::super::Obstacle;
use crate::text::is_unprintable;
use crate::value::Value;

/// What a breakpoint stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A line of a source; in its language a name alone may be no call.
    Source {
        plain_names: bool,
    },
    Function,
    Data,
    Instruction,
    Exception,
}

impl Place {
    /// Returns the members that say where it is.
    pub(super) fn members(self) -> &'static [&'static str] {
        match self {
            Self::Source { .. } => &["line", "column", "mode"],
            Self::Function => &["name"],
            Self::Data => &["dataId", "accessType"],
            Self::Instruction => &["instructionReference", "offset", "mode"],
            Self::Exception => &["filterId", "mode"],
        }
    }
}

/// Checks an argument of a request.
pub(super) fn check(name: &'static str, value: &Value) -> Result<(), Obstacle> {
    let right = match name {
        "memoryReference" => matches!(value, Value::String(text) if is_address(text)),
        "pid" | "processId" => match value {
            Value::String(text) => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()),
            value => matches!(value, Value::Int(0..)),
        },
        "threadIds" => {
            matches!(value, Value::List(items) if items.iter().all(|id| matches!(id, Value::Int(_))))
        }
        "source" | "format" => matches!(value, Value::Map(_)) && is_plain(value),
        // What changes the process anyway may be any text.
        "expression" | "value" => matches!(value, Value::String(_)),
        name if TEXTS.contains(&name) => matches!(value, Value::String(_)) && is_plain(value),
        name if FLAGS.contains(&name) => matches!(value, Value::Bool(_)),
        _ => matches!(value, Value::Int(_)),
    };
    if right { Ok(()) } else { Err(Obstacle::unclear(name, "not as the protocol has it")) }
}

/// Checks a member that says where a breakpoint is.
pub(super) fn check_place(name: &'static str, value: &Value) -> Result<(), Obstacle> {
    let right = match (name, value) {
        ("instructionReference", Value::String(text)) => is_address(text),
        ("name", Value::String(text)) => is_function(text),
        ("dataId" | "filterId" | "accessType", Value::String(text)) => is_identifier(text),
        _ => return check(name, value),
    };
    if right { Ok(()) } else { Err(Obstacle::unclear(name, "it could be an expression")) }
}

/// Says whether a text is a number, decimal or with `0x`.
pub(super) fn is_address(text: &str) -> bool {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let digits = hex.unwrap_or(text);
    let digit = |byte: u8| if hex.is_some() { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
    !digits.is_empty() && digits.bytes().all(digit)
}

/// Says whether a source is in a language where a name alone is no call, but for getters. In others, such as
/// Ruby, `order.delete` calls.
pub(super) fn has_plain_names(source: &Value) -> bool {
    let Value::Map(members) = source else { return false };
    let Some(Value::String(path)) = members.get("path") else { return false };
    let file = path.rsplit(['/', '\\']).next().unwrap_or_default();
    file.rsplit_once('.').is_some_and(|(_, ending)| LANGUAGES.contains(&ending))
}

/// A function's name as languages write it: `ns::f`, `main.(*T).run`, `f<T>`. Debuggers read `*x` as an
/// address to compute, `-x` as an option, and what stands behind a blank as a condition.
fn is_function(text: &str) -> bool {
    let letter = |letter: char| letter.is_alphanumeric() || "_.:~$#/<>,*&()[]@".contains(letter);
    !text.is_empty() && text.chars().all(letter) && !text.starts_with(['*', '$', '(', '&', '['])
}

/// What an adapter has handed out by itself: no expression that calls or assigns.
fn is_identifier(text: &str) -> bool {
    let letter = |letter: char| letter.is_alphanumeric() || "_.:/,#@-".contains(letter);
    text.chars().all(letter) && !text.contains("--")
}

/// Says whether no text in a value holds what cannot be seen: adapters write it on into lines of commands.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.chars().any(is_unprintable),
        Value::List(items) => items.iter().all(is_plain),
        Value::Map(members) => members.iter().all(|(_, value)| is_plain(value)),
        _ => true,
    }
}

const TEXTS: [&str; 17] = [
    "accessType",
    "adapterID",
    "address",
    "clientID",
    "clientName",
    "context",
    "data",
    "filter",
    "granularity",
    "host",
    "locale",
    "mode",
    "name",
    "pathFormat",
    "progressId",
    "dataId",
    "filterId",
];

const FLAGS: [&str; 18] = [
    "allowPartial",
    "ariaSupport",
    "asAddress",
    "columnsStartAt1",
    "justMyCode",
    "linesStartAt1",
    "resolveSymbols",
    "restart",
    "singleThread",
    "sourceModified",
    "stopOnEntry",
    "supportsANSIStyling",
    "supportsInvalidatedEvent",
    "supportsMemoryEvent",
    "supportsMemoryReferences",
    "supportsProgressReporting",
    "supportsVariablePaging",
    "supportsVariableType",
];

/// Endings of sources in whose languages a call has brackets.
const LANGUAGES: [&str; 26] = [
    "c", "cc", "cjs", "cpp", "cs", "cts", "cxx", "dart", "go", "h", "hh", "hpp", "java", "js", "jsx", "kt",
    "lua", "mjs", "mts", "php", "py", "rs", "swift", "ts", "tsx", "zig",
];
