//! The command inspector against labelled commands.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use countersign::inspect::command::{CommandEffect, CommandFacts, Obstacle, inspect, inspect_payload};
use countersign::{Action, Dialect, Effect, Payload, Policy, Request, Resource, Risk, Subject};
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    command: Command,
    label: String,
    /// Whether credentials are or may be shown, where that was judged.
    secrets: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Command {
    Argv(Vec<String>),
    Shell(String),
}

const FILES: [&str; 4] = [
    include_str!("data/commands/labelled.jsonl"),
    include_str!("data/commands/own.jsonl"),
    include_str!("data/commands/later.jsonl"),
    HOSTILE,
];

const HOSTILE: &str = include_str!("data/commands/hostile.jsonl");

/// The rows of a file with what each is called; a shell string runs as `sh -c` would run it.
fn rows(file: &str) -> Vec<(String, String, CommandFacts)> {
    let rows = file.lines().map(|line| serde_json::from_str::<Row>(line).unwrap());
    rows.map(|row| {
        let words = match row.command {
            Command::Argv(words) => words,
            Command::Shell(text) => vec!["sh".to_owned(), "-c".to_owned(), text],
        };
        (row.label, words.join(" "), inspect(&words))
    })
    .collect()
}

/// The label's place among the effects; what is not understood stands above all.
fn rank(label: &str) -> usize {
    ["read", "write", "destructive", "privilege", "unknown"].iter().position(|name| *name == label).unwrap()
}

#[test]
fn no_other_command_is_called_a_read() {
    for (label, line, facts) in FILES.iter().flat_map(|file| rows(file)) {
        assert!(label == "read" || facts.effect() != Some(CommandEffect::Read), "{label}: {line}");
    }
}

#[test]
fn effect_is_below_the_label_only_where_named() {
    let below = |(label, _, facts): &(String, String, CommandFacts)| {
        rank(facts.effect().map_or("unknown", CommandEffect::as_str)) < rank(label)
    };
    let rows = FILES.iter().flat_map(|file| rows(file)).filter(below);
    let lines: Vec<String> = rows.map(|(label, line, _)| format!("{label}: {line}")).collect();
    assert_eq!(lines, BELOW);
}

#[test]
fn most_reads_are_called_reads() {
    for file in FILES {
        let rows = rows(file);
        let reads: Vec<_> = rows.iter().filter(|(label, ..)| label == "read").collect();
        let missed: Vec<_> =
            reads.iter().filter(|(_, _, facts)| facts.effect() != Some(CommandEffect::Read)).collect();
        let lines: Vec<_> =
            missed.iter().map(|(_, line, facts)| (line, facts.obstacle(), facts.effect())).collect();
        println!("{} of {}: {lines:#?}", reads.len() - missed.len(), reads.len());
        assert!(missed.len() * 100 <= reads.len() * 5, "{lines:#?}");
    }
}

#[test]
fn credentials_are_told_where_they_may_show() {
    let row = |line| serde_json::from_str::<Row>(line).unwrap();
    let judged: Vec<Option<bool>> = HOSTILE.lines().map(|line| row(line).secrets).collect();
    let rows = judged.into_iter().zip(rows(HOSTILE));
    let wrong: Vec<String> = rows
        .filter(|(expected, (.., facts))| match expected {
            Some(true) => facts.secrets() == Some(false),
            Some(false) => facts.secrets() != Some(false),
            None => false,
        })
        .map(|(expected, (_, line, facts))| format!("{expected:?} {line} {:?}", facts.obstacle()))
        .collect();
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn targets_say_what_is_named_and_where() {
    let targets = |line: &str| inspect(&line.split(' ').collect::<Vec<_>>()).targets().to_vec();
    assert_eq!(
        targets("kubectl get pods,svc -n prod -A"),
        ["--all-namespaces", "--namespace=prod", "pods", "svc"]
    );
    for line in ["kubectl -nprod get pods", "kubectl get pods -n=prod", "kubectl get pods --namespace prod"] {
        assert_eq!(targets(line), ["--namespace=prod", "pods"], "{line}");
    }
    assert_eq!(targets("systemctl restart web db"), ["db", "web"]);
    assert_eq!(targets("cat a.log b.log"), ["a.log", "b.log"]);
    assert_eq!(targets("redis-cli -n 2 DEL session:7"), ["-n=2", "session:7"]);
    assert_eq!(targets("curl -s https://api.example/orders/7?full=1"), ["api.example/orders/7"]);
    assert_eq!(
        inspect(&["psql", "-d", "app", "-c", "SELECT 1 FROM vault.keys"]).targets(),
        ["--dbname=app", "vault.keys"]
    );
}

#[test]
fn passwords_stand_in_neither_facts_nor_reasons() {
    for words in [
        vec!["redis-cli", "-a", "hunter2", "GET", "k"],
        vec!["mysql", "-phunter2", "-e", "SELECT 1"],
        vec!["psql", "postgresql://app:hunter2@db/orders", "-c", "SELECT 1"],
        vec!["curl", "-u", "ana:hunter2", "https://api.example/"],
        vec!["curl", "https://ana:hunter2@api.example/?token=hunter2"],
        vec!["kubectl", "--token", "hunter2", "get", "pods"],
        vec!["kubectl", "--tokn=hunter2", "get", "pods"],
        vec!["mysql", "--password", "hunter2", "-e", "SELEC 1"],
        vec!["git", "ls-remote", "https://ana:hunter2@git.example/x"],
    ] {
        let facts = inspect(&words);
        let said = format!(
            "{:?} {:?} {:?}",
            facts.targets(),
            facts.verb(),
            facts.obstacle().map(ToString::to_string)
        );
        assert!(!said.contains("hunter2"), "{said}");
        assert_ne!(facts.secrets(), Some(false), "{words:?}");
    }
}

#[test]
fn every_obstacle_is_told() {
    let told = |words: &[&str]| inspect(words).obstacle().map(ToString::to_string).unwrap_or_default();
    assert_eq!(told(&[]), "there is nothing to run");
    assert_eq!(told(&["sh", "-c", "ls"]), "`sh` is not a known program");
    assert_eq!(told(&["kubectl", "foo"]), "word 1 is not a known verb of `kubectl`");
    assert_eq!(told(&["aws", "ec2", "foo"]), "word 2 is not a known verb of `aws`");
    assert_eq!(told(&["ls", "--colour"]), "flag `--colour` is not known");
    assert_eq!(told(&["ls", "-w", "-l"]), "word 2 is not judged: a flag's value looks like a flag");
    assert_eq!(told(&["find", ".", "-name"]), "a flag's value is missing");
    assert_eq!(told(&["psql", "-c", "SELECT f()"]), "the SQL in word 2: `f` is not known to be harmless");
    assert_eq!(told(&["ls", "a\u{202e}b"]), "word 1 holds a control character");
    assert_eq!(told(&["ls"; 300]), "the number of words 300 exceeds the limit of 256");
    let payload = Payload::argv(["ls"]).with_env("LD_PRELOAD", "x.so");
    let facts = inspect_payload(&payload).unwrap();
    let Some(obstacle) = facts.obstacle() else { panic!("{facts:?}") };
    assert_eq!(obstacle.to_string(), "environment variable `LD_PRELOAD` is not known to be harmless");
    assert!(matches!(obstacle, Obstacle::Environment(_)));
    assert!(inspect_payload(&Payload::plain("ls")).is_none());
}

#[test]
fn directory_and_environment_belong_to_the_command() {
    let payload = Payload::argv(["cat", "shadow.bak", "x"]).with_directory("/etc/ssl/private");
    assert_eq!(inspect_payload(&payload).unwrap().secrets(), Some(true));
    let payload = Payload::argv(["cat", "1/status"]).with_directory("/proc");
    assert_eq!(inspect_payload(&payload).unwrap().effect(), Some(CommandEffect::Read));
    let payload = Payload::argv(["grep", "-r", "x", "."]).with_directory("/etc");
    assert_eq!(inspect_payload(&payload).unwrap().secrets(), Some(true));
    let payload = Payload::argv(["psql", "-c", "SELECT 1"]).with_env("PGPASSWORD", "x");
    assert_eq!(inspect_payload(&payload).unwrap().effect(), Some(CommandEffect::Privilege));
    let payload = Payload::argv(["ls"]).with_env("LANG", "C").with_env("LC_ALL", "C.UTF-8");
    assert_eq!(inspect_payload(&payload).unwrap().effect(), Some(CommandEffect::Read));
    for (name, value) in
        [("PAGER", "sh"), ("KUBECONFIG", "/tmp/x"), ("LC_ALL", "/tmp/x"), ("GIT_SSH_COMMAND", "x")]
    {
        assert!(
            !inspect_payload(&Payload::argv(["ls"]).with_env(name, value)).unwrap().understood(),
            "{name}"
        );
    }
}

const POLICY: &str = r#"
format = 1
name = "commands"
[attributes]
"approver.groups" = "list<string>"
[[risk]]
id = "not-understood"
when = 'has(command) && !command.understood'
level = "critical"
[[risk]]
id = "read"
when = 'has(command) && command.understood && command.effect == "read" && !command.secrets'
level = "low"
[[forbid]]
id = "vault"
when = 'has(command) && command.understood && command.targets.exists(t, t.startsWith("vault."))'
[[zone]]
id = "reads"
when = 'has(command) && command.effect == "read"'
max_risk = "low"
[[review]]
id = "rest"
when = 'has(command)'
approve = { count = 1, from = '"sre" in approver.groups' }
"#;

#[test]
fn conditions_read_the_facts() {
    let policy = Policy::from_toml(POLICY).unwrap();
    let decide = |payload: Payload| {
        let action = Action::new("run").with_payload(payload);
        let request = Request::new(Subject::new("user", "ana"), action, Resource::new("host", "web-1"));
        let decision = policy.decide(&request, "2026-11-24T10:00:00Z".parse().unwrap());
        (decision.effect(), decision.risk())
    };
    assert_eq!(decide(Payload::argv(["kubectl", "get", "pods"])), (Effect::Allow, Risk::Low));
    assert_eq!(decide(Payload::argv(["kubectl", "get", "secrets"])), (Effect::Review, Risk::High));
    assert_eq!(decide(Payload::argv(["sudo", "kubectl", "get", "pods"])), (Effect::Review, Risk::Critical));
    assert_eq!(decide(Payload::argv(["psql", "-c", "SELECT a FROM vault.keys"])).0, Effect::Deny);
    assert_eq!(decide(Payload::argv(["ls"]).with_env("PAGER", "x")), (Effect::Review, Risk::Critical));
    assert_eq!(decide(Payload::sql(Dialect::PostgreSql, "SELECT 1")).0, Effect::Deny);
}

/// Labelled unknown, and known to need a privilege.
const BELOW: [&str; 4] = [
    "unknown: redis-cli MONITOR",
    "unknown: sqlite3 x.db SELECT writefile('/etc/x','y')",
    "unknown: sqlite3 x.db SELECT load_extension('/tmp/x.so')",
    "unknown: git config core.pager sh",
];
