//! The cheapest change, against trying every subset of all changes by brute force.
//!
//! The oracle shares nothing with the library: its decisions are those of the naive evaluator, and it tries
//! every combination of a ticket, a sign-in, a reason, asking for a review, and every minute up to an hour
//! beside the bounds above it; break-glass access only if none of them leads to yes.

#![cfg(all(feature = "sql", feature = "toml"))]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod naive;
mod support;

use std::collections::{BTreeMap, BTreeSet};

use countersign::testing::{Direction, policy_diff};
use countersign::{Change, ChangeStep, Effect, NextAction, Risk, Usage, limits};
use proptest::prelude::*;
use proptest::sample::select;

use naive::ask::{ask, leaf, policy};
use naive::{Also, Ask, Bound, Bounds, Cond, Document, Emergency, Needs, Owes, Review, Rule, Zone};
use support::{NOON, time};

/// What counts, in the order in which it counts: break-glass access, approval, a narrower action, sign-ins,
/// fields, asking for a review, and seconds given up.
type Price = [u64; 7];

fn cond() -> impl Strategy<Value = Cond> {
    let leaf = leaf();
    let two = (leaf.clone(), leaf.clone()).prop_map(|(a, b)| Cond::Or(Box::new(a), Box::new(b)));
    let choice = (leaf.clone(), leaf.clone(), leaf.clone())
        .prop_map(|(a, b, c)| Cond::If(Box::new(a), Box::new(b), Box::new(c)));
    prop_oneof![6 => leaf.clone(), 1 => choice, 2 => leaf.prop_map(|a| Cond::Not(Box::new(a))), 2 => two]
}

fn rule(bounds: &'static [Bound]) -> impl Strategy<Value = Rule> {
    let also = prop_oneof![
        4 => Just(Also::Nothing),
        1 => select(bounds).prop_map(Also::And),
        1 => select(bounds).prop_map(Also::Or),
    ];
    (cond(), also).prop_map(|(when, also)| Rule { id: String::new(), when, also })
}

const RAISING: &[Bound] = &[Bound::AtLeast(Risk::Medium), Bound::AtLeast(Risk::Critical), Bound::ManyRows];

const OPENING: &[Bound] = &[Bound::AtMost(Risk::Low), Bound::AtMost(Risk::High)];

fn plain() -> impl Strategy<Value = Rule> {
    cond().prop_map(|when| Rule { id: String::new(), when, also: Also::Nothing })
}

fn bounds() -> impl Strategy<Value = Bounds> {
    naive::ask::bounds(prop::option::weighted(0.2, select(vec![3, 30])))
}

fn needs() -> impl Strategy<Value = Needs> {
    (any::<bool>(), prop::bool::weighted(0.4)).prop_map(|(ticket, auth)| Needs { ticket, auth })
}

fn document() -> impl Strategy<Value = Document> {
    let limit = || prop::option::weighted(0.3, select(vec![1, 5]));
    let risk = || select(vec![Risk::Low, Risk::Medium, Risk::Critical]);
    let owes = (0_usize..2, any::<bool>()).prop_map(|(count, promised)| Owes { count, promised });
    let zone = (rule(OPENING), risk(), needs(), limit(), bounds(), prop::bool::weighted(0.8), owes).prop_map(
        |(rule, max_risk, needs, limit, bounds, open, owes)| Zone {
            rule,
            max_risk,
            needs,
            limit,
            bounds,
            open,
            owes,
        },
    );
    let group = select(vec!["all", "any", "one", "rest"]);
    let review = (group, plain(), prop::bool::weighted(0.3), needs(), bounds()).prop_map(
        |(group, rule, otherwise, needs, bounds)| Review {
            rule,
            group,
            otherwise: otherwise && group == "rest",
            needs,
            bounds,
        },
    );
    let emergency = (rule(OPENING), limit(), bounds()).prop_map(|(rule, limit, bounds)| Emergency {
        rule,
        limit,
        bounds,
        review_within: 24,
    });
    let rare = |rule: Rule| Rule { when: Cond::And(Box::new(Cond::Production), Box::new(rule.when)), ..rule };
    (
        prop::collection::vec((plain(), risk()), 0..2),
        prop::collection::vec(rule(RAISING).prop_map(rare), 0..2),
        prop::collection::vec(rule(RAISING).prop_map(rare), 0..2),
        prop::collection::vec(zone, 0..3),
        prop::collection::vec(review, 0..3),
        prop::collection::vec(emergency, 0..2),
    )
        .prop_map(|(risks, forbids, holds, zones, reviews, emergencies)| {
            let default_risk = Risk::Low;
            let mut document = Document { default_risk, risks, forbids, holds, zones, reviews, emergencies };
            let rules = document.risks.iter_mut().map(|(rule, _)| rule).chain(&mut document.forbids);
            let rules =
                rules.chain(&mut document.holds).chain(document.zones.iter_mut().map(|zone| &mut zone.rule));
            let rules = rules.chain(document.reviews.iter_mut().map(|review| &mut review.rule));
            let rules = rules.chain(document.emergencies.iter_mut().map(|rule| &mut rule.rule));
            rules.enumerate().for_each(|(number, rule)| rule.id = format!("r{number}"));
            document
        })
}

/// The cheapest of all combinations, or `None` if none leads to yes.
fn brute_force(document: &Document, ask: &Ask) -> Option<Price> {
    let glass = ask.emergency.is_none() && !document.emergencies.is_empty();
    combinations(document, ask, false)
        .or_else(|| if glass { combinations(document, ask, true) } else { None })
}

fn combinations(document: &Document, ask: &Ask, glass: bool) -> Option<Price> {
    let mut times = vec![ask.minutes];
    times.extend((1..=60).chain([90, 100, 239, 240, 241]).map(Some));
    let open = ask.ticket.is_none_or(|ticket| !ticket.starts_with("INC"));
    let told = ask.emergency.flatten().is_some_and(|reason| !reason.trim().is_empty());
    let mut best: Option<Price> = None;
    for number in 0..16_u64 {
        let [ticket, sign_in, reason, review] = [1, 2, 4, 8].map(|bit| number & bit != 0);
        if (ticket && !open) || (reason && told) || (review && ask.ask_review) {
            continue;
        }
        for minutes in &times {
            let mut changed = Ask { minutes: *minutes, ..ask.clone() };
            if ticket {
                changed.ticket = Some("INC1");
            }
            if sign_in {
                changed.auth = Some((true, 0));
            }
            if glass {
                changed.emergency = Some(reason.then_some("down"));
            } else if reason && changed.emergency.is_some() {
                changed.emergency = Some(Some("down"));
            }
            changed.ask_review |= review;
            let narrower = u64::from(*minutes != ask.minutes);
            let fields = u64::from(ticket) + u64::from(reason);
            let approval = match document.judge(&changed).effect {
                Effect::Allow => 0,
                Effect::Review => 1,
                Effect::Challenge | Effect::Deny => continue,
            };
            let lost =
                seconds_lost(ask.minutes.map(|minutes| minutes * 60), minutes.map(|minutes| minutes * 60));
            let price =
                [u64::from(glass), approval, narrower, u64::from(sign_in), fields, u64::from(review), lost];
            best = Some(best.map_or(price, |best| best.min(price)));
        }
    }
    best
}

fn seconds_lost(asked: Option<u64>, given: Option<u64>) -> u64 {
    match (asked, given) {
        (_, None) => 0,
        (Some(asked), Some(given)) if given > asked => (1 << 40) + given,
        (Some(asked), Some(given)) => asked - given,
        (None, Some(given)) => given,
    }
}

/// The price of what the library offers.
fn price(change: &Change, ask: &Ask) -> Price {
    let mut price = [0; 7];
    for step in change.steps() {
        match step {
            ChangeStep::AskEmergency { .. } => price[0] += 1,
            ChangeStep::RequestApproval => price[1] += 1,
            ChangeStep::AskFor { duration, .. } => {
                price[2] += 1;
                price[6] = seconds_lost(ask.minutes.map(|minutes| minutes * 60), Some(duration.as_secs()));
            }
            ChangeStep::SignIn { .. } => price[3] += 1,
            ChangeStep::State { .. } => price[4] += 1,
            ChangeStep::AskReview => price[5] += 1,
            other => panic!("{other:?}"),
        }
    }
    price
}

/// The request with the change made, in the oracle's terms.
fn changed(change: &Change, ask: &Ask) -> Ask {
    let mut ask = ask.clone();
    for step in change.steps() {
        match step {
            ChangeStep::AskEmergency { .. } => ask.emergency = Some(ask.emergency.flatten()),
            ChangeStep::AskFor { duration, .. } => ask.minutes = Some(duration.as_secs() / 60),
            ChangeStep::SignIn { .. } => ask.auth = Some((true, 0)),
            ChangeStep::State { path, .. } if path == "context.ticket" => ask.ticket = Some("INC1"),
            ChangeStep::AskReview => ask.ask_review = true,
            _ => {}
        }
    }
    let reason =
        |step: &ChangeStep| matches!(step, ChangeStep::State { path, .. } if path == "context.reason");
    if change.steps().any(reason) && ask.emergency.is_some() {
        ask.emergency = Some(Some("down"));
    }
    ask
}

/// Both effects, and the rules that decide under one policy alone.
type Kind = (&'static str, &'static str, BTreeSet<String>, BTreeSet<String>);

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cheapest_change_is_that_of_brute_force(document in document(), asks in prop::collection::vec(ask(), 4)) {
        let policy = policy(&document.toml(0));
        for ask in asks {
            let explanation = policy.explain(&ask.request(&document), time(NOON));
            if explanation.decision().effect() == Effect::Allow {
                prop_assert!(explanation.change().is_none() && explanation.near_misses().len() == 0);
                continue;
            }
            let found = explanation.change().map(|change| price(change, &ask));
            prop_assert_eq!(found, brute_force(&document, &ask), "{:?}\n{}\n{}", ask, document.toml(0), explanation);
            if let Some(change) = explanation.change() {
                let judged = document.judge(&changed(change, &ask));
                prop_assert_eq!(judged.effect, change.leads_to(), "{:?}\n{}", ask, explanation);
            }
        }
    }

    #[test]
    fn next_action_of_a_deny_is_never_break_glass_and_never_idle_where_something_helps(
        document in document(), ask in ask()
    ) {
        let explanation = policy(&document.toml(0)).explain(&ask.request(&document), time(NOON));
        let helps = explanation.change().is_some_and(|change| !change.is_emergency());
        let next = explanation.decision().next_action();
        match explanation.decision().effect() {
            Effect::Deny if helps => prop_assert!(!matches!(next, NextAction::None | NextAction::WaitUntil(_))),
            Effect::Deny => prop_assert!(matches!(next, NextAction::None | NextAction::WaitUntil(_))),
            Effect::Challenge => prop_assert!(matches!(next, NextAction::Supply | NextAction::StepUp)),
            Effect::Review => prop_assert_eq!(next, NextAction::RequestApproval),
            Effect::Allow => prop_assert_eq!(next, NextAction::None),
        }
    }

    /// Grouped as the naive evaluator decides: by both effects and by the rules that differ.
    #[test]
    fn changes_of_effect_are_grouped_as_by_hand(
        old in document(), new in document(), asks in prop::collection::vec(ask(), 32)
    ) {
        // A comparison is of documents: all that is owed counts as fulfilled.
        let [old, new] = [old, new].map(|mut document| {
            document.zones.iter_mut().for_each(|zone| zone.owes.promised = true);
            document
        });
        let mut expected: BTreeMap<Kind, u64> = BTreeMap::new();
        let mut requests = Vec::new();
        for ask in &asks {
            let (before, after) = (old.judge(ask), new.judge(ask));
            // Usage names the rules of both.
            let request = ask.request(&old);
            let ids = new.zones.iter().map(|zone| &zone.rule.id).chain(new.emergencies.iter().map(|rule| &rule.rule.id));
            let request = match ask.usage {
                None => request,
                Some((used, overdue)) => {
                    let known = old.zones.iter().map(|zone| &zone.rule.id);
                    let known = known.chain(old.emergencies.iter().map(|rule| &rule.rule.id));
                    let usage = Usage::none().with_overdue_reviews(overdue);
                    request.with_usage(ids.chain(known).fold(usage, |usage, id| usage.with_used(id, used)))
                }
            };
            requests.push((request, time(NOON)));
            if before.effect != after.effect {
                let gone = before.rules.difference(&after.rules).cloned().collect();
                let come = after.rules.difference(&before.rules).cloned().collect();
                *expected.entry((before.effect.as_str(), after.effect.as_str(), gone, come)).or_default() += 1;
            }
        }
        let diff = policy_diff(&policy(&old.toml(0)), &policy(&new.toml(0)), requests);
        let mut found: BTreeMap<_, u64> = BTreeMap::new();
        for group in diff.groups().filter(|group| group.changed().any(|what| what == "effect")) {
            let (before, after) = group.effects();
            let set = |rules: Vec<&str>| rules.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
            let key = (before.as_str(), after.as_str(), set(group.no_more_by().collect()), set(group.now_by().collect()));
            *found.entry(key).or_default() += group.count();
            let order = [Effect::Deny, Effect::Challenge, Effect::Review, Effect::Allow];
            let rank = |effect: Effect| order.iter().position(|known| *known == effect);
            prop_assert_eq!(group.direction() == Direction::Loosens, rank(before) < rank(after));
        }
        prop_assert_eq!(found, expected);
        let changed: u64 = diff.groups().map(|group| group.count()).sum();
        prop_assert_eq!((diff.compared(), diff.same()), (32, 32 - changed));
    }

    #[test]
    fn explanation_is_bounded_and_reproduced(document in document(), ask in ask()) {
        let (policy, request) = (policy(&document.toml(0)), ask.request(&document));
        let decision = policy.decide(&request, time(NOON));
        let explanation = decision.explain(&policy, &request, time(NOON)).unwrap();
        prop_assert_eq!(&explanation, &policy.explain(&request, time(NOON)));
        prop_assert!(explanation.near_misses().len() <= limits::NEAR_MISSES);
        prop_assert_eq!(explanation.decision().explain(&policy, &request, time(NOON)).unwrap(), explanation);
    }
}
