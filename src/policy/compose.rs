//! One policy of several documents.
//!
//! A base and its extensions. An extension adds rules that make decisions stricter wherever it likes, and
//! rules that let something happen only inside a scope that the base opened; it replaces a rule only where
//! the base says so. Nothing else loosens, and the order of the documents never matters.

use std::collections::BTreeMap;
use std::mem;

use super::document::{AttributeSpec, Document, OpenSpec, ReviewSpec, RuleSpec};
use super::error::{Faults, Span};
use super::kind::RuleKind;
use super::node::{Content, Text};
use crate::cel::is_word;
use crate::risk::Risk;
use crate::text::{nearest, quote};

/// A rule's document: 0 is the base.
pub(super) type Origin = usize;

/// Joins the documents of a policy: the base with everything that its extensions add. The named conditions
/// of each document stay its own; each is compiled with the base's and its own alone.
pub(super) fn compose(
    documents: Vec<Document>,
    faults: &mut Faults<'_>,
) -> (Document, Vec<Vec<(Text, Text)>>) {
    let (mut bases, mut extensions): (Vec<Document>, Vec<Document>) =
        documents.into_iter().partition(|document| document.extends.is_none());
    // An extension without its base is checked as far as it can be.
    let mut base = if bases.is_empty() { Document::default() } else { bases.remove(0) };
    for other in &bases {
        let first = faults.line(&base.name.span, &other.name.span);
        let fault =
            format!("`{}` extends nothing, and so does the document at {first}", quote(&other.name.text));
        faults.add(&other.name.span, fault + ": expected one base");
    }
    extensions.sort_by(|one, two| one.name.text.cmp(&two.name.text));
    extensions.extend(bases);
    let mut composer = Composer { faults, replaced: BTreeMap::new() };
    for rule in &base.forbids {
        if let Some(span) = &rule.replaceable {
            composer.fault(span, "a forbid is final and never replaceable");
        }
    }
    for rule in base.rules() {
        if let Some(scope) = &rule.scope {
            composer.fault(&scope.span, "`in` goes with the rules of an extension");
        }
    }
    composer.check_scopes(&base.opens);
    let mut lets = vec![base.lets.clone()];
    let mut names: Vec<Text> = vec![base.name.clone()];
    for (origin, mut extension) in extensions.into_iter().enumerate() {
        if let Some(known) = names.iter().find(|known| known.text == extension.name.text) {
            let place = composer.faults.line(&known.span, &extension.name.span);
            let fault = format!("name `{}` is taken by the document at {place}", quote(&known.text));
            composer.fault(&extension.name.span, fault);
        }
        names.push(extension.name.clone());
        if let Some(extends) = extension.extends.take().filter(|extends| extends.text != base.name.text) {
            let found = quote(&extends.text);
            let fault = match (base.name.text.as_str(), names.iter().any(|name| name.text == extends.text)) {
                ("", _) => format!("`{found}` is not among the documents"),
                (_, true) => format!("`{found}` is itself an extension: expected `{}`", base.name.text),
                (name, false) => format!("`{found}` is not among the documents, expected `{name}`"),
            };
            composer.fault(&extends.span, fault);
        }
        lets.push(mem::take(&mut extension.lets));
        composer.add(&mut base, extension, origin.saturating_add(1));
    }
    check_lets(&lets, composer.faults);
    (base, lets)
}

struct Composer<'c, 't> {
    faults: &'c mut Faults<'t>,
    /// Where each replaced rule was replaced.
    replaced: BTreeMap<String, Span>,
}

impl Composer<'_, '_> {
    fn fault(&mut self, span: &Span, message: impl Into<String>) {
        self.faults.add(span, message);
    }

    fn check_scopes(&mut self, opens: &[OpenSpec]) {
        for (index, open) in opens.iter().enumerate() {
            if let Some(first) = opens.iter().take(index).find(|first| first.id.text == open.id.text) {
                let place = self.faults.line(&first.id.span, &open.id.span);
                let fault = format!("scope id `{}` is taken by the scope at {place}", quote(&open.id.text));
                self.fault(&open.id.span, fault);
            }
        }
    }

    /// Checks that an added attribute changes nothing of what a path means that is there already: conditions
    /// read the longest path that is declared.
    fn check_attributes(&mut self, known: &[AttributeSpec], added: &[AttributeSpec]) {
        let known: BTreeMap<&str, &Text> =
            known.iter().map(|spec| (spec.path.text.as_str(), &spec.path)).collect();
        for path in added.iter().map(|spec| &spec.path) {
            let below = format!("{}.", path.text);
            let next = known.range(below.as_str()..).next().filter(|(other, _)| other.starts_with(&below));
            let clash =
                above(&path.text).find_map(|part| known.get(part)).or(next.map(|(_, other)| other)).copied();
            if let Some(other) = clash {
                let place = self.faults.line(&other.span, &path.span);
                let (path_name, other) = (quote(&path.text), quote(&other.text));
                self.fault(
                    &path.span,
                    format!("attribute `{path_name}` meets `{other}`, declared at {place}"),
                );
            }
        }
    }

    fn add(&mut self, base: &mut Document, extension: Document, origin: Origin) {
        let scopes = mem::take(&mut base.opens);
        for open in &extension.opens {
            self.fault(&open.id.span, "an extension opens no scopes of its own");
        }
        for (table, node) in &extension.shared {
            if matches!(*table, "defaults" | "actions") {
                self.fault(&node.span, format!("`{table}` belongs to the base"));
            }
        }
        self.check_attributes(&base.attributes, &extension.attributes);
        for attribute in &extension.attributes {
            if !attribute.kind.text.trim_end().ends_with('?') && !attribute.path.text.starts_with("approver.")
            {
                let fault = "an extension's attribute may be absent from the requests of others: write `?` behind its type";
                self.fault(&attribute.path.span, fault);
            }
        }
        // Groups of an extension are its own, whatever their names.
        let own = |group: &Text| Text {
            text: format!("{}\u{0}{}", extension.name.text, group.text),
            span: group.span.clone(),
        };
        base.groups.extend(extension.groups.iter().map(|(name, mode)| (own(name), *mode)));
        for (table, node) in extension.shared {
            let known = base
                .shared
                .iter_mut()
                .find(|(known, _)| *known == table && matches!(table, "attributes" | "let"));
            match (known, node.content) {
                (Some((_, known)), Content::Table(more)) => {
                    if let Content::Table(entries) = &mut known.content {
                        entries.extend(more);
                    }
                }
                (None, content) if matches!(table, "attributes" | "let") => {
                    base.shared.push((table, super::Node { span: node.span, content }));
                }
                _ => {}
            }
        }
        base.attributes.extend(extension.attributes);
        base.cases.extend(extension.cases);
        base.lints.extend(extension.lints);
        let mut place = Place { composer: self, scopes: &scopes, origin };
        place.keep_groups(&base.reviews, &extension.reviews);
        place.add(RuleKind::Risk, &mut base.risks, extension.risks, |spec| &mut spec.rule, |_, _| {});
        place.add(RuleKind::Forbid, &mut base.forbids, extension.forbids, |rule| rule, |_, _| {});
        place.add(RuleKind::Hold, &mut base.holds, extension.holds, |rule| rule, |_, _| {});
        place.add(
            RuleKind::Zone,
            &mut base.zones,
            extension.zones,
            |spec| &mut spec.rule,
            |spec, ceiling| {
                spec.max_risk = ceiling.map_or(spec.max_risk, |ceiling| spec.max_risk.min(ceiling));
            },
        );
        place.add(
            RuleKind::Review,
            &mut base.reviews,
            extension.reviews,
            |spec| &mut spec.rule,
            |spec, ceiling| {
                if ceiling.is_some() {
                    spec.group = own(&spec.group);
                    // A review's plan is a document of its own and knows no scopes.
                    if let Content::Table(entries) = &mut spec.node.content {
                        entries.retain(|(key, _)| key.text != "in");
                    }
                }
            },
        );
        place.add(
            RuleKind::Emergency,
            &mut base.emergencies,
            extension.emergencies,
            |spec| &mut spec.rule,
            |_, _| {},
        );
        base.opens = scopes;
    }
}

/// Where the rules of one extension go.
struct Place<'p, 'c, 't> {
    composer: &'p mut Composer<'c, 't>,
    scopes: &'p [OpenSpec],
    origin: Origin,
}

impl Place<'_, '_, '_> {
    /// Adds rules of one kind, or puts them in the place of those that they replace. What a rule gets from
    /// its scope is put into it; a replacement stands in the base and gets none.
    fn add<T>(
        &mut self,
        kind: RuleKind,
        known: &mut Vec<T>,
        added: Vec<T>,
        rule: impl Fn(&mut T) -> &mut RuleSpec,
        restrict: impl Fn(&mut T, Option<Risk>),
    ) {
        let replaceable = known.iter_mut().map(&rule).enumerate().filter_map(|(place, rule)| {
            let meant = rule.origin == 0 && rule.replaceable.is_some();
            meant.then(|| (rule.id.text.clone(), place))
        });
        let replaceable: BTreeMap<String, usize> = replaceable.collect();
        for mut spec in added {
            let id = rule(&mut spec).id.clone();
            if let Some(span) = &rule(&mut spec).replaceable {
                self.composer.fault(span, "`replaceable` goes with the rules of the base");
            }
            let base = replaceable.get(&id.text).and_then(|place| known.get_mut(*place));
            match base {
                Some(replaced) => {
                    if let Some(scope) = &rule(&mut spec).scope {
                        let fault = format!("it replaces `{}`, which is in no scope", quote(&id.text));
                        self.composer.fault(&scope.span, fault);
                    }
                    if let Some(first) = self.composer.replaced.insert(id.text.clone(), id.span.clone()) {
                        let first = self.composer.faults.line(&first, &id.span);
                        let fault = format!("`{}` is replaced at {first} already", quote(&id.text));
                        self.composer.fault(&id.span, fault);
                    }
                    let replaceable = rule(replaced).replaceable.clone();
                    // The id keeps its place, so that a third replacement meets this one.
                    *rule(&mut spec) =
                        RuleSpec { replaceable, environment: self.origin, ..rule(&mut spec).clone() };
                    *replaced = spec;
                }
                None => {
                    let ceiling = self.enter(kind, rule(&mut spec));
                    restrict(&mut spec, ceiling);
                    known.push(spec);
                }
            }
        }
    }

    /// Checks that replacements stay in their groups. In another one they would stand in for rules that nobody may
    /// replace: as an alternative, or in the way of an `otherwise`.
    fn keep_groups(&mut self, known: &[ReviewSpec], added: &[ReviewSpec]) {
        let replaceable: BTreeMap<&str, &ReviewSpec> = known
            .iter()
            .filter(|known| known.rule.origin == 0 && known.rule.replaceable.is_some())
            .map(|known| (known.rule.id.text.as_str(), known))
            .collect();
        for review in added {
            let Some(replaced) = replaceable.get(review.rule.id.text.as_str()) else { continue };
            if review.group.text != replaced.group.text {
                let place = match replaced.group.text.as_str() {
                    "" => "no group".to_owned(),
                    group => format!("group `{}`", quote(group)),
                };
                let fault = format!(
                    "it replaces `{}`, which is in {place}: expected the same",
                    quote(&review.rule.id.text)
                );
                self.composer.fault(&review.rule.id.span, fault);
            }
        }
    }

    /// Puts a rule into its scope, and returns the scope's ceiling.
    fn enter(&mut self, kind: RuleKind, rule: &mut RuleSpec) -> Option<Risk> {
        (rule.origin, rule.environment) = (self.origin, self.origin);
        let name = kind.as_str();
        let Some(scope) = rule.scope.clone() else {
            if kind.opens() {
                let fault =
                    format!("a {name} of an extension needs `in`: the scope of the base that it stands in");
                self.composer.fault(&rule.id.span, fault);
            }
            return None;
        };
        if !kind.opens() {
            self.composer.fault(&scope.span, format!("a {name} only makes stricter and needs no scope"));
            return None;
        }
        let Some((index, open)) = self.scopes.iter().enumerate().find(|(_, open)| open.id.text == scope.text)
        else {
            let hint = nearest(&scope.text, self.scopes.iter().map(|open| open.id.text.as_str()));
            let hint = hint.map(|name| format!(", did you mean `{name}`?")).unwrap_or_default();
            self.composer
                .fault(&scope.span, format!("the base opens no scope `{}`{hint}", quote(&scope.text)));
            return None;
        };
        if !open.may.contains(&kind) {
            self.composer.fault(&scope.span, format!("scope `{}` takes no {name}", quote(&scope.text)));
        }
        rule.within = Some((index, open.max_risk));
        Some(open.max_risk)
    }
}

/// Checks that no named condition is named twice.
fn check_lets(lets: &[Vec<(Text, Text)>], faults: &mut Faults<'_>) {
    let mut named: BTreeMap<&str, &Text> = BTreeMap::new();
    for (name, _) in lets.iter().flatten() {
        if is_reserved(&name.text) {
            faults.add(&name.span, format!("`{}` is a word of the language", quote(&name.text)));
        }
        if let Some(first) = named.get(name.text.as_str()) {
            let place = faults.line(&first.span, &name.span);
            faults
                .add(&name.span, format!("`{}` is the name of the condition at {place}", quote(&name.text)));
        } else {
            named.insert(&name.text, name);
        }
    }
}

/// Says whether no author can give a condition this name.
pub(super) fn is_reserved(name: &str) -> bool {
    is_word(name) || name.starts_with(SCOPE)
}

/// A path and everything above it.
fn above(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rsplit_once('.').map(|(above, _)| above))
}

/// How the names begin by which conditions of extensions read the scopes of the base.
pub(super) const SCOPE: &str = "__open_scope_";
