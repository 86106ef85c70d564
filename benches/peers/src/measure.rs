//! Rounds in which the engines take turns, once they have agreed.

use std::time::{Duration, Instant};

use crate::contender::{Contender, Load};
use crate::workload::{Ask, ENVIRONMENTS};

/// All engines on one number of rules.
pub struct Table {
    pub rules: usize,
    /// Requests that all engines answered alike.
    pub agreed: usize,
    pub rows: Vec<Row>,
}

/// Times are nanoseconds.
pub struct Row {
    pub name: String,
    pub load: Load,
    /// Requests in a round.
    pub requests: usize,
    pub rounds: usize,
    /// Medians over the rounds of each round's median and 99th percentile.
    pub p50: f64,
    pub p99: f64,
    /// The smallest median of a round.
    pub least: f64,
    /// The median with the making of the engine's own form of a request.
    pub afresh: f64,
    pub allocations: f64,
}

/// Compares every answer with the first engine's; gives the number of requests and what differs.
///
/// With a limit an engine that is slow answers fewer, and those are all that are timed.
pub fn agree(
    contenders: &mut [Box<dyn Contender>],
    asks: &[Ask],
    limit: Option<Duration>,
) -> (usize, Vec<String>) {
    let questions = questions(asks);
    let expected: Vec<_> = questions.iter().map(|ask| contenders[0].outcome(ask)).collect();
    let (mut least, mut differ) = (questions.len(), Vec::new());
    for contender in &mut contenders[1..] {
        let (begun, mut answered) = (Instant::now(), 0);
        for (ask, expected) in questions.iter().zip(&expected) {
            if answered >= FEWEST && limit.is_some_and(|limit| begun.elapsed() > limit) {
                break;
            }
            let outcome = contender.outcome(ask);
            if outcome != *expected {
                differ.push(format!(
                    "{}: {outcome:?}, expected {expected:?}: {}",
                    contender.name(),
                    ask.json()
                ));
            }
            answered += 1;
        }
        least = least.min(answered);
    }
    (least, differ)
}

/// Each request, followed by itself with one fact changed.
fn questions(asks: &[Ask]) -> Vec<Ask> {
    let changed = |(index, ask): (usize, &Ask)| {
        let mut other = ask.clone();
        match index % 8 {
            0 => other.mfa = false,
            1 => other.seconds = 3_601,
            2 => other.seconds = 3_600,
            3 => other.tier = if ask.tier == "gold" { "bronze" } else { "gold" },
            4 => other.environment = ENVIRONMENTS[index % 3],
            5 => other.groups[0] = format!("group-{}", index % 8),
            6 => other.groups.swap(0, 2),
            _ => other.service = "service-none".to_owned(),
        }
        [ask.clone(), other]
    };
    asks.iter().enumerate().flat_map(changed).collect()
}

pub fn table(rules: usize, contenders: &mut [Box<dyn Contender>], asks: &[Ask]) -> Table {
    let (agreed, differ) = agree(contenders, asks, Some(AGREEMENT));
    assert!(differ.is_empty(), "{differ:#?}");
    let mut samples: Vec<Samples> = contenders.iter_mut().map(|one| Samples::new(&mut **one)).collect();
    for round in 0..ROUNDS {
        for (contender, samples) in contenders.iter_mut().zip(&mut samples) {
            samples.round(round, &mut **contender, asks);
        }
    }
    let rows = contenders
        .iter_mut()
        .zip(samples)
        .map(|(contender, samples)| samples.row(&mut **contender))
        .collect();
    Table { rules, agreed, rows }
}

/// What the rounds of one engine gave.
struct Samples {
    requests: usize,
    rounds: usize,
    p50: Vec<f64>,
    p99: Vec<f64>,
    afresh: Vec<f64>,
}

impl Samples {
    /// Warms an engine up, and sees how many requests it can be asked in a round.
    fn new(contender: &mut dyn Contender) -> Self {
        let cost = quantile(&mut contender.ready(FEWEST / 2), 0.5);
        let fits = (ROUND.as_nanos() as f64 / cost.max(1.0)) as usize;
        let requests = fits.clamp(FEWEST / 2, MOST);
        let rounds = if fits < FEWEST / 2 { FEWEST_ROUNDS } else { ROUNDS };
        Self { requests, rounds, p50: Vec::new(), p99: Vec::new(), afresh: Vec::new() }
    }

    fn round(&mut self, round: usize, contender: &mut dyn Contender, asks: &[Ask]) {
        if round < self.rounds {
            let mut times = contender.ready(self.requests);
            self.p50.push(quantile(&mut times, 0.5));
            self.p99.push(quantile(&mut times, 0.99));
            self.afresh.push(quantile(&mut contender.afresh(&asks[..self.requests]), 0.5));
        }
    }

    fn row(mut self, contender: &mut dyn Contender) -> Row {
        Row {
            name: contender.name(),
            load: contender.load(),
            requests: self.requests,
            rounds: self.rounds,
            least: self.p50.iter().copied().fold(f64::MAX, f64::min),
            p50: quantile(&mut self.p50, 0.5),
            p99: quantile(&mut self.p99, 0.5),
            afresh: quantile(&mut self.afresh, 0.5),
            allocations: contender.allocations(self.requests.min(100)),
        }
    }
}

fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * part).round() as usize]
}

const ROUNDS: usize = 9;
/// Rounds of an engine that needs long for the fewest requests.
const FEWEST_ROUNDS: usize = 3;
const MOST: usize = 1_000;
/// Questions that every engine answers; every other one is a request that is timed.
const FEWEST: usize = 40;
const ROUND: Duration = Duration::from_millis(60);
const AGREEMENT: Duration = Duration::from_secs(1);
