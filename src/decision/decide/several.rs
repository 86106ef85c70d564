//! One request on several resources.
//!
//! Each resource is decided alone, as if it were the only one, and what was decided for each holds for all.

use crate::decision::{Decision, Effect, Reason, ReasonCode};
use crate::limits;
use crate::request::Request;

/// Decides a request on each of its resources and joins the decisions.
pub(super) fn over_each(request: &Request, decide: impl Fn(&Request) -> Decision) -> Decision {
    if request.resources().len() == 1 {
        return decide(request);
    }
    let one_by_one = request.on_each().map(|one| {
        let mut decision = decide(&one);
        decision.tell_of(&one.resource().reference().into());
        decision
    });
    let decisions: Vec<Decision> = one_by_one.collect();
    let counted = decisions.iter().any(|decision| decision.path.limit().is_some());
    let Some(mut joined) = decisions.into_iter().reduce(Decision::and) else {
        return decide(request);
    };
    if counted && matches!(joined.effect, Effect::Allow | Effect::Review) {
        // One slot for all of them would make the limit as wide as a request may be.
        joined.close(Reason::new(ReasonCode::LimitReached, "a limit counts one resource at a time"));
    }
    forget_failures(&mut joined);
    joined.tell_of_all(request.resources().len());
    joined
}

/// Names as many failed rules as a decision on one resource does: a record has no room for all.
fn forget_failures(decision: &mut Decision) {
    let mut failures = 0_usize;
    decision.reasons.retain(|reason| {
        failures = failures.saturating_add(usize::from(reason.code() == ReasonCode::RuleFailed));
        reason.code() != ReasonCode::RuleFailed || failures <= limits::FAILURES_NAMED
    });
    let more = failures.saturating_sub(limits::FAILURES_NAMED);
    decision.left_out = decision.left_out.saturating_add(more);
}

/// The resource whose decision is the strictest, alone: what keeps the whole request from a yes.
pub(in crate::decision) fn strictest(request: &Request, decide: impl Fn(&Request) -> Decision) -> Request {
    if request.resources().len() == 1 {
        return request.clone();
    }
    let strictest = request.on_each().max_by_key(|one| {
        let effect = decide(one).effect;
        // Of equal ones the first.
        (effect.strictness(), std::cmp::Reverse(one.resource().reference()))
    });
    strictest.unwrap_or_else(|| request.clone())
}
