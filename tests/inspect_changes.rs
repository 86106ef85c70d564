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
        (half, r#"{"on": false, "targeting": ["beta"]}"#, FlagEffect::Retarget, -50.5, false, false),
        (half, r#"{"on": false, "value": "b"}"#, FlagEffect::Retarget, -50.5, false, false),
        (
            half,
            r#"{"on": true, "percent": 0, "targeting": ["beta"]}"#,
            FlagEffect::Retarget,
            -50.5,
            false,
            false,
        ),
        (
            r#"{"on": true, "percent": 5, "targeting": ["beta"]}"#,
            r#"{"on": true, "percent": 0, "targeting": ["beta"]}"#,
            FlagEffect::Narrow,
            -5.0,
            false,
            false,
        ),
        (
            r#"{"on": true, "percent": 0, "targeting": ["beta"]}"#,
            r#"{"on": true, "percent": 0, "targeting": "all"}"#,
            FlagEffect::Retarget,
            0.0,
            false,
            false,
        ),
        (r#"{"on": true, "percent": 0, "targeting": ["beta"]}"#, none, FlagEffect::Narrow, 0.0, true, false),
        (r#"{"on": true, "targeting": ["beta"], "value": 1}"#, off, FlagEffect::Narrow, -100.0, true, false),
        (
            r#"{"on": false, "targeting": ["beta"]}"#,
            r#"{"on": true, "percent": 0, "targeting": ["beta"]}"#,
            FlagEffect::Widen,
            0.0,
            false,
            true,
        ),
    ] {
        let facts = change(from, to);
        assert_eq!(facts.effect(), Some(effect), "{from} -> {to}: {:?}", facts.obstacle());
        assert_eq!(facts.delta(), Some(delta), "{from} -> {to}");
        assert_eq!((facts.kill(), facts.enables()), (Some(kill), Some(enables)), "{from} -> {to}");
    }
}

#[test]
fn flag_numbers_are_compared_as_decimals() {
    let with = |value: &str| format!(r#"{{"on": true, "percent": 5, "value": {value}}}"#);
    for (from, to, effect) in [
        ("9007199254740992", "9007199254740993", FlagEffect::Retarget),
        ("18446744073709551614", "18446744073709551615", FlagEffect::Retarget),
        ("0.1", "0.10000000000000002", FlagEffect::Retarget),
        ("50", "\"50\"", FlagEffect::Retarget),
        ("\"0.10000000000000001\"", "\"0.1\"", FlagEffect::Retarget),
        ("\"a\\\\\"", "\"a\\\\\"", FlagEffect::Same),
        ("33.333333333333336", "33.333333333333336", FlagEffect::Same),
        ("1e23", "1.0E+23", FlagEffect::Same),
        ("[1.50, -2.5e-3, 0, -0.0, 0e9]", "[1.5, -25e-4, 0, 0.0, 0.0]", FlagEffect::Same),
    ] {
        let facts = change(&with(from), &with(to));
        assert_eq!(facts.effect(), Some(effect), "{from} -> {to}: {:?}", facts.obstacle());
    }
    for number in [
        "18446744073709551616",
        "18446744073709551617",
        "0.10000000000000001",
        "[\"\\\\\", 0.10000000000000001]",
        "[\"\\\"\", 0.10000000000000001]",
        "{\"a\":1e-400}",
        "1e400",
        "-9223372036854775809",
        "0.1+",
        "2.00000000000000001",
        "123456789012345678901234567890",
    ] {
        let facts = change(&with(number), &with(number));
        assert!(!facts.understood(), "{number}: {facts:?}");
    }
    // The difference is exact, so that a bound of 10 is one.
    let share = |percent: &str| format!(r#"{{"on": true, "percent": {percent}}}"#);
    for (from, to, delta) in [("20.1", "30.1", 10.0), ("0.3", "10.300001", 10.000001), ("0.1", "0.3", 0.2)] {
        assert_eq!(change(&share(from), &share(to)).delta(), Some(delta), "{from} -> {to}");
    }
    assert_eq!(change(&share("-0.0"), &share("1e2")).delta(), Some(100.0));
    for percent in
        ["-0.5", "-1e-7", "1e-7", "0.0000005", "100.0000001", "5.1234567", "null", "true", "[5]", "256"]
    {
        let facts = change(&share("5"), &share(percent));
        assert!(!facts.understood(), "{percent}: {facts:?}");
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
    for message in ["a \\\" + f() + \\\"", "'{a}'", "%n", "a\\nb", "\\u2028", "{a['b']}", "{a[\\\"b\\\"]}"] {
        let facts = breakpoint(&format!(r#", "logMessage": "{message}""#));
        assert!(!facts.understood(), "{message}: {facts:?}");
    }
    for hits in ["f()", "x", "%", "> = 5", "= = 5", "5 5", "%=5", ">>5", "-1", "1e3", "0x5"] {
        assert!(!breakpoint(&format!(r#", "hitCondition": "{hits}""#)).understood(), "{hits}");
    }
    assert!(!breakpoint(r#", "hitCondition": "f()""#).understood());
    assert!(!breakpoint(r#", "action": "x""#).understood());
}

fn request(command: &str, arguments: &str) -> debug::DebugFacts {
    debug::inspect(&format!(r#"{{"command": "{command}", "arguments": {arguments}}}"#))
}

#[test]
fn expressions_in_the_place_of_numbers_and_names_are_not_understood() {
    for (command, arguments) in [
        ("dataBreakpointInfo", r#"{"name": "f()"}"#),
        ("dataBreakpointInfo", r#"{"name": "order.total"}"#),
        ("dataBreakpointInfo", r#"{"variablesReference": 0, "name": "order"}"#),
        ("dataBreakpointInfo", r#"{"variablesReference": 3, "name": "x = 1"}"#),
        ("dataBreakpointInfo", r#"{"variablesReference": 3, "name": "[f()]"}"#),
        ("dataBreakpointInfo", r#"{"variablesReference": "f()", "name": "x"}"#),
        ("dataBreakpointInfo", r#"{"name": "f()", "asAddress": true}"#),
        ("dataBreakpointInfo", "{}"),
        ("disassemble", r#"{"memoryReference": "f()", "instructionCount": 1}"#),
        ("disassemble", r#"{"memoryReference": "0x1", "instructionCount": "f()"}"#),
        ("disassemble", r#"{"memoryReference": 1, "instructionCount": 1}"#),
        ("readMemory", r#"{"memoryReference": "&x", "count": 8}"#),
        ("readMemory", r#"{"memoryReference": "0x", "count": 8}"#),
        ("readMemory", r#"{"memoryReference": "", "count": 8}"#),
        ("readMemory", r#"{"memoryReference": "1+f()", "count": 8}"#),
        ("readMemory", r#"{"memoryReference": "0x1", "offset": "x", "count": 8}"#),
        ("writeMemory", r#"{"memoryReference": "x++", "data": "AA=="}"#),
        ("setInstructionBreakpoints", r#"{"breakpoints": [{"instructionReference": "f()"}]}"#),
        (
            "setInstructionBreakpoints",
            r#"{"breakpoints": [{"instructionReference": "0x1", "offset": "f()"}]}"#,
        ),
        ("setFunctionBreakpoints", r#"{"breakpoints": [{"name": "*f()"}]}"#),
        ("setFunctionBreakpoints", r#"{"breakpoints": [{"name": "main if f()"}]}"#),
        ("setFunctionBreakpoints", r#"{"breakpoints": [{"name": "-c"}]}"#),
        ("setFunctionBreakpoints", r#"{"breakpoints": [{"name": "main\nshell"}]}"#),
        ("setFunctionBreakpoints", r#"{"breakpoints": [{"name": "f", "condition": "order.delete"}]}"#),
        ("setDataBreakpoints", r#"{"breakpoints": [{"dataId": "f()", "accessType": "write"}]}"#),
        ("setDataBreakpoints", r#"{"breakpoints": [{"dataId": "x=1"}]}"#),
        ("setBreakpoints", r#"{"source": {"path": "a.c\n-exec"}, "breakpoints": [{"line": 7}]}"#),
        ("setBreakpoints", r#"{"source": {"path": "a.c"}, "breakpoints": [{"line": "f()"}]}"#),
        ("setBreakpoints", r#"{"source": "a.c", "breakpoints": [{"line": 7}]}"#),
        ("stackTrace", r#"{"threadId": "f()"}"#),
        ("attach", r#"{"pid": "${command:x}"}"#),
        ("attach", r#"{"pid": -1}"#),
        ("attach", r#"{"processId": 7, "__restart": {"x": 1}}"#),
    ] {
        let facts = request(command, arguments);
        assert!(!facts.understood(), "{command} {arguments}: {facts:?}");
    }
    for (command, arguments) in [
        ("dataBreakpointInfo", r#"{"variablesReference": 3, "name": "total"}"#),
        ("dataBreakpointInfo", r#"{"variablesReference": 3, "name": "[0]"}"#),
        ("dataBreakpointInfo", r#"{"name": "0x7ff0", "asAddress": true, "bytes": 8}"#),
        ("disassemble", r#"{"memoryReference": "4096", "offset": -8, "instructionCount": 1}"#),
        (
            "setFunctionBreakpoints",
            r#"{"breakpoints": [{"name": "main.(*T).run"}, {"name": "ns::f<T>(int)"}]}"#,
        ),
        ("setInstructionBreakpoints", r#"{"breakpoints": [{"instructionReference": "0xFf", "offset": 1}]}"#),
        ("attach", r#"{"pid": "7", "stopOnEntry": true}"#),
    ] {
        let facts = request(command, arguments);
        assert!(facts.understood(), "{command} {arguments}: {:?}", facts.obstacle());
    }
}

#[test]
fn log_message_counts_in_a_source_alone() {
    for (command, list) in [
        ("setFunctionBreakpoints", r#"{"breakpoints": [{"name": "f", "logMessage": "x"}]}"#),
        (
            "setInstructionBreakpoints",
            r#"{"breakpoints": [{"instructionReference": "0x1", "logMessage": "x"}]}"#,
        ),
        ("setDataBreakpoints", r#"{"breakpoints": [{"dataId": "x", "logMessage": "x"}]}"#),
        (
            "setExceptionBreakpoints",
            r#"{"filters": [], "filterOptions": [{"filterId": "raised", "logMessage": "x"}]}"#,
        ),
    ] {
        assert!(!request(command, list).understood(), "{command}");
        let stops = request(command, &list.replace(r#", "logMessage": "x""#, ""));
        assert_eq!((stops.breakpoints(), stops.logpoints()), (Some(1), Some(0)), "{command}");
    }
}

#[test]
fn names_that_could_be_calls_are_not_understood() {
    let at = |path: &str, members: &str| {
        request(
            "setBreakpoints",
            &format!(r#"{{"source": {path}, "breakpoints": [{{"line": 7, {members}}}]}}"#),
        )
    };
    for members in [r#""condition": "orders.clear""#, r#""logMessage": "{orders.clear}""#] {
        for path in
            [r#"{"path": "a.rb"}"#, r#"{"path": "a.py/x"}"#, r#"{"sourceReference": 3}"#, r#"{"path": "py"}"#]
        {
            assert!(!at(path, members).understood(), "{path} {members}");
        }
        assert!(at(r#"{"path": "C:\\a.b\\a.go"}"#, members).understood(), "{members}");
    }
    assert!(at(r#"{"path": "a.rb"}"#, r#""logMessage": "here""#).understood());
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
