//! What HTTP calls do: where they go, what they promise, and what is refused because servers disagree.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use countersign::inspect::Obstacle;
use countersign::inspect::http::{HttpEffect, HttpFacts, MEMBERS, Operation, inspect};
use countersign::{Payload, Value};

fn call(method: &str, url: &str) -> HttpFacts {
    inspect(&Payload::http(method, url, b""))
}

fn get(url: &str) -> HttpFacts {
    call("GET", url)
}

fn post(url: &str, media: &str, body: &str) -> HttpFacts {
    inspect(&Payload::http("POST", url, body.as_bytes()).with_header("Content-Type", media))
}

fn graphql(body: &str) -> HttpFacts {
    post("https://a.example/graphql", "application/json", body)
}

#[test]
fn methods_promise_what_the_registry_says() {
    for (method, effect, idempotent) in [
        ("GET", HttpEffect::Read, true),
        ("HEAD", HttpEffect::Read, true),
        ("OPTIONS", HttpEffect::Read, true),
        ("TRACE", HttpEffect::Read, true),
        ("PROPFIND", HttpEffect::Read, true),
        ("REPORT", HttpEffect::Read, true),
        ("SEARCH", HttpEffect::Read, true),
        ("PUT", HttpEffect::Write, true),
        ("DELETE", HttpEffect::Write, true),
        ("MOVE", HttpEffect::Write, true),
        ("POST", HttpEffect::Write, false),
        ("PATCH", HttpEffect::Write, false),
        ("LOCK", HttpEffect::Write, false),
    ] {
        let facts = call(method, "https://a.example/x");
        assert_eq!((facts.effect(), facts.idempotent()), (Some(effect), Some(idempotent)), "{method}");
        assert_eq!(facts.method(), Some(method));
    }
    for method in ["get", "Get", "GET ", "", "CONNECT", "PRI", "PURGE", "BREW", "GET\r\nX: y", "ＧＥＴ"] {
        let facts = call(method, "https://a.example/x");
        assert!(matches!(facts.obstacle(), Some(Obstacle::Unknown { .. })), "{method}: {facts:?}");
    }
}

#[test]
fn template_generalises_ids_and_nothing_else() {
    for (path, template) in [
        ("", "/"),
        ("/", "/"),
        ("/orders/4711", "/orders/{id}"),
        ("/orders/0", "/orders/{id}"),
        ("/orders/4711/", "/orders/{id}/"),
        ("/v2/orders", "/v2/orders"),
        ("/u/9F8B6C1E-0000-4000-8000-1234567890AB/x", "/u/{id}/x"),
        ("/u/9f8b6c1e00004000800012345678", "/u/{id}"),
        ("/c/1a2b3c4d", "/c/{id}"),
        ("/c/1a2b3c4", "/c/1a2b3c4"),
        ("/c/deadbeef", "/c/deadbeef"),
        ("/c/facade", "/c/facade"),
        ("/u/9f8b6c1e-0000-4000-8000-1234567890ag", "/u/9f8b6c1e-0000-4000-8000-1234567890ag"),
        ("/-1", "/-1"),
        ("/1.5", "/1.5"),
        ("/Admin", "/Admin"),
        ("/caf%C3%A9/a%20b", "/caf%C3%A9/a%20b"),
        ("/a:b@c/(d)", "/a:b@c/(d)"),
        ("/{id}", ""),
    ] {
        let facts = get(&format!("https://a.example{path}"));
        assert_eq!(facts.template().unwrap_or_default(), template, "{path}: {:?}", facts.obstacle());
    }
}

#[test]
fn unusual_paths_are_not_understood() {
    for path in [
        "/a/../b",
        "/a/..",
        "/./a",
        "/a/.",
        "//a",
        "/a//b",
        "/a/b//",
        "/a;x=1/b",
        "/a;",
        "/%2e%2e/a",
        "/a%2Fb",
        "/a%2fb",
        "/a%5Cb",
        "/a\\b",
        "/a%00",
        "/%61dmin",
        "/a%7Eb",
        "/a%252e",
        "/a%3Bb",
        "/a%3Fb",
        "/a%23b",
        "/a#b",
        "/a%",
        "/a%2",
        "/a%zz",
        "/a%+1",
        "/a b",
        "/a\tb",
        "/a\nb",
        "/é",
        "/a%FF",
        "/a%C0%AF",
        "/a%EF%BC%8Fb",
        "/a%EF%BC%A1",
        "/a%E2%80%8B",
        "/a.",
        "/a%20/b",
        "/a|b",
        "/a\"b",
        "/<a>",
        "/a%0D%0A",
    ] {
        let facts = get(&format!("https://a.example{path}"));
        assert!(!facts.understood(), "{path}: {facts:?}");
        assert_eq!(facts.attributes().len(), 1);
    }
}

#[test]
fn authority_has_one_spelling() {
    for (url, authority) in [
        ("https://A.Example/x", "a.example"),
        ("HTTPS://a.example:443/x", "a.example"),
        ("http://a.example:80", "a.example"),
        ("http://a.example:443/", "a.example:443"),
        ("https://a_b.example:8443?x=1", "a_b.example:8443"),
        ("http://127.0.0.1:9200/", "127.0.0.1:9200"),
        ("http://[::1]:80/", "[::1]"),
        ("http://[0:0:0:0:0:0:0:1]:81/", "[::1]:81"),
    ] {
        assert_eq!(get(url).authority(), Some(authority), "{url}: {:?}", get(url).obstacle());
    }
    for url in [
        "https://user@a.example/",
        "https://a.example@b.example/",
        "https://user:pw@a.example/",
        "https:///x",
        "https://",
        "ftp://a.example/",
        "file:///etc/passwd",
        "//a.example/",
        "a.example/x",
        "https:/a.example/",
        "https:a.example",
        "https://a..example/",
        "https://a.example./",
        "https://.a.example/",
        "https://-a.example/",
        "https://a%2eexample/",
        "https://a.example:/",
        "https://a.example:0/",
        "https://a.example:080/",
        "https://a.example:65536/",
        "https://a.example:+80/",
        "https://a.example:80:80/",
        "http://127.1/",
        "http://0x7f.0.0.1/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://127.0.0.01/",
        "http://[::1/",
        "http://[::1]x/",
        "http://[fe80::1%25eth0]/",
        "http://::1/",
        "https://ａ.example/",
        "https://a.example\\@b/",
        "",
        "*",
        "javascript://a.example/",
    ] {
        assert!(!get(url).understood(), "{url}: {:?}", get(url));
    }
}

#[test]
fn path_alone_needs_a_host_and_a_host_must_agree() {
    let with = |url: &str, host: &str| inspect(&Payload::http("GET", url, b"").with_header("Host", host));
    assert!(!get("/orders/7").understood());
    let facts = with("/orders/7", "A.example:8080");
    assert_eq!((facts.authority(), facts.template()), (Some("a.example:8080"), Some("/orders/{id}")));
    assert_eq!(with("https://a.example/", "a.example:443").authority(), Some("a.example"));
    assert_eq!(with("https://a.example/", "A.EXAMPLE").authority(), Some("a.example"));
    for host in ["b.example", "a.example:80", "a.example, b.example", "x@a.example", ""] {
        assert!(!with("https://a.example/", host).understood(), "{host}");
    }
}

#[test]
fn overridden_methods_paths_and_lengths_are_not_understood() {
    for header in [
        "X-HTTP-Method-Override",
        "x-http-method",
        "X-Method-Override",
        "X_HTTP_Method_Override",
        "X-Original-URL",
        "X-Rewrite-Url",
        "X-Forwarded-Host",
        "Forwarded",
        "Transfer-Encoding",
        "Upgrade",
        "Connection",
        "a b",
        "",
        "a:b",
    ] {
        let facts = inspect(&Payload::http("GET", "https://a.example/", b"").with_header(header, "DELETE"));
        assert!(!facts.understood(), "{header}");
    }
    for query in [
        "_method=DELETE",
        "%5Fmethod=x",
        "_METHOD=x",
        "a=1&_method",
        "X-HTTP-Method-Override=PUT",
        "a;_method=x",
    ] {
        for method in ["GET", "POST"] {
            assert!(!call(method, &format!("https://a.example/x?{query}")).understood(), "{method} {query}");
        }
    }
    let with = |name: &str, value: &str| {
        inspect(&Payload::http("POST", "https://a.example/", b"abc").with_header(name, value)).understood()
    };
    assert!(with("Content-Length", "3") && with("Connection", "Keep-Alive") && with("X-Trace", "a\tb"));
    assert!(!with("Content-Length", "4") && !with("X-Trace", "a\r\nb") && !with("X-Trace", "a\u{0}"));
}

#[test]
fn overriding_names_are_found_in_every_spelling() {
    for query in [
        "+_method=DELETE",
        "%20_method=DELETE",
        "%09_method=DELETE",
        "._method=x",
        ".method=x",
        "%2Emethod=x",
        "a[_method]=x",
        "a%5B_method%5D=x",
        "_method[]=x",
        "a._method=x",
        "x.http.method.override=x",
        "X_HTTP_METHOD=x",
        "%255Fmethod=x",
        "a%26_method=x",
        "method=delete",
        "a%E2%80%8B=x",
        "extensions=%7B%22persistedQuery%22%3A%7B%7D%7D&operationName=Drop",
        "extensions=%7B%22%5Cu0070ersistedQuery%22%3A%7B%7D%7D&x=persisted-query",
    ] {
        let facts = get(&format!("https://a.example/x?{query}"));
        assert!(!facts.understood(), "{query}: {facts:?}");
    }
    for query in ["payment_method=card", "methods=x", "a=_method", "a[b]=x&a[c]=y", "q=what+method"] {
        let facts = get(&format!("https://a.example/x?{query}"));
        assert_eq!(facts.effect(), Some(HttpEffect::Read), "{query}: {:?}", facts.obstacle());
    }
    for header in [
        "X-Forwarded-Uri",
        "X-Forwarded-Prefix",
        "X-Forwarded-Path",
        "X-Forwarded-Method",
        "X-Forwarded-Server",
        "X_Forwarded_Host",
        "X-Envoy-Original-Path",
        "X-Envoy-Original-Host",
        "X-Original-Path",
        "X-Original-Host",
        "X-Original-Method",
        "X-Http-Host-Override",
        "X-HTTP-Path-Override",
        "X-HTTP-DestinationURL",
        "X-WAWS-Unencoded-URL",
        "X-Host",
        "Request-Uri",
        "Base-Url",
        "Content_Type",
        "Content_Length",
        "Idempotency_Key",
        "hOST_",
    ] {
        let facts = inspect(&Payload::http("GET", "https://a.example/", b"").with_header(header, "1"));
        assert!(!facts.understood(), "{header}: {facts:?}");
    }
    for header in ["X-Request-Id", "X-Trace_Id", "Accept", "Authorization", "X-Payment-Methods"] {
        let facts = inspect(&Payload::http("GET", "https://a.example/", b"").with_header(header, "1"));
        assert!(facts.understood(), "{header}: {:?}", facts.obstacle());
    }
    let both =
        Payload::http("GET", "https://a.example/", b"").with_header("X_A", "1").with_header("X-A", "2");
    assert!(!inspect(&both).understood());
    let preflight = Payload::http("OPTIONS", "https://a.example/", b"");
    assert!(inspect(&preflight.with_header("Access-Control-Request-Method", "DELETE")).understood());
}

#[test]
fn overriding_fields_of_a_body_are_found() {
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    let parts = "multipart/form-data; boundary=x";
    for (media, body) in [
        (form, "_method=DELETE"),
        (form, "a=1&+_method=DELETE"),
        (form, "a%5B_method%5D=DELETE"),
        (form, "a=%"),
        ("Application/X-WWW-Form-Urlencoded", "%5fmethod=DELETE"),
        (parts, "--x\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nDELETE\r\n--x--"),
        (parts, "--x\r\nContent-Disposition: form-data; name=_method\r\n\r\nDELETE\r\n--x--"),
        ("application/json", r#"{"_method": "DELETE"}"#),
        ("application/json", r#"{"\u005fmethod": "DELETE"}"#),
        ("application/json", r#"{"_method": "DELETE", "_method": "PUT"}"#),
        ("text/plain", r#"{"X-HTTP-Method-Override": "DELETE"}"#),
    ] {
        let facts = post("https://a.example/x", media, body);
        assert!(!facts.understood(), "{media} {body}: {facts:?}");
    }
    for (media, body) in [
        (form, "payment_method=card&method=x"),
        ("application/json", r#"{"jsonrpc": "2.0", "method": "list", "params": {"_method": 1}}"#),
        ("application/json", "not json"),
        ("text/xml", "<call><method>list</method><method name='x'/></call>"),
        (parts, "--x\r\nContent-Disposition: form-data; name=\"method\"\r\n\r\n1\r\n--x--"),
    ] {
        let facts = post("https://a.example/x", media, body);
        assert_eq!(facts.effect(), Some(HttpEffect::Write), "{media} {body}: {:?}", facts.obstacle());
    }
}

#[test]
fn body_where_none_is_defined_is_not_understood() {
    for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
        let facts = inspect(&Payload::http(method, "https://a.example/", b"x"));
        assert_eq!(
            facts.obstacle().unwrap().to_string(),
            "body: its meaning is not defined for the method",
            "{method}"
        );
    }
    assert!(inspect(&Payload::http("PROPFIND", "https://a.example/", b"<x/>")).understood());
    assert!(inspect(&Payload::http("DELETE", "https://a.example/", b"{}")).understood());
}

#[test]
fn keys_and_digests_are_stated() {
    let with = |value: &str| {
        inspect(&Payload::http("POST", "https://a.example/", b"abc").with_header("Idempotency-Key", value))
    };
    assert_eq!(with("\"8e03978e-40d5-43dd-bc93-6894a57f9324\"").idempotency_key(), Some(true));
    assert_eq!(with("k1").idempotency_key(), Some(true));
    for empty in ["", "  ", "\"\"", "\"", "a\"b"] {
        assert_eq!(with(empty).idempotency_key(), Some(false), "{empty}");
    }
    assert_eq!(call("POST", "https://a.example/").idempotency_key(), Some(false));
    // FIPS 180-2, appendix B.1.
    let digest = "sha-256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(with("k").body_digest(), Some(digest));
    let facts = get("https://a.example/x?b=1&a=2&b=%C3%A9&c");
    assert_eq!(facts.parameters(), ["a", "b", "c"]);
    assert_eq!((facts.has_query(), get("https://a.example/?").has_query()), (Some(true), Some(true)));
    assert_eq!(get("https://a.example/").has_query(), Some(false));
    assert!(!get("https://a.example/?a=%").understood() && !get("https://a.example/?a=%00").understood());
}

#[test]
fn graphql_body_says_what_runs() {
    for (document, operation) in [
        ("{ a }", Operation::Query),
        ("query { a }", Operation::Query),
        (
            "query Q($x: [Int!]! = [1, -2.5e3]) @d(a: \\\"}\\\") { a(x: $x) { ...F } } fragment F on T @x { b }",
            Operation::Query,
        ),
        ("# mutation { a }\\n{ b }", Operation::Query),
        ("{ a(x: \\\"\\\"\\\"} mutation { b }\\\"\\\"\\\") }", Operation::Query),
        ("{ mutation query subscription }", Operation::Query),
        ("mutation { a }", Operation::Mutation),
        ("\\ufeff,, mutation M { a }", Operation::Mutation),
        ("fragment F on T { a } mutation { ...F }", Operation::Mutation),
        ("subscription S { a }", Operation::Subscription),
    ] {
        let facts = graphql(&format!("{{\"query\": \"{document}\"}}"));
        assert_eq!(facts.graphql(), Some(operation), "{document}: {:?}", facts.obstacle());
        let effect = if operation == Operation::Mutation { HttpEffect::Write } else { HttpEffect::Read };
        assert_eq!(facts.effect(), Some(effect), "{document}");
    }
    for (body, operation) in [
        (r#"{"query": "query A {a} mutation B {b}", "operationName": "A"}"#, Operation::Query),
        (
            r#"{"query": "query A {a} mutation B {b}", "operationName": "B", "variables": {"x": 1}}"#,
            Operation::Mutation,
        ),
        (r#"{"query": "{a}", "operationName": null, "variables": null, "extensions": {}}"#, Operation::Query),
        (r#"[{"query": "{a}"}, {"query": "mutation {b}"}]"#, Operation::Mutation),
        (r#"[{"query": "{a}"}, {"query": "{b}"}]"#, Operation::Query),
    ] {
        assert_eq!(graphql(body).graphql(), Some(operation), "{body}: {:?}", graphql(body).obstacle());
    }
}

#[test]
fn graphql_that_does_not_show_what_runs_is_not_understood() {
    for body in [
        r#"{"query": "query A {a} query B {b}"}"#,
        r#"{"query": "query A {a} query B {b}", "operationName": ""}"#,
        r#"{"query": "query A {a} mutation A {b}", "operationName": "A"}"#,
        r#"{"query": "{a} mutation A {b}", "operationName": "A"}"#,
        r#"{"query": "query A {a}", "operationName": "B"}"#,
        r#"{"query": "{a}", "operationName": 1}"#,
        r#"{"query": "{a}", "Query": "mutation {b}"}"#,
        r#"{"query": "{a}", "query": "mutation {b}"}"#,
        r#"{"query": "{a}", "\u0071uery": "mutation {b}"}"#,
        r#"{"query": "{a}", "id": "deadbeef"}"#,
        r#"{"query": "{a}", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "x"}}}"#,
        r#"{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "x"}}}"#,
        r#"{"query": ""}"#,
        r#"{"query": null}"#,
        r#"{"query": "{a"}"#,
        r#"{"query": "{a}}"}"#,
        r#"{"query": "{a)}"}"#,
        r#"{"query": "{a(x: \"}"}"#,
        r#"{"query": "{a(x: \"\\q\")}"}"#,
        r#"{"query": "{a(x: 01)}"}"#,
        r#"{"query": "{a(x: 1b)}"}"#,
        r#"{"query": "{a} ?"}"#,
        r#"{"query": "type T { a: Int }"}"#,
        r#"{"query": "{a} extend type T { a: Int }"}"#,
        r#"{"query": "fragment F on T { a }"}"#,
        r#"{"query": "fragment on on T { a } {b}"}"#,
        r##"{"query": "{a} # \u2028 mutation {b}"}"##,
        r#"{"query": "Query {a}"}"#,
        r#"{"query": "query {a} mutation"}"#,
        r#"{"query": "{a}", "variables": []}"#,
        "[]",
        "[1]",
        r#"[{"query": "{a}"}, {}]"#,
        "{a}",
        "",
        "\u{feff}{\"query\": \"{a}\"}",
    ] {
        let facts = graphql(body);
        assert!(!facts.understood(), "{body}: {facts:?}");
    }
    let deep = format!("{{\"query\": \"{}a{}\"}}", "{a".repeat(65), "}".repeat(65));
    assert_eq!(graphql(&deep).obstacle().unwrap().to_string(), "nesting 65 exceeds the limit of 64");
    let body = r#"{"query": "{a}"}"#;
    for media in ["text/plain", "multipart/form-data; boundary=x", "application/json; charset=utf-16", ""] {
        assert!(!post("https://a.example/graphql", media, body).understood(), "{media}");
    }
    for query in ["query=mutation{b}", "Query=x", "operationName=A", "extensions={}", "id=x"] {
        assert!(
            !post(&format!("https://a.example/graphql?{query}"), "application/json", body).understood(),
            "{query}"
        );
    }
    for path in ["GraphQL", "graphql/", "gql", "graphql/v1"] {
        let facts = post(&format!("https://a.example/{path}"), "application/json", body);
        assert_eq!(facts.effect(), Some(HttpEffect::Write), "{path}: {:?}", facts.obstacle());
        assert!(!post(&format!("https://a.example/{path}"), "application/json", "{}").understood());
    }
    assert_eq!(
        post("https://a.example/graphql", "Application/GraphQL", "{ a }").effect(),
        Some(HttpEffect::Read)
    );
}

#[test]
fn post_elsewhere_stays_a_write() {
    for body in ["", "{}", "{\"query\": \"shoes\"}", "{\"query\": \"{a}\"}", "not json"] {
        let facts = post("https://a.example/delete-by-query", "application/json", body);
        assert_eq!(facts.effect(), Some(HttpEffect::Write), "{body}");
    }
    let facts = post("https://a.example/api", "application/json", "{\"query\": \"mutation {a}\"}");
    assert_eq!(facts.graphql(), Some(Operation::Mutation));
}

#[test]
fn graphql_in_a_get_is_read() {
    let of = |query: &str| get(&format!("https://a.example/graphql?{query}"));
    assert_eq!(of("query=%7Ba%7D").effect(), Some(HttpEffect::Read));
    assert_eq!(of("query=mutation%7Ba%7D").effect(), Some(HttpEffect::Write));
    assert_eq!(of("query=query+A%7Ba%7Dmutation+B%7Bb%7D&operationName=A").effect(), Some(HttpEffect::Read));
    for query in [
        "",
        "query=",
        "query=%7Ba",
        "query=%7Ba%7D&query=mutation%7Bb%7D",
        "Query=mutation%7Bb%7D&query=%7Ba%7D",
        "extensions=%7B%22persistedQuery%22:%7B%7D%7D",
        "id=7&query=%7Ba%7D",
        "+query=mutation%7Bb%7D&query=%7Ba%7D",
        "query[]=mutation%7Bb%7D&query=%7Ba%7D",
        "a[query]=mutation%7Bb%7D&query=%7Ba%7D",
        "operation_name=B&query=query+A%7Ba%7Dmutation+B%7Bb%7D&operationName=A",
        "operationName=B&query=query+A%7Ba%7Dmutation+B%7Bb%7D&operationName=A",
        "mutation=%7Bb%7D&query=%7Ba%7D",
        "doc-id=7&query=%7Ba%7D",
    ] {
        assert!(!of(query).understood(), "{query}: {:?}", of(query));
    }
    assert_eq!(get("https://a.example/search?query=shoes").effect(), Some(HttpEffect::Read));
    for query in [
        "query=mutation%7Ba%7D",
        "+query=mutation%7Ba%7D",
        "query[]=mutation%7Ba%7D",
        "query=query+A%7Ba%7Dmutation+B%7Bb%7D",
        "query=query+A%7Ba%7Dmutation+B%7Bb%7D&operationName=A&operationName=B",
        "query=query+A%7Ba%7Dmutation+B%7Bb%7D&operationName=A",
    ] {
        let facts = get(&format!("https://a.example/api?{query}"));
        assert_eq!(facts.effect(), Some(HttpEffect::Write), "{query}: {:?}", facts.obstacle());
    }
}

#[test]
fn other_payloads_and_large_ones_are_not_understood() {
    assert_eq!(inspect(&Payload::plain("GET /")).obstacle(), Some(&Obstacle::OtherKind));
    let large = inspect(&Payload::http("POST", "https://a.example/", &[b'x'; 16_384]));
    assert_eq!(large.obstacle().unwrap().to_string(), "bytes 16402 exceeds the limit of 16384");
    assert_eq!(
        call("PURGE", "https://a.example/").obstacle().unwrap().to_string(),
        "`PURGE` of the call is not known"
    );
}

#[test]
fn conditions_see_every_member() {
    let facts = graphql(r#"{"query": "{a}"}"#).attributes();
    assert_eq!(facts.iter().map(|(name, _)| name).collect::<Vec<_>>(), MEMBERS.map_names());
    assert_eq!(facts.get("graphql"), Some(&Value::from("query")));
    assert!(get("https://a.example/").attributes().get("graphql").is_none());
}

trait Names {
    fn map_names(&self) -> Vec<&str>;
}

impl Names for &[(&str, &str)] {
    fn map_names(&self) -> Vec<&str> {
        self.iter().map(|(name, _)| *name).collect()
    }
}
