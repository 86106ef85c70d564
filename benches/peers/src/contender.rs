//! An engine with its questions ready, behind one face for all.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::counting::counted;
use crate::engine::{Engine, Outcome, Rule};
use crate::workload::Ask;

/// What loading took.
#[derive(Clone, Copy)]
pub struct Load {
    pub time: Duration,
    /// Bytes that the loaded policy holds.
    pub held: i64,
}

pub trait Contender {
    fn name(&self) -> String;
    fn load(&self) -> Load;
    fn outcome(&mut self, ask: &Ask) -> Outcome;
    /// Nanoseconds of each decision, from the engine's own form of the first so many requests.
    fn ready(&mut self, count: usize) -> Vec<f64>;
    /// The same, with the making of that form.
    fn afresh(&mut self, asks: &[Ask]) -> Vec<f64>;
    /// Allocations for one decision of the first so many.
    fn allocations(&mut self, count: usize) -> f64;
}

struct Ready<E: Engine> {
    engine: E,
    load: Load,
    questions: Vec<E::Question>,
    clock: f64,
}

/// Loads an engine, unless the rules are too many for it; `clock` is what reading the clock takes, in nanoseconds.
pub fn contender<E: Engine + 'static>(
    rules: &[Rule],
    asks: &[Ask],
    clock: f64,
) -> Option<Box<dyn Contender>> {
    if rules.len() > E::MOST {
        return None;
    }
    let source = E::source(rules);
    let begun = Instant::now();
    let (engine, counts) = counted(|| E::load(&source));
    let mut time = begun.elapsed();
    while begun.elapsed() < ENOUGH {
        let started = Instant::now();
        let loaded = black_box(E::load(&source));
        time = time.min(started.elapsed());
        drop(loaded);
    }
    let questions = asks.iter().map(E::question).collect();
    Some(Box::new(Ready { engine, load: Load { time, held: counts.held }, questions, clock }))
}

impl<E: Engine> Contender for Ready<E> {
    fn name(&self) -> String {
        E::name()
    }

    fn load(&self) -> Load {
        self.load
    }

    fn outcome(&mut self, ask: &Ask) -> Outcome {
        self.engine.decide(&E::question(ask))
    }

    fn ready(&mut self, count: usize) -> Vec<f64> {
        let (engine, clock) = (&mut self.engine, self.clock);
        self.questions[..count]
            .iter()
            .map(|question| nanoseconds(clock, || engine.decide(black_box(question))))
            .collect()
    }

    fn afresh(&mut self, asks: &[Ask]) -> Vec<f64> {
        let (engine, clock) = (&mut self.engine, self.clock);
        asks.iter().map(|ask| nanoseconds(clock, || engine.decide(&E::question(black_box(ask))))).collect()
    }

    fn allocations(&mut self, count: usize) -> f64 {
        let (engine, questions) = (&mut self.engine, &self.questions[..count]);
        let ((), counts) = counted(|| {
            for question in questions {
                black_box(engine.decide(question));
            }
        });
        counts.allocations as f64 / count as f64
    }
}

fn nanoseconds<T>(clock: f64, run: impl FnOnce() -> T) -> f64 {
    let started = Instant::now();
    black_box(run());
    (started.elapsed().as_nanos() as f64 - clock).max(0.0)
}

/// The least that two readings of the clock are apart.
pub fn clock() -> f64 {
    (0..10_000).map(|_| nanoseconds(0.0, || ())).fold(f64::MAX, f64::min)
}

/// The time after which one more load is not begun.
const ENOUGH: Duration = Duration::from_millis(200);
