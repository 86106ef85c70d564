//! The tables of `docs/benchmarks.md`.

use std::fmt::Write;
use std::path::Path;

use crate::measure::{Row, Table};

/// The machine, as far as a reader needs to know it.
pub struct Machine {
    cores: usize,
    megahertz: Option<f64>,
    /// Processes that wanted to run, averaged over the minute before the start.
    load: Option<f64>,
}

impl Machine {
    pub fn now() -> Self {
        let number = |text: &str| text.trim().parse::<f64>().ok();
        let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let clocks = processor.lines().filter(|line| line.starts_with("cpu MHz"));
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            megahertz: clocks.filter_map(|line| number(line.split(':').nth(1)?)).reduce(f64::max),
            load: load.split(' ').next().and_then(number),
        }
    }

    fn sentence(&self) -> String {
        let mut text = format!("{} {}, {} cores", std::env::consts::OS, std::env::consts::ARCH, self.cores);
        if let Some(megahertz) = self.megahertz {
            write!(text, " of {:.1} GHz", megahertz / 1e3).unwrap();
        }
        match self.load {
            Some(load) if load > 0.5 => write!(
                text,
                ", **shared**: others wanted {load:.1} cores in the minute before. Compare times with each other, not with \
                 those of another run"
            )
            .unwrap(),
            Some(_) => text.push_str(", otherwise idle"),
            None => {}
        }
        text
    }
}

pub fn tables(tables: &[Table], machine: &Machine, clock: f64) -> String {
    let mut text = format!(
        "![Median time of a decision by number of rules, a line for each engine](benchmarks.svg)\n\nMachine: {}. One thread; reading the clock takes {clock:.0} ns, which is taken off each time.\n\n\
         Versions: {}.\n",
        machine.sentence(),
        versions().join(", ")
    );
    for table in tables {
        let reference = table.rows.iter().find(|row| row.name == REFERENCE).unwrap();
        write!(
            text,
            "\n### {} rules\n\nEach engine answered at least {} requests as the others did.\n\n\
             | engine | median | to countersign | p99 | best round | with making the request | allocations | load | \
             memory | timed |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
            thousands(table.rules),
            thousands(table.agreed),
        )
        .unwrap();
        for row in &table.rows {
            line(&mut text, row, reference);
        }
    }
    text
}

fn line(text: &mut String, row: &Row, reference: &Row) {
    let ratio = row.p50 / reference.p50;
    let bold = if row.name == REFERENCE { "**" } else { "" };
    writeln!(
        text,
        "| {bold}{}{bold} | {} | {} × | {} | {} | {} | {} | {} | {} | {} × {} |",
        row.name,
        time(row.p50),
        if ratio < 10.0 { format!("{ratio:.2}") } else { thousands(ratio.round() as usize) },
        if row.requests < 100 { "–".to_owned() } else { time(row.p99) },
        time(row.least),
        time(row.afresh),
        if row.allocations < 10.0 {
            format!("{:.1}", row.allocations)
        } else {
            thousands(row.allocations as usize)
        },
        time(row.load.time.as_nanos() as f64),
        size(row.load.held),
        row.rounds,
        thousands(row.requests),
    )
    .unwrap();
}

/// Puts the text between the markers of a document.
pub fn write(path: &Path, text: &str) {
    let document = std::fs::read_to_string(path).unwrap();
    let (before, rest) = document.split_once(BEGIN).expect("docs/benchmarks.md has lost its first marker");
    let (_, after) = rest.split_once(END).expect("docs/benchmarks.md has lost its last marker");
    std::fs::write(path, format!("{before}{BEGIN}\n\n{text}\n{END}{after}")).unwrap();
}

/// Versions of what is compared, from the lock file.
fn versions() -> Vec<String> {
    let packages = include_str!("../Cargo.lock").split("[[package]]");
    let field = |package: &str, key: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.trim_matches(['"', ' ', '=']).to_owned())
    };
    let named =
        packages.filter_map(|package| Some((field(package, "name = ")?, field(package, "version = ")?)));
    named
        .filter(|(name, _)| PEERS.contains(&name.as_str()))
        .map(|(name, version)| format!("{name} {version}"))
        .collect()
}

pub fn time(nanoseconds: f64) -> String {
    let (value, unit) = match nanoseconds {
        ..1e3 => return format!("{nanoseconds:.0} ns"),
        ..1e6 => (nanoseconds / 1e3, "µs"),
        ..1e9 => (nanoseconds / 1e6, "ms"),
        _ => (nanoseconds / 1e9, "s"),
    };
    if value < 9.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

fn size(bytes: i64) -> String {
    match bytes {
        ..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        ..10_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.0} MB", bytes as f64 / 1e6),
    }
}

pub fn thousands(number: usize) -> String {
    match number {
        ..1_000 => number.to_string(),
        _ => format!("{},{:03}", thousands(number / 1_000), number % 1_000),
    }
}

const REFERENCE: &str = "countersign";
const PEERS: [&str; 5] = ["biscuit-auth", "cedar-policy", "cel", "countersign", "regorus"];
const BEGIN: &str = "<!-- figures: begin -->";
const END: &str = "<!-- figures: end -->";
