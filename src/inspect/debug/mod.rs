//! What requests to a debugger do.
//!
//! The payload is one request of the Debug Adapter Protocol, or a list of them in order: what a session
//! sets up before it runs. A command, an argument or an expression that is not known is *not understood*,
//! and so is a name in a language where a name alone can be a call. Whether the adapter honours a condition or
//! a log message, and whether reading a name runs a getter of the process, the text does not show.

mod arguments;
mod expressions;
mod facts;

use self::DebugEffect::{Observe, Stop, Write};
use self::arguments::Place;
use self::expressions::Use;
use self::facts::Known;
use super::Obstacle;
use super::json::{self, Fields};
use crate::limits;
use crate::value::Value;

pub use facts::{DebugEffect, DebugFacts, MEMBERS};

/// Reads requests to a debugger and states what they do.
///
/// The text is a request `{"command": "…", "arguments": {…}}` as the Debug Adapter Protocol writes it (`seq`
/// and `type` may stand beside), or a list of at most [`limits::DEBUG_REQUESTS`] of them.
///
/// ```
/// use countersign::inspect::debug::{self, DebugEffect};
///
/// let text = r#"{"command": "setBreakpoints", "arguments": {"source": {"path": "orders.py"},
///     "breakpoints": [{"line": 7, "logMessage": "total {order.total}"}]}}"#;
/// let facts = debug::inspect(text);
/// assert_eq!(facts.effect(), Some(DebugEffect::Observe));
/// assert_eq!((facts.breakpoints(), facts.logpoints()), (Some(0), Some(1)));
///
/// let facts = debug::inspect(&text.replace("logMessage", "condition"));
/// assert!(!facts.understood()); // no condition that is known to change nothing
/// ```
#[must_use]
pub fn inspect(text: &str) -> DebugFacts {
    DebugFacts::new(read(text))
}

fn read(text: &str) -> Result<Known, Obstacle> {
    let requests = match json::read("the request", text.as_bytes())? {
        Value::List(requests) => requests,
        request => vec![request],
    };
    if requests.is_empty() {
        return Err(Obstacle::unclear("the request", "an empty list"));
    }
    if requests.len() > limits::DEBUG_REQUESTS {
        let (found, limit) = (requests.len(), limits::DEBUG_REQUESTS);
        return Err(Obstacle::TooLarge { what: "requests", found, limit });
    }
    let mut known = Known::default();
    for request in requests {
        let mut fields = Fields::new("the request", request)?;
        let command = fields.text("command")?.unwrap_or_default();
        if fields.text("type")?.is_some_and(|kind| kind != "request") {
            return Err(Obstacle::unclear("type", "not `request`"));
        }
        fields.take("seq");
        let arguments = fields.take("arguments").unwrap_or_else(|| Value::Map(crate::Attributes::new()));
        fields.finish()?;
        known.add(&command, Fields::new("arguments", arguments)?)?;
        if !known.commands.contains(&command) {
            known.commands.push(command);
        }
    }
    known.commands.sort();
    Ok(known)
}

impl Known {
    fn add(&mut self, command: &str, mut arguments: Fields) -> Result<(), Obstacle> {
        let known = COMMANDS.iter().find(|(name, ..)| *name == command);
        let Some((_, effect, allowed)) = known else {
            return Err(Obstacle::unknown("the request", command));
        };
        self.effect = self.effect.max(*effect);
        match command {
            "setBreakpoints" => {
                let source = arguments.take("source");
                let plain_names = source.as_ref().is_some_and(arguments::has_plain_names);
                if let Some(source) = source {
                    arguments::check("source", &source)?;
                }
                self.breakpoints(&mut arguments, "breakpoints", Place::Source { plain_names })?;
                for _ in arguments.list("lines")?.unwrap_or_default() {
                    self.stopping();
                }
            }
            "setFunctionBreakpoints" => self.breakpoints(&mut arguments, "breakpoints", Place::Function)?,
            "setDataBreakpoints" => self.breakpoints(&mut arguments, "breakpoints", Place::Data)?,
            "setInstructionBreakpoints" => {
                self.breakpoints(&mut arguments, "breakpoints", Place::Instruction)?;
            }
            "setExceptionBreakpoints" => {
                for _ in arguments.list("filters")?.unwrap_or_default() {
                    self.stopping();
                }
                self.breakpoints(&mut arguments, "filterOptions", Place::Exception)?;
                for _ in arguments.list("exceptionOptions")?.unwrap_or_default() {
                    self.stopping();
                }
            }
            "dataBreakpointInfo" => {
                let name = arguments.text("name")?.unwrap_or_default();
                let child = arguments.take("variablesReference");
                // Without a variable the name is an expression, or an address.
                let plain = match child {
                    Some(Value::Int(1..)) => expressions::is_child(&name),
                    _ => arguments::is_address(&name),
                };
                if !plain {
                    return Err(Obstacle::unclear("name", "neither a variable's child nor an address"));
                }
                self.evaluates |= child.is_some();
            }
            "disconnect" => {
                // Where nobody says otherwise, an adapter ends what it has launched.
                if arguments.flag("terminateDebuggee")? != Some(false)
                    || arguments.flag("restart")? == Some(true)
                {
                    self.effect = Write;
                }
                if arguments.flag("suspendDebuggee")? == Some(true) {
                    self.effect = self.effect.max(Stop);
                }
            }
            "evaluate" | "setExpression" | "setVariable" => self.evaluates = true,
            "readMemory" | "writeMemory" | "disassemble" => self.memory = true,
            _ => {}
        }
        for name in *allowed {
            if let Some(value) = arguments.take(name) {
                arguments::check(name, &value)?;
            }
        }
        arguments.finish()
    }

    fn stopping(&mut self) {
        self.breakpoints = self.breakpoints.saturating_add(1);
        self.effect = self.effect.max(Stop);
    }

    fn breakpoints(
        &mut self,
        arguments: &mut Fields,
        list: &'static str,
        place: Place,
    ) -> Result<(), Obstacle> {
        for breakpoint in arguments.list(list)?.unwrap_or_default() {
            self.breakpoint(breakpoint, place)?;
        }
        Ok(())
    }

    /// Adds a breakpoint: one with a log message writes a line and goes on, any other stops the process.
    fn breakpoint(&mut self, breakpoint: Value, place: Place) -> Result<(), Obstacle> {
        let mut fields = Fields::new("breakpoint", breakpoint)?;
        if let Some(condition) = fields.text("condition")? {
            self.expression(expressions::condition(&condition), place)?;
        }
        if fields.text("hitCondition")?.is_some_and(|hits| !expressions::is_hit_count(&hits)) {
            return Err(Obstacle::unclear("hitCondition", "not a plain number"));
        }
        // Only a breakpoint in a source has a log message; at others adapters ignore it, and stop.
        let message = match place {
            Place::Source { .. } => fields.text("logMessage")?.filter(|message| !message.is_empty()),
            _ => None,
        };
        for name in place.members() {
            if let Some(value) = fields.take(name) {
                arguments::check_place(name, &value)?;
            }
        }
        fields.finish()?;
        match message {
            Some(message) => {
                self.logpoints = self.logpoints.saturating_add(1);
                self.expression(expressions::message(&message), place)?;
            }
            None => self.stopping(),
        }
        Ok(())
    }

    fn expression(&mut self, found: Option<Use>, place: Place) -> Result<(), Obstacle> {
        match found {
            Some(Use::Text) => Ok(()),
            Some(Use::Names) if place == (Place::Source { plain_names: true }) => {
                self.evaluates = true;
                Ok(())
            }
            Some(Use::Names) => Err(Obstacle::unclear("expression", "a name that could be a call")),
            None => Err(Obstacle::unclear("expression", "not known to change nothing")),
        }
    }
}

/// The commands of the Debug Adapter Protocol (version 1.70) that are known, their least effect, and the
/// arguments that do not add to it. What controls the process counts as stopping it: a process that goes on
/// is one that was stopped.
const COMMANDS: [(&str, DebugEffect, &[&str]); 41] = [
    ("attach", Stop, &["pid", "processId", "host", "port", "address", "name", "justMyCode", "stopOnEntry"]),
    ("breakpointLocations", Observe, &["source", "line", "column", "endLine", "endColumn"]),
    ("cancel", Observe, &["requestId", "progressId"]),
    ("configurationDone", Observe, &[]),
    ("continue", Stop, &["threadId", "singleThread"]),
    ("dataBreakpointInfo", Observe, &["frameId", "bytes", "asAddress", "mode"]),
    (
        "disassemble",
        Observe,
        &["memoryReference", "offset", "instructionOffset", "instructionCount", "resolveSymbols"],
    ),
    ("disconnect", Observe, &[]),
    ("evaluate", Write, &["expression", "frameId", "line", "column", "source", "context", "format"]),
    ("exceptionInfo", Observe, &["threadId"]),
    ("goto", Write, &["threadId", "targetId"]),
    ("gotoTargets", Observe, &["source", "line", "column"]),
    ("initialize", Observe, INITIALIZE),
    ("loadedSources", Observe, &[]),
    ("locations", Observe, &["locationReference"]),
    ("modules", Observe, &["startModule", "moduleCount"]),
    ("next", Stop, STEP),
    ("pause", Stop, &["threadId"]),
    ("readMemory", Observe, &["memoryReference", "offset", "count"]),
    ("restart", Write, &[]),
    ("restartFrame", Write, &["frameId"]),
    ("reverseContinue", Stop, &["threadId", "singleThread"]),
    ("scopes", Observe, &["frameId"]),
    ("setBreakpoints", Observe, &["sourceModified"]),
    ("setDataBreakpoints", Observe, &[]),
    ("setExceptionBreakpoints", Observe, &[]),
    ("setExpression", Write, &["expression", "value", "frameId", "format"]),
    ("setFunctionBreakpoints", Observe, &[]),
    ("setInstructionBreakpoints", Observe, &[]),
    ("setVariable", Write, &["variablesReference", "name", "value", "format"]),
    ("source", Observe, &["source", "sourceReference"]),
    ("stackTrace", Observe, &["threadId", "startFrame", "levels", "format"]),
    ("stepBack", Stop, STEP),
    ("stepIn", Stop, STEP),
    ("stepInTargets", Observe, &["frameId"]),
    ("stepOut", Stop, STEP),
    ("terminate", Write, &["restart"]),
    ("terminateThreads", Write, &["threadIds"]),
    ("threads", Observe, &[]),
    ("variables", Observe, &["variablesReference", "filter", "start", "count", "format"]),
    ("writeMemory", Write, &["memoryReference", "offset", "allowPartial", "data"]),
];

const STEP: &[&str] = &["threadId", "singleThread", "targetId", "granularity"];

const INITIALIZE: &[&str] = &[
    "adapterID",
    "ariaSupport",
    "clientID",
    "clientName",
    "columnsStartAt1",
    "linesStartAt1",
    "locale",
    "pathFormat",
    "supportsANSIStyling",
    "supportsInvalidatedEvent",
    "supportsMemoryEvent",
    "supportsMemoryReferences",
    "supportsProgressReporting",
    "supportsVariablePaging",
    "supportsVariableType",
];
