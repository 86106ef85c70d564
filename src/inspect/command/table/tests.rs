//! Every line of every table.

use super::*;

const KINDS: &[&str] = &[
    "ARCHIVE",
    "ASSIGNMENT",
    "AWK",
    "BSD",
    "BSDFORMAT",
    "BSDSECRET",
    "CHART",
    "DATA",
    "DATABASE",
    "DATABASEFILE",
    "DD",
    "DNS",
    "FILE",
    "FORMAT",
    "GDB",
    "GITFORMAT",
    "GITKEY",
    "HEADER",
    "HOST",
    "JQ",
    "LINE",
    "LINES",
    "METHOD",
    "MYSQL",
    "NAME",
    "NUMBER",
    "OBJECT",
    "OUTPUT",
    "PASSWORD",
    "PATH",
    "PERMISSION",
    "POSTGRESQL",
    "PRINT",
    "PROPERTY",
    "PSFORMAT",
    "PSLIST",
    "REDIS",
    "REDISURL",
    "REMOTE",
    "RESOURCE",
    "SCHEMA",
    "SED",
    "SETTING",
    "SQLITE",
    "STRACE",
    "SYSCTL",
    "TEXT",
    "TREE",
    "URL",
    "WORD",
    "WRITEOUT",
];
const MARKS: &[&str] =
    &["write", "destructive", "privilege", "secrets", "needed", "must", "instead", "target", "deep"];

fn is_kind(kind: &str) -> bool {
    KINDS.contains(&kind)
        || kind.strip_prefix('=').is_some_and(|set| set.split('|').all(|word| !word.is_empty()))
}

fn is_flag_name(name: &str) -> bool {
    name.len() > 1 && name.starts_with('-') && name != "--"
}

#[test]
fn every_program_is_listed_and_found() {
    for (names, text) in TABLES {
        let heads = text.lines().filter_map(|line| line.strip_prefix("program "));
        let mut named: Vec<&str> =
            heads.flat_map(|head| head.split(' ').next().unwrap_or_default().split('|')).collect();
        named.sort_unstable();
        let mut listed: Vec<&str> = names.split(' ').collect();
        listed.sort_unstable();
        assert_eq!(named, listed);
        for name in listed {
            let program = Program::find(name);
            assert!(program.is_some_and(|program| program.forms().next().is_some()), "{name}");
        }
    }
    let all: Vec<&str> = TABLES.iter().flat_map(|(names, _)| names.split(' ')).collect();
    let mut once = all.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(all.len(), once.len(), "a program stands in two tables");
}

#[test]
fn every_line_says_something_known() {
    for line in TABLES.iter().flat_map(|(_, text)| text.lines()) {
        let known = if let Some(head) = line.strip_prefix("program ") {
            style(line).is_some() && head.split(' ').skip(2).all(|mark| mark == "split" || mark == "stop")
        } else if let Some(form) = line.strip_prefix("form") {
            is_form(form)
        } else if line.starts_with("group ") || line.starts_with("use ") {
            line.split(' ').count() == 2
        } else if let Some(names) = line.strip_prefix("switches ").or_else(|| line.strip_prefix("values ")) {
            names.split(' ').all(is_flag_name)
        } else if line.starts_with('-') {
            is_flag(line)
        } else {
            line.is_empty() || line.starts_with('#')
        };
        assert!(known && line.trim_end() == line, "{line}");
    }
}

fn is_form(form: &str) -> bool {
    let Some((verb, does)) = form.split_once(':') else { return false };
    let mut words = does.trim().split(' ').peekable();
    let effect = words.next().and_then(CommandEffect::from_name);
    words.next_if_eq(&"secrets");
    let verb = verb.trim().split([' ', '|']).all(|word| !word.starts_with('-'));
    effect.is_some()
        && verb
        && words.all(|kind| is_kind(kind) || is_kind(kind.strip_suffix(['?', '*', '+']).unwrap_or(kind)))
}

fn is_flag(line: &'static str) -> bool {
    let Some(flag) = names(line).last().and_then(|name| read_flag(line, name)) else { return false };
    let kind = match flag.takes {
        Takes::Nothing => true,
        Takes::Value(kind) | Takes::Optional(kind) => is_kind(kind),
    };
    let marks = flag.marks.split(' ').all(|mark| mark.is_empty() || MARKS.contains(&mark));
    kind && marks && names(line).all(is_flag_name)
}

#[test]
fn groups_exist_and_are_used() {
    for (_, text) in TABLES {
        for name in text.lines().filter_map(|line| line.strip_prefix("use ")) {
            assert!(text.contains(&format!("\ngroup {name}\n")), "{name}");
        }
        for name in text.lines().filter_map(|line| line.strip_prefix("group ")) {
            assert!(text.contains(&format!("\nuse {name}\n")), "{name}");
        }
    }
}

#[test]
fn flag_is_described_once_in_a_form() {
    for (names_of, text) in TABLES {
        for program in names_of.split(' ').filter_map(Program::find) {
            for block in (Blocks { rest: program.text }) {
                let mut seen = Vec::new();
                for line in block.body.lines() {
                    let listed = line.strip_prefix("switches ").or_else(|| line.strip_prefix("values "));
                    let list = listed
                        .map(|list| list.split(' ').collect())
                        .unwrap_or_else(|| names(line).collect::<Vec<_>>());
                    seen.extend(list);
                }
                let count = seen.len();
                seen.sort_unstable();
                let twice: Vec<_> = seen.windows(2).filter(|pair| pair.first() == pair.last()).collect();
                assert!(twice.is_empty() && count > 0 || count == 0, "{}: {twice:?}", block.head);
            }
        }
        assert!(!text.is_empty());
    }
}
