//! Whether conditions can hold together.
//!
//! Decides conjunctions of single tests over texts, truth values, numbers, times and lists, and tries the
//! alternatives of "any" one by one (a tableau; Smullyan, 1968). Tests that it cannot look into count as
//! independent of all others, and work is counted: whatever is too hard counts as possible. So "impossible" is
//! proven, and "possible" is not.

use crate::cel::{Environment, Place, Shape, Slot, Test, Type, What};
use crate::risk::Risk;

/// Answers questions about the conditions of one vocabulary until its work is used up.
#[derive(Debug)]
pub(super) struct Solver<'p> {
    environment: &'p Environment,
    /// What each attribute needs to have a value, by its slot.
    nature: Vec<Nature>,
    /// Steps that are left for all questions together.
    pool: u32,
    /// Whether the last search was given up.
    gave_up: bool,
}

/// When an attribute has a value: what is absent or unknown cannot be tested.
#[derive(Debug, Clone, Copy, Default)]
struct Nature {
    /// Every request has it.
    always: bool,
    /// The payload that it is a fact of.
    payload: Option<Slot>,
    /// Whether that payload was understood; without that, nothing else is known of it.
    understood: Option<Slot>,
}

/// What must be so if a condition is to hold, with the alternatives that are still open.
#[derive(Debug, Clone, Default)]
pub(super) struct Reduced<'s, 'p> {
    state: State<'p>,
    open: Vec<&'s [Shape<'p>]>,
}

/// What is known of each place.
#[derive(Debug, Clone, Default)]
pub(super) struct State<'p> {
    places: Vec<(Place, Known<'p>)>,
}

/// What is known of one place.
#[derive(Debug, Clone)]
pub(super) struct Known<'p> {
    present: Option<bool>,
    truth: Option<bool>,
    /// The texts that are left, where they can be listed.
    texts: Option<Vec<&'p str>>,
    tests: Vec<(What<'p>, bool)>,
    low: i128,
    high: i128,
}

/// A known fact by which rules can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key<'p> {
    Text(Slot, &'p str),
    Has(Slot, &'p str),
    True(Slot),
    Present(Slot),
}

impl<'p> Solver<'p> {
    pub(super) fn new(environment: &'p Environment) -> Self {
        let nature = |slot: Slot| {
            let optional = environment.declaration(slot).is_none_or(|found| found.optional);
            let path = environment.path(slot).unwrap_or_default();
            let Some((root, name)) = path.split_once('.') else {
                return Nature { always: !optional, ..Nature::default() };
            };
            let payload = environment.slot(root);
            let fact = payload.filter(|_| name != UNDERSTOOD);
            let understood = fact.and_then(|_| environment.slot(&format!("{root}.{UNDERSTOOD}")));
            // Of approvers, what is absent is left out, whatever the vocabulary says.
            Nature { always: !optional && payload.is_none() && root != "approver", payload, understood }
        };
        Self {
            environment,
            nature: environment.all_slots().map(nature).collect(),
            pool: POOL,
            gave_up: false,
        }
    }

    /// Says whether all work is used up; then everything counts as possible.
    pub(super) fn is_spent(&self) -> bool {
        self.pool == 0
    }

    /// Counts work that is done beside the questions.
    pub(super) fn spend(&mut self, work: usize) {
        self.pool = self.pool.saturating_sub(u32::try_from(work).unwrap_or(u32::MAX));
    }

    /// Draws what must be so from a condition; `None` if it can never hold.
    pub(super) fn reduce<'s>(&mut self, shape: &'s Shape<'p>) -> Option<Reduced<'s, 'p>> {
        let empty = Reduced::default();
        let reduced = self.with(empty, &[shape])?;
        (reduced.open.is_empty() || self.is_possible(reduced.clone())).then_some(reduced)
    }

    /// Says whether a condition can hold together with what was drawn from another.
    pub(super) fn can_hold(&mut self, reduced: &Reduced<'_, 'p>, shape: &Shape<'p>) -> bool {
        self.spend(reduced.size());
        if self.is_spent() {
            return true;
        }
        match self.with(reduced.clone(), &[shape]) {
            Some(reduced) => self.is_possible(reduced),
            None => false,
        }
    }

    /// Says whether two conditions can hold together.
    pub(super) fn can_both_hold(&mut self, one: &Shape<'p>, other: &Shape<'p>) -> bool {
        self.reduce(one).is_some_and(|reduced| self.can_hold(&reduced, other))
    }

    /// Says whether two conditions are known to hold together somewhere: nothing was given up, and what is
    /// computed is computed from what no other test reads.
    pub(super) fn must_meet(&mut self, one: &Reduced<'_, 'p>, shape: &Shape<'p>, other: &Shape<'p>) -> bool {
        let mut tests = Vec::new();
        for shape in [shape, other] {
            shape.tests(&mut |test| tests.push(test));
        }
        let is_apart = |test: &Test<'_>, other: &Test<'_>| {
            test.of == other.of || !test.slots().any(|slot| other.slots().any(|read| read == slot))
        };
        self.spend(tests.len().saturating_mul(tests.len()));
        let mut computed = tests.iter().filter(|test| matches!(test.of, Place::Computed(_)));
        self.can_hold(one, other)
            && !self.gave_up
            && !self.is_spent()
            && computed.all(|test| tests.iter().all(|other| is_apart(test, other)))
    }

    /// Says whether a condition can fail, so that it is neither true nor false, where another holds.
    pub(super) fn can_fail(&mut self, reduced: &Reduced<'_, 'p>, shape: &Shape<'p>) -> bool {
        let mut work = reduced.size();
        shape.tests(&mut |_| work = work.saturating_add(1));
        self.spend(work.saturating_mul(work).saturating_mul(GUARDS));
        self.is_spent() || self.fails(&reduced.state, shape)
    }

    /// A part that fails is absorbed by another one that decides: under "all" the others are true where it matters,
    /// under "any" they are false.
    fn fails(&self, state: &State<'p>, shape: &Shape<'p>) -> bool {
        let (parts, is_all) = match shape {
            Shape::Always(_) => return false,
            Shape::Test(test) => return !self.comes_out(state, test),
            Shape::All(parts) => (parts, true),
            Shape::Any(parts) => (parts, false),
        };
        let mut state = state.clone();
        let tests =
            || parts.iter().filter_map(|part| if let Shape::Test(test) = part { Some(test) } else { None });
        // What one test guards may guard the next.
        for _ in 0..GUARDS {
            for test in tests() {
                let test = Test { of: test.of.clone(), what: test.what.clone(), holds: test.holds == is_all };
                if self.comes_out(&state, &test) && !self.add(&mut state, &test) {
                    return false;
                }
            }
        }
        parts.iter().any(|part| self.fails(&state, part))
    }

    /// Says whether a test is true or false for certain.
    fn comes_out(&self, state: &State<'p>, test: &Test<'p>) -> bool {
        let is = |slot: Slot, what: fn(&Known<'p>) -> Option<bool>| {
            state.known(&Place::Slot(slot)).and_then(what) == Some(true)
        };
        let is_known = |slot: Slot| {
            let Nature { payload, understood, .. } = self.nature_of(slot);
            state.known(&Place::Slot(slot)).is_some()
                || (payload.is_none_or(|payload| is(payload, |known| known.present))
                    && understood.is_none_or(|understood| is(understood, |known| known.truth)))
        };
        let can_fail = matches!(&test.of, Place::Computed(computed) if computed.can_fail);
        state.known(&test.of).is_some() || (!can_fail && test.slots().all(is_known))
    }

    /// Says whether a condition can fail to hold beside what was drawn from another. Most questions end at the
    /// first of its tests that nothing is known against; the rest are asked in full.
    pub(super) fn can_differ(
        &mut self,
        reduced: &Reduced<'_, 'p>,
        shape: &Shape<'p>,
        opposite: impl FnOnce() -> Shape<'p>,
    ) -> bool {
        let tests = match shape {
            Shape::All(parts) => parts.as_slice(),
            other => std::slice::from_ref(other),
        };
        let mut plain = reduced.open.is_empty();
        for part in tests {
            match part {
                Shape::Test(test) => {
                    self.spend(reduced.state.work(test));
                    if self.is_spent()
                        || reduced.open.is_empty() && self.admits(&reduced.state, test, !test.holds)
                    {
                        return true;
                    }
                }
                _ => plain = false,
            }
        }
        !plain && self.can_hold(reduced, &opposite())
    }

    /// Says whether a test can come out so beside what is known.
    fn admits(&self, state: &State<'p>, test: &Test<'p>, holds: bool) -> bool {
        let told = |place: &Place, what: &What<'p>, holds: bool| match state.known(place) {
            Some(known) => known.admits(what, holds),
            None => self.vocabulary(place).admits(what, holds),
        };
        self.needs(test, holds).all(|(slot, what)| told(&Place::Slot(slot), &what, true))
            && told(&test.of, &test.what, holds)
    }

    /// Adds what conditions say; `None` if it contradicts.
    fn with<'s>(
        &mut self,
        mut reduced: Reduced<'s, 'p>,
        shapes: &[&'s Shape<'p>],
    ) -> Option<Reduced<'s, 'p>> {
        let mut agenda: Vec<&'s Shape<'p>> = shapes.to_vec();
        while let Some(shape) = agenda.pop() {
            match shape {
                Shape::Always(true) => {}
                Shape::Always(false) => return None,
                Shape::All(parts) => agenda.extend(parts.iter().rev()),
                Shape::Any(parts) => match parts.as_slice() {
                    [only] => agenda.push(only),
                    parts => reduced.open.push(parts),
                },
                Shape::Test(test) => {
                    self.spend(reduced.state.work(test));
                    if self.is_spent() {
                        return Some(Reduced::default());
                    }
                    if !self.add(&mut reduced.state, test) {
                        return None;
                    }
                }
            }
        }
        Some(reduced)
    }

    /// Tries the open alternatives. What would take too long counts as possible.
    fn is_possible(&mut self, reduced: Reduced<'_, 'p>) -> bool {
        self.gave_up = false;
        let mut steps = self.pool.min(QUESTION);
        let before = steps;
        let possible = self.search(reduced, &mut steps);
        self.pool = self.pool.saturating_sub(before.saturating_sub(steps));
        possible
    }

    fn search(&mut self, mut reduced: Reduced<'_, 'p>, steps: &mut u32) -> bool {
        let Some(parts) = reduced.open.pop() else { return true };
        let step = u32::try_from(reduced.size()).unwrap_or(u32::MAX).max(STEP);
        for part in parts {
            let Some(left) = steps.checked_sub(step) else {
                self.gave_up = true;
                return true;
            };
            *steps = left;
            let tried = self.with(reduced.clone(), &[part]);
            if tried.is_some_and(|tried| self.search(tried, steps)) {
                return true;
            }
        }
        false
    }

    /// Adds a test with what it needs to come out at all; `false` if it contradicts.
    fn add(&self, state: &mut State<'p>, test: &Test<'p>) -> bool {
        self.needs(test, test.holds).all(|(slot, what)| self.tell(state, &Place::Slot(slot), &what, true))
            && self.tell(state, &test.of, &test.what, test.holds)
    }

    /// What must be so if a test is to come out at all.
    fn needs(&self, test: &Test<'p>, holds: bool) -> impl Iterator<Item = (Slot, What<'p>)> + use<'p> {
        let presence = matches!(test.what, What::Present);
        let (first, second) = match (&test.of, &test.what) {
            _ if presence && !holds => (None, None),
            (Place::Slot(first), What::Same(second)) => (Some(*first), Some(*second)),
            (Place::Slot(first), _) => (Some(*first), None),
            (Place::Computed(_), _) => (None, None),
        };
        let natures = [first, second].map(|slot| slot.map(|slot| (slot, self.nature_of(slot))));
        natures.into_iter().flatten().flat_map(move |(slot, nature)| {
            let here = (!presence && !nature.always).then_some((slot, What::Present));
            let payload = nature.payload.map(|payload| (payload, What::Present));
            let understood = nature.understood.map(|understood| (understood, What::True));
            here.into_iter().chain(payload).chain(understood)
        })
    }

    fn tell(&self, state: &mut State<'p>, place: &Place, what: &What<'p>, holds: bool) -> bool {
        if let Some((_, known)) = state.places.iter_mut().find(|(known, _)| known == place) {
            return known.add(what, holds);
        }
        let mut known = self.vocabulary(place);
        let fits = known.add(what, holds);
        state.places.push((place.clone(), known));
        fits
    }

    /// What the vocabulary says of a place.
    fn vocabulary(&self, place: &Place) -> Known<'p> {
        let mut known = Known {
            present: None,
            truth: None,
            texts: None,
            tests: Vec::new(),
            low: i128::MIN,
            high: i128::MAX,
        };
        let Place::Slot(slot) = place else { return known };
        known.present = self.nature_of(*slot).always.then_some(true);
        if let Some(declaration) = self.environment.declaration(*slot) {
            if !declaration.one_of.is_empty() {
                known.texts = Some(declaration.one_of.iter().map(String::as_str).collect());
            }
            if declaration.ty == Type::Risk {
                let most = Risk::ALL.len().saturating_sub(1);
                (known.low, known.high) = (0, i128::try_from(most).unwrap_or(i128::MAX));
            }
        }
        known
    }

    fn nature_of(&self, slot: Slot) -> Nature {
        self.nature.get(slot.index()).copied().unwrap_or_default()
    }
}

impl<'p> Reduced<'_, 'p> {
    pub(super) fn state(&self) -> &State<'p> {
        &self.state
    }

    /// How much a copy copies.
    fn size(&self) -> usize {
        let known = self.state.places.iter().map(|(_, known)| known.size());
        known.fold(self.open.len(), usize::saturating_add)
    }
}

impl<'p> State<'p> {
    /// The facts by which a rule that must hold here can be found.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key<'p>> + '_ {
        self.places.iter().flat_map(|(place, known)| {
            let slot = match place {
                Place::Slot(slot) => Some(*slot),
                Place::Computed(_) => None,
            };
            slot.into_iter().flat_map(|slot| known.keys(slot))
        })
    }

    /// The texts that an attribute can have, where they can be listed.
    pub(super) fn texts(&self, slot: Slot) -> Option<&[&'p str]> {
        self.known(&Place::Slot(slot))?.texts.as_deref()
    }

    /// Says whether an attribute must have the same value as another.
    pub(super) fn is_same(&self, one: Slot, other: Slot) -> bool {
        let (first, second) = (one.min(other), one.max(other));
        self.known(&Place::Slot(first)).is_some_and(|known| {
            known
                .tests
                .iter()
                .any(|(what, holds)| *holds && matches!(what, What::Same(slot) if *slot == second))
        })
    }

    /// How much it takes to see how a test comes out: its texts are compared with those that are known.
    fn work(&self, test: &Test<'p>) -> usize {
        let texts = match &test.what {
            What::OneOf(texts) => texts.len().max(1),
            _ => 1,
        };
        let known = self.known(&test.of).map_or(1, Known::size);
        texts.saturating_mul(known).saturating_add(self.places.len())
    }

    fn known(&self, place: &Place) -> Option<&Known<'p>> {
        self.places.iter().find(|(known, _)| known == place).map(|(_, known)| known)
    }
}

impl<'p> Known<'p> {
    /// The texts that are left, and those of the tests.
    fn size(&self) -> usize {
        let tests = self.tests.iter().map(|(what, _)| match what {
            What::OneOf(texts) => texts.len(),
            _ => 1,
        });
        tests.fold(self.texts.as_ref().map_or(1, Vec::len), usize::saturating_add)
    }

    fn keys(&self, slot: Slot) -> impl Iterator<Item = Key<'p>> + '_ {
        let text = self.texts.as_ref().and_then(|texts| texts.first()).map(|text| Key::Text(slot, text));
        let truth = (self.truth == Some(true)).then_some(Key::True(slot));
        let present = (self.present == Some(true)).then_some(Key::Present(slot));
        let members = self.tests.iter().filter_map(move |(what, holds)| match what {
            What::Has(text) if *holds => Some(Key::Has(slot, text)),
            _ => None,
        });
        text.into_iter().chain(truth).chain(present).chain(members)
    }

    /// Adds how a test comes out; `false` if it contradicts.
    fn add(&mut self, what: &What<'p>, holds: bool) -> bool {
        let fits = self.admits(what, holds);
        match what {
            What::True => self.truth = Some(holds),
            What::Present => self.present = Some(holds),
            What::AtLeast(_) | What::AtMost(_) => {
                let (low, high) = bounds(what, holds);
                self.low = self.low.max(low);
                self.high = self.high.min(high);
            }
            What::Same(_) | What::Has(_) => self.tests.push((what.clone(), holds)),
            What::OneOf(_) | What::StartsWith(_) | What::EndsWith(_) | What::Contains(_) => {
                if let Some(texts) = &mut self.texts {
                    texts.retain(|text| is_so(what, text) == holds);
                } else if let (What::OneOf(texts), true) = (what, holds) {
                    let fits =
                        |text: &&str| self.tests.iter().all(|(what, holds)| agrees(what, text, *holds));
                    self.texts = Some(texts.iter().copied().filter(fits).collect());
                }
                self.tests.push((what.clone(), holds));
            }
        }
        fits
    }

    /// Says whether a test can come out so.
    fn admits(&self, what: &What<'p>, holds: bool) -> bool {
        match what {
            What::True => self.truth.is_none_or(|known| known == holds),
            What::Present => self.present.is_none_or(|known| known == holds),
            What::AtLeast(_) | What::AtMost(_) => {
                let (low, high) = bounds(what, holds);
                self.low.max(low) <= self.high.min(high)
            }
            What::Same(_) | What::Has(_) => {
                !self.tests.iter().any(|(known, held)| *held != holds && is_same(known, what))
            }
            What::OneOf(_) | What::StartsWith(_) | What::EndsWith(_) | What::Contains(_) => {
                self.admits_text(what, holds)
            }
        }
    }

    fn admits_text(&self, what: &What<'p>, holds: bool) -> bool {
        if let Some(texts) = &self.texts {
            return texts.iter().any(|text| is_so(what, text) == holds);
        }
        if let (What::OneOf(texts), true) = (what, holds) {
            return texts
                .iter()
                .any(|text| self.tests.iter().all(|(what, holds)| agrees(what, text, *holds)));
        }
        !self.tests.iter().any(|(known, held)| match (held, holds) {
            _ if !is_of_text(known) => false,
            (true, true) => excludes(known, what),
            (true, false) => implies(known, what),
            (false, true) => implies(what, known),
            (false, false) => false,
        })
    }
}

/// The numbers that are left if a comparison comes out so.
fn bounds(what: &What<'_>, holds: bool) -> (i128, i128) {
    match (what, holds) {
        (What::AtLeast(number), true) => (*number, i128::MAX),
        (What::AtLeast(number), false) => (i128::MIN, number.saturating_sub(1)),
        (What::AtMost(number), true) => (i128::MIN, *number),
        (What::AtMost(number), false) => (number.saturating_add(1), i128::MAX),
        _ => (i128::MIN, i128::MAX),
    }
}

fn is_same(one: &What<'_>, other: &What<'_>) -> bool {
    match (one, other) {
        (What::Same(one), What::Same(other)) => one == other,
        (What::Has(one), What::Has(other)) => one == other,
        _ => false,
    }
}

/// Says whether a test is one of a text; the same place may be tested as a list where its type is open.
fn is_of_text(what: &What<'_>) -> bool {
    matches!(what, What::OneOf(_) | What::StartsWith(_) | What::EndsWith(_) | What::Contains(_))
}

/// How a test of a text comes out for one.
fn is_so(what: &What<'_>, text: &str) -> bool {
    match what {
        What::OneOf(texts) => texts.contains(&text),
        What::StartsWith(start) => text.starts_with(start),
        What::EndsWith(end) => text.ends_with(end),
        What::Contains(part) => text.contains(part),
        _ => false,
    }
}

/// Says whether a text can be where a test comes out so; tests of lists say nothing about it.
fn agrees(what: &What<'_>, text: &str, holds: bool) -> bool {
    !is_of_text(what) || is_so(what, text) == holds
}

/// Says whether every text with one property has the other.
fn implies(one: &What<'_>, other: &What<'_>) -> bool {
    match (one, other) {
        (What::OneOf(texts), other) => texts.iter().all(|text| is_so(other, text)),
        (What::StartsWith(one), What::StartsWith(other)) => one.starts_with(other),
        (What::EndsWith(one), What::EndsWith(other)) => one.ends_with(other),
        (What::StartsWith(one) | What::EndsWith(one) | What::Contains(one), What::Contains(other)) => {
            one.contains(other)
        }
        _ => false,
    }
}

/// Says whether no text has both properties.
fn excludes(one: &What<'_>, other: &What<'_>) -> bool {
    match (one, other) {
        (What::StartsWith(one), What::StartsWith(other)) => {
            !one.starts_with(other) && !other.starts_with(one)
        }
        (What::EndsWith(one), What::EndsWith(other)) => !one.ends_with(other) && !other.ends_with(one),
        _ => false,
    }
}

/// Whether the library could explain a payload, of whatever kind.
const UNDERSTOOD: &str = "understood";

/// Steps of one question: conditions of 30 alternatives that all fail, or six pairs of alternatives.
const QUESTION: u32 = 4_096;

/// Steps of one alternative: what is known is copied.
const STEP: u32 = 8;

/// Steps of all questions about a policy: a tenth of a second. One is the comparison of two texts or places.
const POOL: u32 = 30_000_000;

/// Guards behind guards: a payload, whether it was understood, what it does.
const GUARDS: usize = 3;
