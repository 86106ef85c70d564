//! Any text as the change of a flag and as requests to a debugger: an answer; one more request never lowers it.

#![no_main]

use countersign::inspect::{debug, flag};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let facts = flag::inspect(text);
    assert_eq!(facts.understood(), facts.effect().is_some());
    if let (Some(after), Some(delta)) = (facts.after(), facts.delta()) {
        assert!((0.0..=100.0).contains(&after) && (-100.0..=100.0).contains(&delta));
    }
    let facts = debug::inspect(text);
    assert_eq!(facts.understood(), facts.effect().is_some());
    let more = debug::inspect(&format!(r#"[{{"command": "threads"}}, {text}]"#));
    assert!(!more.understood() || !facts.understood() || more.effect() == facts.effect());
    let list = text.trim_start().starts_with('[');
    assert!(facts.understood() || list || !more.understood());
});
