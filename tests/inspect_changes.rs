//! What changes of feature flags and requests to debuggers do.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use countersign::inspect::debug::{self, DebugEffect};
use countersign::inspect::flag::{self, FlagEffect, FlagFacts};

fn change(from: &str, to: &str) -> FlagFacts {
    flag::inspect(&format!(r#"{{"key": "k", "from": {from}, "to": {to}}}"#))
}

#[test]
fn flag_states_are_compared() {
    let off = r#"{"on": false}"#;
    let all = r#"{"on": true}"#;
    let five = r#"{"on": true, "percent": 5}"#;
    let half = r#"{"on": true, "percent": 50.5}"#;
    let none = r#"{"on": true, "percent": 0}"#;
    for (from, to, effect, delta, kill, enables) in [
        (off, off, FlagEffect::Same, 0.0, false, false),
        (five, five, FlagEffect::Same, 0.0, false, false),
        (off, all, FlagEffect::Widen, 100.0, false, true),
        (off, five, FlagEffect::Widen, 5.0, false, true),
        (none, five, FlagEffect::Widen, 5.0, false, true),
        (five, half, FlagEffect::Widen, 45.5, false, false),
        (half, five, FlagEffect::Narrow, -45.5, false, false),
        (all, off, FlagEffect::Narrow, -100.0, true, false),
        (half, none, FlagEffect::Narrow, -50.5, true, false),
        (off, none, FlagEffect::Narrow, 0.0, false, false),
        (
            five,
            r#"{"on": true, "percent": 5, "targeting": ["beta"]}"#,
            FlagEffect::Retarget,
            0.0,
            false,
            false,
        ),
        (half, r#"{"on": true, "percent": 5, "value": "b"}"#, FlagEffect::Retarget, -45.5, false, false),
        (half, r#"{"on": false, "targeting": ["beta"]}"#, FlagEffect::Narrow, -50.5, true, false),
    ] {
        let facts = change(from, to);
        assert_eq!(facts.effect(), Some(effect), "{from} -> {to}: {:?}", facts.obstacle());
        assert_eq!(facts.delta(), Some(delta), "{from} -> {to}");
        assert_eq!((facts.kill(), facts.enables()), (Some(kill), Some(enables)), "{from} -> {to}");
    }
}

#[test]
fn flag_without_a_state_before_counts_as_the_worst() {
    let facts = flag::inspect(r#"{"key": "k", "to": {"on": true, "percent": 5}}"#);
    assert_eq!(
        (facts.effect(), facts.before(), facts.delta()),
        (Some(FlagEffect::Retarget), None, Some(5.0))
    );
    assert_eq!((facts.targeting(), facts.enables(), facts.kill()), (Some(true), Some(true), Some(false)));
    let facts = flag::inspect(r#"{"key": "k", "to": {"on": false}}"#);
    assert_eq!((facts.effect(), facts.kill()), (Some(FlagEffect::Narrow), Some(true)));
}

#[test]
fn flag_changes_in_another_form_are_not_understood() {
    for text in [
        "",
        "7",
        "[]",
        "{}",
        r#"{"key": "k"}"#,
        r#"{"to": {"on": true}}"#,
        r#"{"key": "", "to": {"on": true}}"#,
        r#"{"key": 7, "to": {"on": true}}"#,
        r#"{"key": "k", "to": {}}"#,
        r#"{"key": "k", "to": {"on": "true"}}"#,
        r#"{"key": "k", "to": {"on": 1}}"#,
        r#"{"key": "k", "to": {"on": true, "percent": 101}}"#,
        r#"{"key": "k", "to": {"on": true, "percent": -1}}"#,
        r#"{"key": "k", "to": {"on": true, "percent": "5"}}"#,
        r#"{"key": "k", "to": {"on": true, "Percent": 5}}"#,
        r#"{"key": "k", "to": {"on": true, "percent": 1e999}}"#,
        r#"{"key": "k", "to": {"on": true, "percent": 5, "percent": 50}}"#,
        r#"{"key": "k", "to": {"on": true}, "x": 1}"#,
        r#"{"key": "k", "from": {"on": true, "x": 1}, "to": {"on": true}}"#,
        r#"{"key": "k", "from": [], "to": {"on": true}}"#,
        "{\"key\": \"k\\u202e\", \"to\": {\"on\": true}}",
        r#"{"key": "k", "to": {"on": true}} {}"#,
    ] {
        let facts = flag::inspect(text);
        assert!(!facts.understood(), "{text}: {facts:?}");
        assert_eq!(facts.attributes().len(), 1);
    }
    let text = format!(r#"{{"key": "k", "to": {{"on": true, "value": "{}"}}}}"#, "x".repeat(16_384));
    assert!(flag::inspect(&text).obstacle().unwrap().to_string().ends_with("exceeds the limit of 16384"));
}

fn breakpoint(members: &str) -> debug::DebugFacts {
    debug::inspect(&format!(
        r#"{{"seq": 1, "type": "request", "command": "setBreakpoints",
            "arguments": {{"source": {{"path": "a.py"}}, "breakpoints": [{{"line": 7{members}}}]}}}}"#
    ))
}

#[test]
fn debugger_commands_have_their_effect() {
    for (command, arguments, effect) in [
        ("threads", "{}", DebugEffect::Observe),
        ("stackTrace", r#"{"threadId": 1}"#, DebugEffect::Observe),
        ("variables", r#"{"variablesReference": 3}"#, DebugEffect::Observe),
        ("readMemory", r#"{"memoryReference": "0x1", "count": 8}"#, DebugEffect::Observe),
        ("setExceptionBreakpoints", r#"{"filters": []}"#, DebugEffect::Observe),
        ("disconnect", r#"{"terminateDebuggee": false}"#, DebugEffect::Observe),
        ("disconnect", r#"{"terminateDebuggee": false, "suspendDebuggee": true}"#, DebugEffect::Stop),
        ("attach", r#"{"processId": 7}"#, DebugEffect::Stop),
        ("pause", r#"{"threadId": 1}"#, DebugEffect::Stop),
        ("next", r#"{"threadId": 1}"#, DebugEffect::Stop),
        ("continue", r#"{"threadId": 1}"#, DebugEffect::Stop),
        ("setExceptionBreakpoints", r#"{"filters": ["raised"]}"#, DebugEffect::Stop),
        ("setFunctionBreakpoints", r#"{"breakpoints": [{"name": "f"}]}"#, DebugEffect::Stop),
        (
            "setDataBreakpoints",
            r#"{"breakpoints": [{"dataId": "x", "accessType": "write"}]}"#,
            DebugEffect::Stop,
        ),
        ("setBreakpoints", r#"{"source": {}, "lines": [7]}"#, DebugEffect::Stop),
        ("disconnect", "{}", DebugEffect::Write),
        ("disconnect", r#"{"terminateDebuggee": true}"#, DebugEffect::Write),
        ("terminate", "{}", DebugEffect::Write),
        ("evaluate", r#"{"expression": "x", "context": "hover"}"#, DebugEffect::Write),
        ("setVariable", r#"{"variablesReference": 1, "name": "x", "value": "1"}"#, DebugEffect::Write),
        ("writeMemory", r#"{"memoryReference": "0x1", "data": "AA=="}"#, DebugEffect::Write),
        ("goto", r#"{"threadId": 1, "targetId": 1}"#, DebugEffect::Write),
    ] {
        let facts = debug::inspect(&format!(r#"{{"command": "{command}", "arguments": {arguments}}}"#));
        assert_eq!(facts.effect(), Some(effect), "{command} {arguments}: {:?}", facts.obstacle());
        assert_eq!(facts.commands(), [command]);
    }
}

#[test]
fn breakpoints_stop_and_logpoints_do_not() {
    let facts = breakpoint("");
    assert_eq!((facts.effect(), facts.breakpoints()), (Some(DebugEffect::Stop), Some(1)));
    assert_eq!(facts.evaluates(), Some(false));
    let facts = breakpoint(r#", "logMessage": """#);
    assert_eq!(facts.breakpoints(), Some(1));
    let facts = breakpoint(r#", "logMessage": "here""#);
    assert_eq!((facts.effect(), facts.logpoints()), (Some(DebugEffect::Observe), Some(1)));
    assert_eq!((facts.breakpoints(), facts.evaluates()), (Some(0), Some(false)));
    for members in [
        r#", "logMessage": "total {order.total} of {items[0].id}""#,
        r#", "logMessage": "here", "condition": "user.id == 7 && name != \"x\"""#,
        r#", "logMessage": "here", "condition": "not done and count >= -1 or a === 'b'""#,
        r#", "logMessage": "here", "condition": "ready", "hitCondition": ">= 5""#,
    ] {
        let facts = breakpoint(members);
        assert_eq!(facts.effect(), Some(DebugEffect::Observe), "{members}: {:?}", facts.obstacle());
        assert_eq!(facts.evaluates(), Some(true), "{members}");
    }
}

#[test]
fn expressions_that_may_change_something_are_not_understood() {
    for condition in [
        "x = 1",
        "x=1",
        "f()",
        "x++",
        "--x",
        "a == b = c",
        "x := 1",
        "x += 1",
        "del x",
        "exit 1",
        "`rm`",
        "a <=> b",
        "a >>= 1",
        "\\\"a\\\" + x",
        "x if f else y",
        "a ? b : c",
        "a[i]",
        "a[f()]",
        "a..b",
        "a.",
        ".a",
        "x; y",
        "a\\nb",
        "await x",
        "a&&=b",
        "a == 'b' 'c'",
        "\\\"${f()}\\\" == x",
        "a == ",
        "== a",
        "a and",
        "é",
        "!x",
        "print 'x'",
        "a == 'b",
        "a =~ b",
        "not",
        "a b",
    ] {
        let facts = breakpoint(&format!(r#", "condition": "{condition}""#));
        assert!(!facts.understood(), "{condition}: {facts:?}");
    }
    for message in [
        "{f()}", "{x = 1}", "{a}{", "}", "{a}}", "{{a}}", "{}", "{a + b}", "`x`", "$(x)", "${x}", "#{x}",
        "{a:b}", "{a!r}",
    ] {
        let facts = breakpoint(&format!(r#", "logMessage": "{message}""#));
        assert!(!facts.understood(), "{message}: {facts:?}");
    }
    assert!(!breakpoint(r#", "hitCondition": "f()""#).understood());
    assert!(!breakpoint(r#", "action": "x""#).understood());
}

#[test]
fn debugger_requests_in_another_form_are_not_understood() {
    for text in [
        "",
        "[]",
        "{}",
        "7",
        "[7]",
        r#"{"command": "launch", "arguments": {"program": "x"}}"#,
        r#"{"command": "attach", "arguments": {"initCommands": ["platform shell rm"]}}"#,
        r#"{"command": "Threads"}"#,
        r#"{"command": "runInTerminal", "arguments": {}}"#,
        r#"{"command": "threads", "x": 1}"#,
        r#"{"command": "threads", "command": "terminate"}"#,
        r#"{"type": "response", "command": "threads"}"#,
        r#"{"command": "threads", "arguments": []}"#,
        r#"{"command": "threads", "arguments": {"x": 1}}"#,
        r#"[{"command": "threads"}, {"command": "nothing"}]"#,
        r#"{"command": "setBreakpoints", "arguments": {"breakpoints": {}}}"#,
        r#"{"command": "setBreakpoints", "arguments": {"breakpoints": [7]}}"#,
        r#"{"command": "disconnect", "arguments": {"terminateDebuggee": "false"}}"#,
    ] {
        let facts = debug::inspect(text);
        assert!(!facts.understood(), "{text}: {facts:?}");
        assert_eq!(facts.attributes().len(), 1);
    }
    let many = format!("[{}]", [r#"{"command": "threads"}"#; 65].join(","));
    assert_eq!(debug::inspect(&many).obstacle().unwrap().to_string(), "requests 65 exceeds the limit of 64");
}

#[test]
fn added_request_never_lowers_the_effect() {
    let requests = [
        r#"{"command": "threads"}"#,
        r#"{"command": "pause", "arguments": {"threadId": 1}}"#,
        r#"{"command": "terminate"}"#,
        r#"{"command": "readMemory", "arguments": {"memoryReference": "1", "count": 1}}"#,
        r#"{"command": "nothing"}"#,
    ];
    let rank = |text: &str| {
        let facts = debug::inspect(text);
        (!facts.understood(), facts.effect(), facts.memory())
    };
    for first in requests {
        for second in requests {
            let both = rank(&format!("[{first}, {second}]"));
            assert!(both.0 >= rank(first).0 && both.0 >= rank(second).0);
            assert!(both.0 || both.1 >= rank(first).1 && both.1 >= rank(second).1, "{first} {second}");
        }
    }
}
