//! AuthZEN on the wire: the certification fixture, the todo interop decisions, pages of searches, tool calls, and
//! bodies that are none.

#![cfg(all(feature = "authzen", feature = "toml"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failed test may panic")]

use chrono::{DateTime, Utc};
use countersign::authzen::{
    ActionSearch, BadRequest, Evaluations, Found, Metadata, ResourceSearch, SubjectSearch, tool_call,
};
use countersign::{Action, Decision, Effect, Payload, Policy, Request, Resource, Subject, limits};
use proptest::prelude::*;
use serde_json::{Value, json};

const FIXTURE: &str = include_str!("data/authzen/cert-fixture.json");
const TODO: &str = include_str!("data/authzen/todo-decisions.json");

fn now() -> DateTime<Utc> {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn policy(text: &str) -> Policy {
    Policy::from_toml(text).unwrap()
}

fn fixture() -> (Value, Policy) {
    let policy = policy(include_str!("data/authzen/cert-fixture.toml"));
    (serde_json::from_str(FIXTURE).unwrap(), policy)
}

fn answer(body: &Value, ask: impl FnMut(&Request) -> Decision) -> Value {
    let evaluations = Evaluations::from_trusted_json(body.to_string()).unwrap();
    serde_json::to_value(evaluations.decide(ask)).unwrap()
}

#[test]
fn certification_fixture_is_decided_as_it_says() {
    let (fixture, policy) = fixture();
    for case in fixture["evaluation"].as_array().unwrap() {
        let mut body = case["request"].clone();
        assert_eq!(
            answer(&body, |request| policy.decide(request, now()))["decision"],
            case["expected"],
            "{case}"
        );
        body["context"] = json!({ "time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1" });
        body["more"] = json!({ "unknown": [1, 2] });
        body["subject"]["more"] = json!("unknown");
        assert_eq!(
            answer(&body, |request| policy.decide(request, now()))["decision"],
            case["expected"],
            "{case}"
        );
    }
    for case in fixture["evaluations"].as_array().unwrap() {
        let answer = answer(&case["request"], |request| policy.decide(request, now()));
        let decisions: Vec<&Value> =
            answer["evaluations"].as_array().unwrap().iter().map(|one| &one["decision"]).collect();
        assert_eq!(json!(decisions), case["expected"], "{case}");
        assert!(answer.get("decision").is_none());
    }
}

#[test]
fn certification_bodies_that_must_be_rejected_are() {
    let (fixture, _) = fixture();
    for case in fixture["must_be_rejected"].as_array().unwrap() {
        let error = Evaluations::from_trusted_json(case["request"].to_string()).unwrap_err();
        assert_eq!(error.status(), 400, "{case}");
        assert!(matches!(error, BadRequest::Request(_)), "{case}");
    }
}

#[test]
fn certification_searches_find_what_they_must() {
    let (fixture, policy) = fixture();
    let ask = |request: &Request| {
        let known = matches!(request.subject().id(), "alice" | "bob");
        let asked = if known { request.clone() } else { request.clone().with_action(Action::new("none")) };
        policy.decide(&asked, now())
    };
    for case in fixture["search"].as_array().unwrap() {
        let body = case["request"].to_string();
        let found = match case["endpoint"].as_str().unwrap() {
            "subject" => SubjectSearch::from_trusted_json(body).unwrap().among(
                [Subject::new("user", "alice"), Subject::new("user", "bob").with("role", "admin")],
                ask,
            ),
            "resource" => ResourceSearch::from_trusted_json(body).unwrap().among(
                [
                    Resource::new("record", "record-1").with("status", "active"),
                    Resource::new("record", "record-2").with("status", "archived"),
                ],
                ask,
            ),
            _ => ActionSearch::from_trusted_json(body)
                .unwrap()
                .among(["read", "write", "delete"].map(Action::new), ask),
        };
        let found = names(&found);
        match case.get("must_include") {
            Some(wanted) => {
                for name in wanted.as_array().unwrap() {
                    assert!(found.contains(&name.as_str().unwrap().to_owned()), "{case}: {found:?}");
                }
            }
            None => assert!(found.is_empty(), "{case}: {found:?}"),
        }
    }
}

fn names(found: &Found) -> Vec<String> {
    let json = serde_json::to_value(found).unwrap();
    let name = |entity: &Value| entity.get("id").or(entity.get("name")).unwrap().as_str().unwrap().to_owned();
    json["results"].as_array().unwrap().iter().map(name).collect()
}

/// The users of the scenario, whose ids differ in one digit; the host's directory attests the rest.
fn todo_user(id: &str) -> Subject {
    let (email, roles) = match id.as_bytes()[4] {
        _ if id.starts_with("CiRmZDA2") => ("rick@the-citadel.com", vec!["admin"]),
        _ if id.starts_with("CiRmZDE2") => ("morty@the-citadel.com", vec!["editor"]),
        _ if id.starts_with("CiRmZDI2") => ("summer@the-smiths.com", vec!["editor"]),
        _ if id.starts_with("CiRmZDM2") => ("beth@the-smiths.com", vec!["viewer"]),
        _ => ("jerry@the-smiths.com", vec!["viewer"]),
    };
    Subject::new("user", id).with("email", email).with("roles", roles)
}

#[test]
fn todo_interop_decisions_are_those_of_the_scenario() {
    let todo: Value = serde_json::from_str(TODO).unwrap();
    let policy = policy(include_str!("data/authzen/todo.toml"));
    let ask = |request: &Request| {
        policy.decide(&request.clone().with_subject(todo_user(request.subject().id())), now())
    };
    for case in todo["evaluation"].as_array().unwrap() {
        assert_eq!(answer(&case["request"], ask)["decision"], case["expected"], "{case}");
    }
    for case in todo["evaluations"].as_array().unwrap() {
        let answer = answer(&case["request"], ask);
        let decisions: Vec<Value> = answer["evaluations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| json!({ "decision": one["decision"] }))
            .collect();
        assert_eq!(json!(decisions), case["expected"], "{case}");
    }
}

#[test]
fn semantics_stop_where_the_api_says() {
    let (_, policy) = fixture();
    for (semantic, expected) in [
        ("execute_all", json!([true, false, true])),
        ("deny_on_first_deny", json!([true, false])),
        ("permit_on_first_permit", json!([true])),
    ] {
        let body = json!({
            "subject": { "type": "user", "id": "alice" },
            "resource": { "type": "record", "id": "record-1" },
            "options": { "evaluations_semantic": semantic, "another_option": "value" },
            "evaluations": [{ "action": { "name": "read" } }, {}, { "action": { "name": "read" } }],
        });
        let mut asked = 0;
        let answer = answer(&body, |request| {
            asked += 1;
            policy.decide(request, now())
        });
        let evaluations = answer["evaluations"].as_array().unwrap();
        let decisions: Vec<&Value> = evaluations.iter().map(|one| &one["decision"]).collect();
        assert_eq!(json!(decisions), expected, "{semantic}");
        // What is no request is a denial that says so, and the policy is not asked.
        assert!(asked < 3, "{semantic}");
        if let Some(refused) = evaluations.get(1) {
            assert_eq!(
                refused["context"]["error"],
                json!({ "status": 400, "message": "`action` is missing" })
            );
        }
    }
}

#[test]
fn answer_says_what_to_do_next_and_names_no_rule() {
    let policy = policy(
        "format = 1\nname = 'x'\n[attributes]\n'context.ticket' = 'string?'\n\
         [[zone]]\nid = 'secret-zone-name'\nwhen = 'action.name == \"read\"'\nmax_risk = 'high'\n\
         needs = { fields = ['context.ticket'], auth = { amr = ['hwk', 'otp'], acr = ['silver'], within = '5m' } }\n\
         [[review]]\nid = 'people'\nwhen = 'action.name == \"write\"'\napprove = { from = 'approver.id == \"bo\"' }\n\
         because = 'a colleague looks at it'\n",
    );
    let body = |name: &str| {
        json!({ "subject": { "type": "user", "id": "ana" }, "action": { "name": name },
                "resource": { "type": "host", "id": "db-1" } })
    };
    let ask = |request: &Request| policy.decide(request, now());

    let challenge = answer(&body("read"), ask);
    assert_eq!(challenge["decision"], false);
    let context = &challenge["context"];
    assert_eq!(context["effect"], "challenge");
    assert_eq!(context["acr_values"], "silver");
    assert_eq!(context["amr_values"], "hwk otp");
    assert_eq!(context["max_age"], 300);
    assert_eq!(context["next_action"], "supply");
    assert_eq!(context["missing"][0]["path"], "context.ticket");
    assert!(!challenge.to_string().contains("secret-zone-name"));

    let review = answer(&body("write"), ask);
    assert_eq!(review["decision"], false);
    assert_eq!(review["context"]["next_action"], "request_approval");
    assert_eq!(review["context"]["reason"], "review_required");
    assert_eq!(review["context"]["reason_user"], json!(["a colleague looks at it"]));
}

#[test]
fn obligations_are_those_of_the_profile() {
    let text = "format = 1\nname = 'x'\n[[zone]]\nid = 'told'\nwhen = 'action.name == \"tell\"'\nmax_risk = 'high'\n\
        obligations = [{ notify = 'security' }, 'record_session', { mask = ['email'] }, { custom = { name = 'stamp', value = 'v' } }]\n";
    let options = countersign::PolicyOptions::new().fulfilling(["notify", "record_session", "mask", "stamp"]);
    let policy = options.from_toml(text).unwrap();
    let body = json!({ "subject": { "type": "user", "id": "ana" }, "action": { "name": "tell" },
                       "resource": { "type": "host", "id": "db-1" } });
    let answer = answer(&body, |request| policy.decide(request, now()));
    assert_eq!(answer["decision"], true);
    let obligations = answer["context"]["obligations"].as_array().unwrap();
    let mut seen: Vec<(&str, &Value)> =
        obligations.iter().map(|owed| (owed["type"].as_str().unwrap(), &owed["properties"])).collect();
    seen.sort_by_key(|(kind, properties)| (*kind, properties.to_string()));
    assert_eq!(
        json!(seen),
        json!([
            ["custom", { "fields": ["email"], "name": "mask" }],
            ["custom", { "name": "record_session" }],
            ["custom", { "name": "stamp", "value": "v" }],
            ["notification", { "to": "security", "topic": "production access",
                "body": "allow: `tell` on `host/db-1` by `user/ana`, high risk" }],
        ])
    );
    let ids: std::collections::BTreeSet<&str> =
        obligations.iter().map(|owed| owed["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 4);
}

#[test]
fn bodies_that_are_none_are_told_apart() {
    let one =
        r#"{"subject":{"type":"user","id":"a"},"action":{"name":"read"},"resource":{"type":"r","id":"1"}"#;
    let many = format!(r#"{one},"evaluations":[{}]}}"#, vec!["{}"; limits::EVALUATIONS + 1].join(","));
    let deep = format!(r#"{one},"context":{{"x":{}1{}}}}}"#, "[".repeat(200), "]".repeat(200));
    for (body, status, says) in [
        ("[]".to_owned(), 400, "not JSON"),
        (String::new(), 400, "not JSON"),
        ("{".to_owned(), 400, "not JSON"),
        (format!("{one}, \"subject\": 1}}"), 400, "not JSON"),
        (format!("{one}}}}}"), 400, "not JSON"),
        ("{}".to_owned(), 400, "`subject` is missing"),
        (format!("{one},\"evaluations\":7}}"), 400, "`evaluations` is int, expected a list"),
        (
            format!("{one},\"options\":[],\"evaluations\":[{{}}]}}"),
            400,
            "`options` is list, expected an object",
        ),
        (
            format!("{one},\"options\":{{\"evaluations_semantic\":\"any\"}},\"evaluations\":[{{}}]}}"),
            400,
            "`options.evaluations_semantic` is `any`",
        ),
        (many, 400, "`evaluations` has 257 elements, limit is 256"),
        (deep, 400, "not JSON"),
        (" ".repeat(limits::AUTHZEN_BYTES + 1), 413, "limit is 1048576"),
    ] {
        let error = Evaluations::from_trusted_json(&body).unwrap_err();
        assert_eq!(error.status(), status, "{error}");
        assert!(error.to_string().contains(says), "{error} does not say {says}");
    }
}

#[test]
fn what_a_caller_says_is_not_attested() {
    let policy = policy(
        "format = 1\nname = 'x'\n[attributes]\n'subject.role' = 'string'\n[[zone]]\nid = 'z'\n\
         when = 'action.name == \"read\" && subject.role == \"admin\"'\nmax_risk = 'high'\n",
    );
    let body = r#"{"subject":{"type":"user","id":"a","properties":{"role":"admin"}},"action":{"name":"read"},
        "resource":{"type":"r","id":"1"},"evaluations":[{}]}"#;
    let decide =
        |evaluations: Evaluations| evaluations.decide(|request| policy.decide(request, now())).permitted();
    assert_eq!(decide(Evaluations::from_trusted_json(body).unwrap()), 1);
    assert_eq!(decide(Evaluations::from_caller_json(body).unwrap()), 0);
}

#[test]
fn pages_go_on_where_they_ended_and_belong_to_one_search() {
    let policy = policy(
        "format = 1\nname = 'x'\n[[zone]]\nid = 'z'\nwhen = 'action.name == \"read\" && resource.id != \"3\"'\n\
         max_risk = 'high'\n",
    );
    let staff = || {
        let records = (0..10).map(|n| Resource::new("record", n.to_string()));
        records.chain([Resource::new("house", "1")])
    };
    let mut body = json!({ "subject": { "type": "user", "id": "ana" }, "action": { "name": "read" },
                           "resource": { "type": "record", "id": "ignored" }, "page": { "limit": 4 } });
    let mut found = Vec::new();
    loop {
        let search = ResourceSearch::from_trusted_json(body.to_string()).unwrap();
        let page = search.among(staff(), |request| policy.decide(request, now()));
        assert!(page.len() <= 4);
        found.extend(names(&page));
        if page.next_token().is_empty() {
            break;
        }
        body["page"]["token"] = json!(page.next_token());
    }
    assert_eq!(found, ["0", "1", "2", "4", "5", "6", "7", "8", "9"]);

    for change in [
        json!({ "action": { "name": "write" } }),
        json!({ "page": { "limit": 5, "token": body["page"]["token"] } }),
        json!({ "page": { "limit": 4, "token": "bm9uZQ" } }),
        json!({ "page": { "limit": 4, "token": "%" } }),
    ] {
        let mut other = body.clone();
        for (name, value) in change.as_object().unwrap() {
            other[name] = value.clone();
        }
        let error = ResourceSearch::from_trusted_json(other.to_string()).unwrap_err();
        assert_eq!(error, BadRequest::PageToken, "{change}");
    }
    // Nor does a token of one endpoint lead on at another.
    assert!(SubjectSearch::from_trusted_json(body.to_string()).is_err());
    body["page"] = json!({ "limit": -1 });
    let error = ResourceSearch::from_trusted_json(body.to_string()).unwrap_err();
    assert_eq!(error.to_string(), "`page.limit` is int, expected a non-negative integer");
}

#[test]
fn nobody_is_found_on_the_word_of_the_one_who_searches() {
    let (_, policy) = fixture();
    let body = json!({ "subject": { "type": "user", "id": "x", "properties": { "role": "admin" } },
                       "action": { "name": "write" }, "resource": { "type": "record", "id": "record-2" } });
    let search = SubjectSearch::from_trusted_json(body.to_string()).unwrap();
    let found = search.among([Subject::new("user", "eve")], |request| policy.decide(request, now()));
    assert!(found.is_empty());
}

#[test]
fn metadata_names_an_https_decision_point() {
    for bad in [
        "http://jit.example",
        "https://",
        "https://a/?x",
        "https://a/#x",
        "https://u@a",
        "https://a b",
        "jit.example",
        "",
    ] {
        Metadata::new(bad).unwrap_err();
    }
    assert_eq!(Metadata::new("https://a/").unwrap().well_known(), "/.well-known/authzen-configuration");
    assert_eq!(
        Metadata::new("https://a:1/b/c").unwrap().well_known(),
        "/.well-known/authzen-configuration/b/c"
    );
}

#[test]
fn tool_call_binds_its_arguments() {
    let call = |arguments: &str| {
        let message = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"rm","arguments":{arguments}}}}}"#
        );
        tool_call(message, Subject::new("agent", "helper"), Some(Subject::new("user", "ana")))
    };
    let request = call(r#"{"path": "/tmp/x", "deep": {"b": [1, 2.5, true, null], "a": "é\u0041"}}"#).unwrap();
    let text = r#"{"arguments":{"deep":{"a":"éA","b":[1,2.5,true,null]},"path":"/tmp/x"},"name":"rm"}"#;
    assert_eq!(request.action().payload(), Some(&Payload::plain(text)));
    assert_eq!(request.actors().map(Subject::reference).collect::<Vec<_>>(), ["user/ana"]);

    // The order of keys is no difference; a value is.
    let digest = |request: &Request| request.action().digest(request.resource());
    let one = call(r#"{"a": 1, "b": 2}"#).unwrap();
    assert_eq!(digest(&one), digest(&call(r#"{"b": 2, "a": 1}"#).unwrap()));
    assert_ne!(digest(&one), digest(&call(r#"{"a": 1, "b": 3}"#).unwrap()));

    for (message, says) in [
        ("{}", "`jsonrpc` is not \"2.0\""),
        (r#"{"jsonrpc":"2.0","method":"tools/list"}"#, "`method` is not `tools/call`"),
        (r#"{"jsonrpc":"2.0","method":"tools/call"}"#, "`params.name` is not a string"),
        (r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":7}}"#, "`params.name` is not a string"),
        (r#"{"jsonrpc":"2.0","method":"tools/call","method":"x"}"#, "key `method` stands twice"),
        (r#"[{"jsonrpc":"2.0"}]"#, "`jsonrpc` is not"),
    ] {
        let error = tool_call(message, Subject::new("agent", "a"), None).unwrap_err();
        assert!(error.to_string().contains(says), "{error} does not say {says}");
    }
    for arguments in ["[]", "null", r#"{"n": 1e400}"#, r#"{"n": 0.10}"#, r#"{"n": 12345678901234567890123}"#]
    {
        call(arguments).unwrap_err();
    }
}

#[test]
fn arguments_of_a_tool_call_are_the_callers_word() {
    let text = |source: &str| {
        format!(
            "format = 1\nname = 'x'\n[attributes]\n\
             'context.arguments' = {{ type = 'map<string, dyn>', source = '{source}' }}\n\
             [actions]\n'tools/call' = {{ payload = 'text' }}\n[[zone]]\nid = 'z'\n\
             when = 'action.name == \"tools/call\" && resource.id == \"rm\" && \"path\" in context.arguments'\nmax_risk = 'high'\n"
        )
    };
    let message =
        r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"rm","arguments":{"path":"x"}}}"#;
    let request = tool_call(message, Subject::new("agent", "helper"), None).unwrap();
    assert_eq!(policy(&text("caller")).decide(&request, now()).effect(), Effect::Allow);
    assert_eq!(policy(&text("attested")).decide(&request, now()).effect(), Effect::Deny);
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Evaluations::from_caller_json(&bytes);
        let _ = SubjectSearch::from_trusted_json(&bytes);
        let _ = tool_call(&bytes, Subject::new("agent", "a"), None);
    }

    #[test]
    fn a_body_of_one_is_answered_as_by_the_policy(index in 0_usize..8, caller in any::<bool>()) {
        let (fixture, policy) = fixture();
        let body = fixture["evaluation"][index]["request"].to_string();
        let (evaluations, request) = if caller {
            (Evaluations::from_caller_json(&body).unwrap(), Request::from_caller_json(&body).unwrap())
        } else {
            (Evaluations::from_trusted_json(&body).unwrap(), Request::from_trusted_json(&body).unwrap())
        };
        let allowed = policy.decide(&request, now()).effect() == Effect::Allow;
        let answer = evaluations.decide(|request| policy.decide(request, now()));
        prop_assert_eq!(answer.permitted() == 1, allowed);
    }
}
