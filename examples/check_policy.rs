//! Checks policies: what is wrong with them, whether their cases hold, and what the cases cover.
//!
//! For a pipeline: one command, one exit code, and output that people, programs or GitHub read.

#![allow(clippy::disallowed_methods, reason = "a program has files")]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use countersign::testing::{Report, Suite};
use countersign::{Policy, PolicyFault};
use serde_json::{Value, json};

const HELP: &str = "\
Checks policies and runs their cases.

Usage: check_policy [--format text|json|github] [--strict] FILE...

Each FILE is a policy document in TOML, or in JSON if its name ends so; a document
that extends another one of them is checked together with it. The cases of NAME.toml
stand in it, or beside it in NAME.cases.toml. Reports faults, findings of the linter, cases that fail, and what no
case covers: rules that never matched, parts of conditions that were never both true
and false.

Options:
  --format FORMAT   text (default); json: one object a policy; github: annotations
  --strict          gaps in the coverage count as findings
  --help            print this help

Exit code: 0 nothing found, 1 faults, findings or failed cases, 2 wrong usage or a
file that cannot be read.
";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Json,
    Github,
}

struct Options {
    format: Format,
    strict: bool,
    files: Vec<String>,
}

/// A file and its text.
struct Document {
    file: String,
    text: String,
}

/// What was found in one policy.
struct Checked {
    /// The file of the base.
    file: String,
    faults: Vec<PolicyFault>,
    report: Option<Report>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<bool, Box<dyn Error>> {
    let options = options(arguments)?;
    let mut fine = true;
    for documents in families(&options.files)? {
        let checked = check(&documents)?;
        match options.format {
            Format::Text => print_text(&checked),
            Format::Json => println!("{}", to_json(&checked, options.strict)),
            Format::Github => print_annotations(&checked),
        }
        fine &= checked.is_fine(options.strict);
    }
    Ok(fine)
}

fn options(arguments: &[String]) -> Result<Options, Box<dyn Error>> {
    let mut options = Options { format: Format::Text, strict: false, files: Vec::new() };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--strict" => options.strict = true,
            "--format" => {
                options.format = match arguments.next().map(String::as_str) {
                    Some("text") => Format::Text,
                    Some("json") => Format::Json,
                    Some("github") => Format::Github,
                    _ => return Err("--format needs text, json or github, see --help".into()),
                }
            }
            other if other.starts_with('-') => {
                return Err(format!("unknown option {other}, see --help").into());
            }
            file => options.files.push(file.to_owned()),
        }
    }
    if options.files.is_empty() {
        return Err("no FILE is given, see --help".into());
    }
    Ok(options)
}

/// Puts documents that extend another one behind it.
fn families(files: &[String]) -> Result<Vec<Vec<Document>>, Box<dyn Error>> {
    let mut bases: Vec<(Option<String>, Vec<Document>)> = Vec::new();
    let mut extensions = Vec::new();
    for file in files {
        let document = Document { file: file.clone(), text: read(Path::new(file))? };
        let [name, extends] = heads(&document);
        match extends {
            Some(base) => extensions.push((base, document)),
            None => bases.push((name, vec![document])),
        }
    }
    for (base, document) in extensions {
        match bases.iter_mut().find(|(name, _)| name.as_ref() == Some(&base)) {
            Some((_, family)) => family.push(document),
            None => bases.push((None, vec![document])),
        }
    }
    Ok(bases.into_iter().map(|(_, family)| family).collect())
}

/// Returns the `name` of a document and what it `extends`, as far as they can be read.
fn heads(document: &Document) -> [Option<String>; 2] {
    let keys = ["name", "extends"];
    if document.file.ends_with(".json") {
        let json: Value = serde_json::from_str(&document.text).unwrap_or_default();
        return keys.map(|key| Some(json.get(key)?.as_str()?.to_owned()));
    }
    let (table, _) = toml::de::DeTable::parse_recoverable(&document.text);
    keys.map(|key| Some(table.get_ref().get(key)?.get_ref().as_str()?.to_owned()))
}

/// Loads a policy and runs its cases. Only a file that cannot be read is an error.
fn check(documents: &[Document]) -> Result<Checked, Box<dyn Error>> {
    let file = documents.first().map(|document| document.file.clone()).unwrap_or_default();
    let mut checked = Checked { file, faults: Vec::new(), report: None };
    let named = documents.iter().map(|document| (document.file.as_str(), document.text.as_str()));
    let policy = match Policy::from_documents(named) {
        Ok(policy) => policy,
        Err(error) => {
            checked.faults = error.faults().cloned().collect();
            return Ok(checked);
        }
    };
    checked.faults = policy.warnings().cloned().collect();
    let mut suite = Suite::new(&policy);
    for document in documents {
        let beside = Path::new(&document.file).with_extension("cases.toml");
        if !beside.exists() {
            continue;
        }
        match suite.clone().with_cases(&beside.display().to_string(), &read(&beside)?) {
            Ok(more) => suite = more,
            Err(error) => {
                checked.faults.extend(error.faults().cloned());
                return Ok(checked);
            }
        }
    }
    checked.report = Some(suite.run());
    Ok(checked)
}

fn read(path: &Path) -> Result<String, Box<dyn Error>> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()).into())
}

impl Checked {
    fn is_fine(&self, strict: bool) -> bool {
        let report = self.report.as_ref();
        self.faults.is_empty()
            && report.is_some_and(|report| report.failures().next().is_none())
            && !(strict && report.is_some_and(|report| report.coverage().gaps().next().is_some()))
    }
}

fn print_text(checked: &Checked) {
    for fault in &checked.faults {
        println!("{fault}\n");
    }
    let Some(report) = &checked.report else {
        println!("{}: does not load: {} faults", checked.file, checked.faults.len());
        return;
    };
    for failure in report.failures() {
        println!("failed: {failure}\n");
    }
    for gap in report.coverage().gaps() {
        println!("not covered: {gap}\n --> {}:{}", gap.file(), gap.line());
    }
    let ((rules, matched), (parts, both)) = (report.coverage().rules(), report.coverage().parts());
    println!(
        "{}: {} findings; {} cases, {} failed; {matched} of {rules} rules matched; {both} of {parts} parts were both true and false",
        checked.file,
        checked.faults.len(),
        report.cases(),
        report.failures().count(),
    );
}

fn to_json(checked: &Checked, strict: bool) -> Value {
    let faults: Vec<Value> = checked.faults.iter().map(fault).collect();
    let cases = checked.report.as_ref().map(|report| {
        let cases = report.results().map(|(name, file, line, failure)| {
            let differences = failure.into_iter().flat_map(|failure| failure.differences());
            let differences = differences.map(|difference| {
                json!({ "field": difference.field(), "expected": difference.expected(),
                        "found": difference.found(), "because": difference.note() })
            });
            json!({ "name": name, "file": file, "line": line, "passed": failure.is_none(),
                    "differences": differences.collect::<Vec<_>>() })
        });
        cases.collect::<Vec<_>>()
    });
    let coverage = checked.report.as_ref().map(|report| {
        let ((rules, matched), (parts, both)) = (report.coverage().rules(), report.coverage().parts());
        let gaps = report.coverage().gaps().map(|gap| {
            json!({ "rule": gap.rule(), "part": gap.part(), "missing": gap.missing(), "file": gap.file(), "line": gap.line() })
        });
        json!({ "rules": { "total": rules, "matched": matched }, "parts": { "total": parts, "both": both },
                "gaps": gaps.collect::<Vec<_>>() })
    });
    json!({ "file": checked.file, "ok": checked.is_fine(strict), "findings": faults, "cases": cases, "coverage": coverage })
}

fn fault(fault: &PolicyFault) -> Value {
    json!({
        "file": fault.file(),
        "line": fault.line(),
        "column": fault.column(),
        "severity": if fault.is_error() { "error" } else { "warning" },
        "code": fault.lint().map(|lint| lint.code()),
        "message": fault.message(),
        "help": fault.help(),
    })
}

/// Writes workflow commands, which GitHub shows beside the lines.
fn print_annotations(checked: &Checked) {
    for fault in &checked.faults {
        let level = if fault.is_error() { "error" } else { "warning" };
        let title = fault.lint().map_or("policy", |lint| lint.code());
        let help = fault.help().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
        let message = format!("{}{help}", fault.message());
        annotate(level, fault.file(), fault.line(), Some(fault.column()), title, &message);
    }
    let Some(report) = &checked.report else { return };
    for failure in report.failures() {
        let problems: Vec<String> = failure.problems().collect();
        let message = format!("case `{}`\n{}", failure.case(), problems.join("\n"));
        annotate("error", failure.file(), failure.line(), None, "case", &message);
    }
    for gap in report.coverage().gaps() {
        annotate("notice", gap.file(), gap.line(), None, "coverage", &gap.to_string());
    }
}

fn annotate(level: &str, file: &str, line: usize, column: Option<usize>, title: &str, message: &str) {
    let column = column.map(|column| format!(",col={column}")).unwrap_or_default();
    let (file, message) = (escape(file).replace(':', "%3A").replace(',', "%2C"), escape(message));
    println!("::{level} file={file},line={line}{column},title={title}::{message}");
}

/// Escapes what would end a workflow command, so that no text of a policy can begin another.
fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}
