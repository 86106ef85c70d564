//! Countersign beside other engines on one workload.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml` holds all engines to the same outcomes, measures
//! them and writes the tables and the plot of `docs/benchmarks.md`. `--check` only compares outcomes; `--print`
//! measures and writes to standard output.

mod biscuit;
mod cedar;
mod cel_loop;
mod contender;
mod countersign;
mod counting;
mod engine;
mod measure;
mod native;
mod plot;
mod regorus;
mod report;
#[allow(dead_code, reason = "the benches of the library use the rest")]
#[path = "../../workload/mod.rs"]
mod workload;

use std::path::Path;

use contender::{Contender, clock, contender};
use engine::{Indexed, Rule};
use workload::{Ask, asks, document, spec};

fn main() {
    let word = std::env::args().nth(1);
    match word.as_deref() {
        None | Some("--print") => {
            let machine = report::Machine::now();
            let clock = clock();
            let tables: Vec<measure::Table> = SIZES.into_iter().map(|rules| measured(rules, clock)).collect();
            let text = report::tables(&tables, &machine, clock);
            if word.is_some() {
                return println!("{text}");
            }
            let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
            report::write(&docs.join("benchmarks.md"), &text);
            std::fs::write(docs.join("benchmarks.svg"), plot::svg(&tables)).unwrap();
        }
        Some("--check") => {
            for rules in [10, 100, 300] {
                let (mut contenders, asks) = contenders(rules, 0.0);
                let (answered, differ) = measure::agree(&mut contenders, &asks, None);
                println!("{rules} rules: {} engines agree on {answered} requests", contenders.len());
                assert!(differ.is_empty(), "{differ:#?}");
            }
        }
        Some(other) => panic!("unknown argument `{other}`, expected `--check`, `--print` or nothing"),
    }
}

fn measured(rules: usize, clock: f64) -> measure::Table {
    let (mut contenders, asks) = contenders(rules, clock);
    measure::table(rules, &mut contenders, &asks)
}

/// All engines, loaded; the first is the one that the others are held to.
fn contenders(rules: usize, clock: f64) -> (Vec<Box<dyn Contender>>, Vec<Ask>) {
    let policy = ::countersign::Policy::from_toml(&document(rules)).unwrap();
    let asks = asks(rules, &policy);
    let rules: Vec<Rule> = (0..rules).map(|id| Rule { id, spec: spec(id, rules) }).collect();
    let loaders: [fn(&[Rule], &[Ask], f64) -> Option<Box<dyn Contender>>; 10] = [
        contender::<native::Native>,
        contender::<countersign::Countersign>,
        contender::<cel_loop::Cel>,
        contender::<Indexed<cel_loop::Cel>>,
        contender::<cedar::Cedar>,
        contender::<Indexed<cedar::Cedar>>,
        contender::<regorus::Code>,
        contender::<regorus::Data>,
        contender::<biscuit::Biscuit>,
        contender::<Indexed<biscuit::Biscuit>>,
    ];
    let contenders = loaders.into_iter().filter_map(|load| {
        let contender = load(&rules, &asks, clock)?;
        eprintln!("{} rules, {}: loaded in {:.1?}", rules.len(), contender.name(), contender.load().time);
        Some(contender)
    });
    (contenders.collect(), asks)
}

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
