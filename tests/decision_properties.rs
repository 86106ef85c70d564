//! What holds for every policy and every request.
//!
//! *Loosening* is measured by what an effect releases by itself. An Allow releases a grant: rank 2. A
//! Challenge and a Review release nothing until somebody adds something, evidence or people, and neither
//! can be had for the other: both rank 1. A Deny ends the request: rank 0. A change loosens if the rank
//! rises. Where a change may rightly bring people in (more risk makes a review match), the promise is
//! only that it brings no Allow; it is then stated so.

#![cfg(feature = "toml")]
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

use std::collections::BTreeSet;

use countersign::{Decision, Effect, Reason, Risk};
use proptest::prelude::*;
use proptest::sample::select;

use naive::ask::{ask, leaf, policy};
use naive::{Also, Ask, Bound, Bounds, Cond, Document, Emergency, Needs, Owes, Review, Rule, Sql, Zone};
use support::{NOON, time};

fn cond() -> impl Strategy<Value = Cond> {
    let leaf = leaf();
    leaf.prop_recursive(2, 6, 3, |inner| {
        let (a, b, c) =
            (inner.clone().prop_map(Box::new), inner.clone().prop_map(Box::new), inner.prop_map(Box::new));
        prop_oneof![
            a.clone().prop_map(Cond::Not),
            (a.clone(), b.clone()).prop_map(|(a, b)| Cond::And(a, b)),
            (a.clone(), b.clone()).prop_map(|(a, b)| Cond::Or(a, b)),
            (a, b, c).prop_map(|(a, b, c)| Cond::If(a, b, c)),
        ]
    })
}

fn risk() -> impl Strategy<Value = Risk> {
    select(Risk::ALL.to_vec())
}

/// What rules that raise may say beside their condition.
fn raising() -> impl Strategy<Value = Also> {
    let bound = prop_oneof![Just(Bound::ManyRows), risk().prop_map(Bound::AtLeast)];
    also(bound.boxed())
}

/// What rules that open may say beside their condition.
fn opening() -> impl Strategy<Value = Also> {
    also(risk().prop_map(Bound::AtMost).boxed())
}

fn also(bound: BoxedStrategy<Bound>) -> impl Strategy<Value = Also> {
    prop_oneof![
        2 => Just(Also::Nothing),
        1 => bound.clone().prop_map(Also::And),
        1 => bound.prop_map(Also::Or),
    ]
}

fn rule(also: impl Strategy<Value = Also>) -> impl Strategy<Value = Rule> {
    (cond(), also).prop_map(|(when, also)| Rule { id: String::new(), when, also })
}

fn rare(also: impl Strategy<Value = Also>) -> impl Strategy<Value = Rule> {
    rule(also)
        .prop_map(|rule| Rule { when: Cond::And(Box::new(Cond::Production), Box::new(rule.when)), ..rule })
}

fn bounds() -> impl Strategy<Value = Bounds> {
    naive::ask::bounds(prop::option::weighted(0.3, select(vec![0, 1, 5, 19, 20, 50])))
}

fn needs() -> impl Strategy<Value = Needs> {
    (prop::bool::weighted(0.3), prop::bool::weighted(0.2)).prop_map(|(ticket, auth)| Needs { ticket, auth })
}

fn zone() -> impl Strategy<Value = Zone> {
    let limit = prop::option::weighted(0.3, select(vec![1, 2, 5]));
    let owes = (select(vec![0, 0, 1, 2]), prop::bool::weighted(0.7));
    let owes = owes.prop_map(|(count, promised)| Owes { count, promised });
    (rule(opening()), risk(), needs(), limit, bounds(), prop::bool::weighted(0.8), owes).prop_map(
        |(rule, max_risk, needs, limit, bounds, open, owes)| Zone {
            rule,
            max_risk,
            needs,
            limit,
            bounds,
            open,
            owes,
        },
    )
}

fn review() -> impl Strategy<Value = Review> {
    let group = select(vec!["all", "all", "any", "any", "one", "rest"]);
    (group, rule(raising()), cond(), prop::bool::weighted(0.4), needs(), bounds()).prop_map(
        |(group, rule, plain, otherwise, needs, bounds)| {
            let plain = Rule { id: String::new(), when: plain, also: Also::Nothing };
            let rule = if group == "all" { rule } else { plain };
            Review { rule, group, otherwise: otherwise && group == "rest", needs, bounds }
        },
    )
}

fn emergency() -> impl Strategy<Value = Emergency> {
    let limit = prop::option::weighted(0.3, select(vec![1, 2, 5]));
    (rule(opening()), limit, bounds(), select(vec![1, 24]))
        .prop_map(|(rule, limit, bounds, review_within)| Emergency { rule, limit, bounds, review_within })
}

fn document() -> impl Strategy<Value = Document> {
    let classify = also(Just(Bound::ManyRows).boxed());
    (
        risk(),
        prop::collection::vec((rule(classify), risk()), 0..3),
        prop::collection::vec(rare(raising()), 0..2),
        prop::collection::vec(rare(raising()), 0..2),
        prop::collection::vec(zone(), 0..4),
        prop::collection::vec(review(), 0..4),
        prop::collection::vec(emergency(), 0..3),
    )
        .prop_map(|(default_risk, risks, forbids, holds, zones, reviews, emergencies)| {
            let mut document = Document { default_risk, risks, forbids, holds, zones, reviews, emergencies };
            name(&mut document);
            document
        })
}

/// Gives every rule an id; of two rules, the order of their ids is not that of the document.
fn name(document: &mut Document) {
    let risks = document.risks.iter_mut().map(|(rule, _)| rule);
    let zones = document.zones.iter_mut().map(|zone| &mut zone.rule);
    let reviews = document.reviews.iter_mut().map(|review| &mut review.rule);
    let emergencies = document.emergencies.iter_mut().map(|emergency| &mut emergency.rule);
    let rules = risks.chain(&mut document.forbids).chain(&mut document.holds);
    for (number, rule) in rules.chain(zones).chain(reviews).chain(emergencies).enumerate() {
        rule.id = format!("r{}", (number * 7 + 3) % 100);
    }
}

fn decide(document: &Document, ask: &Ask) -> Decision {
    policy(&document.toml(0)).decide(&ask.request(document), time(NOON))
}

fn rank(effect: Effect) -> u8 {
    match effect {
        Effect::Allow => 2,
        Effect::Challenge | Effect::Review => 1,
        Effect::Deny => 0,
    }
}

fn set<T: ToString>(items: impl Iterator<Item = T>) -> BTreeSet<String> {
    items.map(|item| item.to_string()).collect()
}

/// All that a decision says, in no order; the text of a reason may name rules in the document's order.
fn said(decision: &Decision) -> (Effect, Risk, [BTreeSet<String>; 3], Option<u64>) {
    let reason = |reason: &Reason| format!("{:?} {:?} {:?}", reason.code(), reason.rule(), reason.detail());
    let sets = [set(decision.rules()), set(decision.reasons().map(reason)), set(decision.missing())];
    (decision.effect(), decision.risk(), sets, decision.duration().map(|duration| duration.as_secs()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decision_is_that_of_the_eight_steps(document in document(), asks in prop::collection::vec(ask(), 16)) {
        let policy = policy(&document.toml(0));
        for ask in asks {
            let decision = policy.decide(&ask.request(&document), time(NOON));
            let judged = document.judge(&ask);
            prop_assert_eq!(decision.effect(), judged.effect, "{:?}\n{}", ask, document.toml(0));
            prop_assert_eq!(decision.risk(), judged.risk, "{:?}\n{}", ask, document.toml(0));
            prop_assert_eq!(set(decision.rules()), judged.rules, "{:?}\n{}", ask, document.toml(0));
            prop_assert_eq!(
                decision.duration().map(|duration| duration.as_secs() / 60), judged.minutes,
                "{:?}\n{}", ask, document.toml(0)
            );
        }
    }

    #[test]
    fn equal_inputs_give_equal_decisions(document in document(), ask in ask()) {
        prop_assert_eq!(decide(&document, &ask), decide(&document, &ask));
    }

    #[test]
    fn order_of_rules_does_not_matter(document in document(), ask in ask(), turn in 1_usize..6, back in any::<bool>()) {
        let mut other = document.clone();
        if back {
            other.risks.reverse();
            other.forbids.reverse();
            other.holds.reverse();
            other.zones.reverse();
            other.reviews.reverse();
            other.emergencies.reverse();
        }
        let first = policy(&document.toml(0)).decide(&ask.request(&document), time(NOON));
        let second = policy(&other.toml(turn)).decide(&ask.request(&other), time(NOON));
        prop_assert_eq!(said(&first), said(&second), "{}", document.toml(0));
    }

    #[test]
    fn failing_rule_never_loosens(
        document in document(), ask in ask(), kind in 0..5, zone in zone(), review in review(), glass in emergency(), unknown in any::<bool>()
    ) {
        let mut ask = ask;
        ask.divisor = 0;
        ask.sql = Some(Sql::NotUnderstood);
        let with = |when: Cond| {
            let rule = Rule { id: "added".to_owned(), when, also: Also::Nothing };
            let mut document = document.clone();
            match kind {
                0 => document.forbids.push(rule),
                1 => document.holds.push(rule),
                2 => document.zones.push(Zone { rule, ..zone.clone() }),
                3 => document.reviews.push(Review { rule, otherwise: false, ..review.clone() }),
                _ => document.emergencies.push(Emergency { rule, ..glass.clone() }),
            }
            decide(&document, &ask)
        };
        let failing = with(if unknown { Cond::WideWrite } else { Cond::Quotient });
        for working in [Cond::Always, Cond::Never] {
            let working = with(working);
            prop_assert!(rank(failing.effect()) <= rank(working.effect()), "{failing:?} is looser than {working:?}");
        }
    }

    #[test]
    fn failing_risk_rule_is_critical_and_allows_nothing_more(document in document(), ask in ask(), level in risk()) {
        let mut ask = ask;
        ask.divisor = 0;
        let with = |when: Option<Cond>| {
            let mut document = document.clone();
            document.risks.extend(when.map(|when| (Rule { id: "added".to_owned(), when, also: Also::Nothing }, level)));
            decide(&document, &ask)
        };
        let failing = with(Some(Cond::Quotient));
        prop_assert_eq!(failing.risk(), Risk::Critical);
        if failing.effect() == Effect::Allow {
            prop_assert_eq!(with(Some(Cond::Never)).effect(), Effect::Allow);
            prop_assert_eq!(with(Some(Cond::Always)).effect(), Effect::Allow);
        }
    }

    #[test]
    fn added_forbid_never_loosens(document in document(), ask in ask(), mut rule in rule(raising())) {
        let before = decide(&document, &ask);
        rule.id = "added".to_owned();
        let mut with = document.clone();
        with.forbids.push(rule.clone());
        let after = decide(&with, &ask);
        if rule.holds(&ask, document.risk(&ask)) == naive::Outcome::No {
            prop_assert_eq!(said(&after), said(&before));
        } else {
            prop_assert_eq!(after.effect(), Effect::Deny);
        }
    }

    #[test]
    fn added_hold_never_loosens(document in document(), ask in ask(), mut rule in rule(raising())) {
        let before = decide(&document, &ask);
        rule.id = "added".to_owned();
        let mut with = document.clone();
        with.holds.push(rule);
        let after = decide(&with, &ask);
        prop_assert!(rank(after.effect()) <= rank(before.effect()), "{:?} is looser than {:?}", after, before);
    }

    #[test]
    fn added_zone_takes_no_allow_away(document in document(), ask in ask(), mut zone in zone()) {
        let before = decide(&document, &ask);
        zone.rule.id = "added".to_owned();
        let mut with = document.clone();
        with.zones.push(zone);
        let after = decide(&with, &ask);
        prop_assert!(before.effect() != Effect::Allow || after.effect() == Effect::Allow, "{:?} became {:?}", before, after);
        prop_assert!(rank(after.effect()) >= rank(before.effect()), "{:?} became {:?}", before, after);
    }

    /// A review that applies only where no other of its group does gives way to a new one: there the
    /// author asks for an exchange. The promise is for groups without alternatives.
    #[test]
    fn added_review_loosens_nothing_that_a_zone_or_a_review_has(
        document in document(), ask in ask(), mut review in review()
    ) {
        let risk = document.risk(&ask);
        let before = decide(&document, &ask);
        review.rule.id = "added".to_owned();
        review.group = "all";
        review.otherwise = false;
        let mut with = document.clone();
        with.reviews.push(review);
        let after = decide(&with, &ask);
        let by_zone = matches!(before.effect(), Effect::Allow);
        let by_review = document.matching(&ask, risk).iter().any(|review| review.group == "all");
        if by_zone || by_review {
            prop_assert!(rank(after.effect()) <= rank(before.effect()), "{:?} became {:?}", before, after);
        }
        if before.effect() == Effect::Review && after.effect() == Effect::Review {
            prop_assert!(set(before.rules()).is_subset(&set(after.rules())));
            prop_assert!(after.duration() <= before.duration());
        }
    }

    #[test]
    fn more_risk_gives_no_allow_and_drops_no_review(document in document(), ask in ask(), level in risk()) {
        let mut with = document.clone();
        with.risks.push((Rule { id: "added".to_owned(), when: Cond::Always, also: Also::Nothing }, level));
        with.default_risk = with.default_risk.max(level);
        let (before_risk, after_risk) = (document.risk(&ask), with.risk(&ask));
        // A rule below the default lowers what no other rule classified: that is no raise.
        prop_assume!(after_risk >= before_risk);
        let (before, after) = (decide(&document, &ask), decide(&with, &ask));
        prop_assert!(after.effect() != Effect::Allow || before.effect() == Effect::Allow, "{:?} became {:?}", before, after);
        if before.effect() == Effect::Review && after.effect() == Effect::Review {
            prop_assert!(set(before.rules()).is_subset(&set(after.rules())), "{:?} became {:?}", before, after);
        }
    }
}
