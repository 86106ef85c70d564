//! Generated requests, and the host that they are asked of.

use countersign::{Policy, PolicyOptions, Risk};
use proptest::prelude::*;
use proptest::sample::select;

use super::{Ask, Bounds, Cond, Sql};

/// Any request of the vocabulary.
pub fn ask() -> impl Strategy<Value = Ask> {
    let sql = prop::option::of(select(vec![Sql::Narrow, Sql::Wide, Sql::NotUnderstood]));
    let people = (any::<bool>(), prop::option::of(any::<bool>()), any::<bool>(), sql);
    let numbers = (select(vec![0, 1, 2]), prop::option::of(select(vec![5, 500])));
    let tickets = select(vec![None, Some(""), Some("7"), Some("INC7"), Some("INC7")]);
    let auth = prop::option::weighted(0.7, (any::<bool>(), select(vec![-1, 0, 5, 6])));
    let minutes = prop::option::of(select(vec![1, 10, 20, 30, 45, 100, 1_000]));
    let emergency =
        prop::option::weighted(0.3, prop::option::weighted(0.8, select(vec![" ", "down", "down"])));
    let usage = prop::option::weighted(0.8, (select(vec![0, 1, 2, 5]), select(vec![0, 0, 1])));
    let extra = (prop::bool::weighted(0.3), prop::option::weighted(0.2, select(Risk::ALL.to_vec())));
    (people, numbers, tickets, auth, minutes, emergency, extra, usage).prop_map(
        |(
            (production, on_call, member, sql),
            (divisor, rows),
            ticket,
            auth,
            minutes,
            emergency,
            (ask_review, hint),
            usage,
        )| {
            Ask {
                production,
                on_call,
                member,
                sql,
                divisor,
                rows,
                ticket,
                auth,
                minutes,
                emergency,
                ask_review,
                hint,
                usage,
            }
        },
    )
}

/// A host that fulfils one kind of obligations.
pub fn policy(text: &str) -> Policy {
    let options = PolicyOptions::new().fulfilling(["notify"]);
    options.from_toml(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A condition of one test.
pub fn leaf() -> impl Strategy<Value = Cond> + Clone {
    select(vec![
        Cond::Always,
        Cond::Never,
        Cond::Production,
        Cond::OnCall,
        Cond::Member,
        Cond::NoMember,
        Cond::WideWrite,
        Cond::Quotient,
    ])
}

/// Bounds of grants, with an end by an expression where `until` says so.
pub fn bounds(until: impl Strategy<Value = Option<u64>>) -> impl Strategy<Value = Bounds> {
    let spans = select(vec![(1, 10, 60), (5, 15, 30), (20, 20, 20), (1, 60, 240), (30, 45, 60)]);
    (spans, any::<bool>(), until).prop_map(|((min, default, max), caps, until)| Bounds {
        min,
        default,
        max,
        caps,
        until,
    })
}
