//! Properties of what calls, flags and debuggers do, over texts that nobody chose.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use countersign::Payload;
use countersign::inspect::http::{HttpEffect, HttpFacts, inspect};
use countersign::inspect::{debug, flag};
use proptest::prelude::*;

const STACK: usize = 512 * 1024;

const PIECES: [&str; 44] = [
    "query",
    "mutation",
    "subscription",
    "fragment",
    "on",
    "A",
    "B",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "...",
    ":",
    "$",
    "!",
    "=",
    "@",
    "|",
    "&",
    ",",
    " ",
    "\n",
    "#",
    "# {",
    "\"",
    "\"\"",
    "\"\"\"",
    "\\",
    "\\\"\"\"",
    "a",
    "1",
    "-1.5e3",
    "0",
    ".",
    "\u{feff}",
    "\t",
    "{a}",
    "{ a { b } }",
    "mutation{a}",
    "query A {a}",
    "\"}\"",
    "\"\"\"}\"\"\"",
];

const SEGMENTS: [&str; 24] = [
    "/",
    "//",
    "a",
    "Admin",
    "..",
    ".",
    "%2e",
    "%2F",
    "%41",
    "%20",
    "%C3%A9",
    "%",
    ";",
    ":",
    "@",
    "?",
    "#",
    "\\",
    "7",
    "9f8b6c1e-0000-4000-8000-1234567890ab",
    "deadbeef1",
    "graphql",
    "&_method=x",
    "[",
];

fn graphql(document: &str) -> HttpFacts {
    let body = serde_json::json!({ "query": document }).to_string();
    inspect(
        &Payload::http("POST", "https://a.example/graphql", body.as_bytes())
            .with_header("content-type", "application/json"),
    )
}

fn pieces() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&PIECES[..]), 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_call_gets_an_answer(method in ".{0,8}", url in ".{0,40}", name in ".{0,12}", value in ".{0,12}", body in prop::collection::vec(any::<u8>(), 0..60)) {
        for method in [method.as_str(), "GET", "POST"] {
            for url in [url.clone(), format!("https://a.example/{url}"), format!("https://a.example/graphql?{url}")] {
                let facts = inspect(&Payload::http(method, &url, &body).with_header(&name, value.as_str()));
                prop_assert_eq!(facts.understood(), facts.effect().is_some());
            }
        }
    }

    #[test]
    fn understood_path_is_plain(pieces in prop::collection::vec(prop::sample::select(&SEGMENTS[..]), 0..8)) {
        let path = format!("/{}", pieces.concat());
        let facts = inspect(&Payload::http("GET", &format!("https://a.example{path}"), b""));
        if let (Some(read), Some(template)) = (facts.path(), facts.template()) {
            prop_assert_eq!(read, path.split('?').next().unwrap());
            prop_assert!(!["//", "/..", ";", "\\", "%2", "%4", "#"].iter().any(|odd| read.replace("%20", "").contains(odd)), "{}", read);
            let alike = template.split('/').zip(read.split('/')).all(|(general, one)| general == one || general == "{id}");
            prop_assert!(alike, "{}", template);
            prop_assert_eq!(template.split('/').count(), read.split('/').count());
        }
    }

    #[test]
    fn mutation_beside_anything_is_no_read(before in pieces(), after in pieces()) {
        // Where the text around is whole by itself, the mutation is one of the operations.
        let whole = |text: &str| text.is_empty() || graphql(text).understood() || graphql(&format!("{text} {{a}}")).understood();
        if whole(&before) && whole(&after) {
            let facts = graphql(&format!("{before}\nmutation M {{ a }}\n{after}"));
            prop_assert_ne!(facts.effect(), Some(HttpEffect::Read), "{} | {}", before, after);
        }
    }

    #[test]
    fn blanks_and_comments_change_no_operation(document in pieces(), blank in prop::sample::select(&[" ", "\n", ",", "\t", "# mutation {\n", "\r\n"][..])) {
        let (plain, with) = (graphql(&document), graphql(&format!("{blank}{document}\n{blank}")));
        prop_assert!(!plain.understood() || document.starts_with('\u{feff}') || with.graphql() == plain.graphql(), "{document}");
        prop_assert!(plain.understood() || with.effect() != Some(HttpEffect::Read) || document.starts_with('\u{feff}'), "{document}");
    }

    #[test]
    fn any_text_is_answered_as_flag_and_debugger(text in ".{0,60}", pieces in pieces()) {
        for text in [text.as_str(), pieces.as_str()] {
            prop_assert_eq!(flag::inspect(text).understood(), flag::inspect(text).effect().is_some());
            prop_assert_eq!(debug::inspect(text).understood(), debug::inspect(text).effect().is_some());
        }
    }
}

#[test]
fn deep_texts_fit_a_small_stack() {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(|| {
        for depth in (1..140).chain([1_000, 5_000]) {
            let lists = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
            let maps = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
            for json in [lists, maps] {
                let text = format!(r#"{{"key": "k", "to": {{"on": true, "targeting": {json}}}}}"#);
                let _ = flag::inspect(&text).understood();
                let _ = debug::inspect(&json).understood();
                let body = format!(r#"{{"query": "{{a}}", "variables": {{"x": {json}}}}}"#);
                let call = Payload::http("POST", "https://a.example/graphql", body.as_bytes());
                let _ = inspect(&call.with_header("content-type", "application/json")).understood();
            }
            let _ = graphql(&format!("{}a{}", "{ a ".repeat(depth), "}".repeat(depth))).understood();
            let _ = graphql(&format!("{{a(x: {}1{})}}", "[".repeat(depth), "]".repeat(depth))).understood();
        }
    });
    thread.unwrap().join().unwrap();
}
