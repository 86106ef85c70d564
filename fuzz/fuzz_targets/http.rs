//! Any call: an answer; what is understood has a plain path, and nothing added to it makes it a read.

#![no_main]

use countersign::Payload;
use countersign::inspect::http::{HttpEffect, Operation, inspect};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, String, String, String, String)| {
    let (choice, path, name, value, body) = input;
    let methods = ["GET", "POST", "PUT", "PROPFIND", "HEAD", name.as_str()];
    let method = methods[usize::from(choice) % methods.len()];
    let media = ["application/json", "application/graphql", "text/plain"][usize::from(choice / 8) % 3];
    let base = if choice > 127 { "https://a.example/graphql" } else { "" };
    let url = format!("{base}{path}");
    let call = Payload::http(method, &url, body.as_bytes()).with_header("content-type", media);
    let facts = inspect(&call);
    assert_eq!(facts.understood(), facts.obstacle().is_none());
    if let (Some(template), Some(path)) = (facts.template(), facts.path()) {
        assert!(!path.contains("//") && !path.contains(';') && !path.split('/').any(|part| part == ".."));
        assert_eq!(template.split('/').count(), path.split('/').count());
        assert!(url.contains(path) || path == "/");
    }
    if facts.effect() == Some(HttpEffect::Read) {
        assert!(facts.idempotent() == Some(true) || method == "POST" && facts.graphql().is_some());
        assert_ne!(facts.graphql(), Some(Operation::Mutation));
    } else {
        // A header is no way to a read, but for the one that says how the body is written.
        let with = inspect(&call.with_header(&name, value));
        let plain = !["content-type", "host"].contains(&name.to_ascii_lowercase().as_str());
        assert!(with.effect() != Some(HttpEffect::Read) || !plain);
    }
});
