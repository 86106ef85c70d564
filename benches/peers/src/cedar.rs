//! Cedar: group, action and service in the scope, the other tests in `when`, as its best practices say.
//!
//! Cedar knows permit and forbid. A review is a permit whose annotation says so: the host reads the annotations of
//! the policies that decided, in one call of the authorizer.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::LazyLock;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression,
};

use crate::engine::{Engine, Outcome, Rule};
use crate::workload::{Ask, ENVIRONMENTS};

pub struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
}

impl Engine for Cedar {
    type Source = String;
    type Question = (Request, Entities);

    fn name() -> String {
        "cedar".to_owned()
    }

    fn source(rules: &[Rule]) -> Self::Source {
        let mut text = String::new();
        for Rule { id, spec } in rules {
            let effect = if spec.kind == "forbid" { "forbid" } else { "permit" };
            writeln!(
                text,
                "@id(\"r{id}\")\n@outcome(\"{}\")\n{effect} (\n  principal in Group::\"group-{}\",\n  \
                 action == Action::\"action-{}\",\n  resource in Service::\"service-{}\"\n) when {{\n  \
                 resource.environment == \"{}\" && principal.mfa && resource.labels.tier == \"gold\" &&\n  \
                 context has duration && context.duration <= duration(\"1h\")\n}};",
                spec.kind, spec.group, spec.action, spec.service, ENVIRONMENTS[spec.environment]
            )
            .unwrap();
        }
        text
    }

    fn load(source: &Self::Source) -> Self {
        Self { authorizer: Authorizer::new(), policies: source.parse().unwrap() }
    }

    fn question(ask: &Ask) -> Self::Question {
        let subject = uid(&USER, "ana");
        let groups: HashSet<EntityUid> = ask.groups.iter().map(|group| uid(&GROUP, group)).collect();
        let mfa = HashMap::from([("mfa".to_owned(), RestrictedExpression::new_bool(ask.mfa))]);
        let resource = uid(&DATABASE, "orders");
        let labels = [("tier".to_owned(), text(ask.tier)), ("team".to_owned(), text("payments"))];
        let attributes = HashMap::from([
            ("environment".to_owned(), text(ask.environment)),
            ("labels".to_owned(), RestrictedExpression::new_record(labels).unwrap()),
        ]);
        let entities = [
            Entity::new(subject.clone(), mfa, groups).unwrap(),
            Entity::new(resource.clone(), attributes, HashSet::from([uid(&SERVICE, &ask.service)])).unwrap(),
        ];
        let span = RestrictedExpression::new_duration(format!("{}s", ask.seconds));
        let context = Context::from_pairs([("duration".to_owned(), span)]).unwrap();
        let request = Request::new(subject, uid(&ACTION, &ask.action), resource, context, None).unwrap();
        (request, Entities::from_entities(entities, None).unwrap())
    }

    fn decide(&mut self, (request, entities): &Self::Question) -> Outcome {
        let response = self.authorizer.is_authorized(request, &self.policies, entities);
        let mut deciding = response.diagnostics().reason();
        match response.decision() {
            Decision::Deny if deciding.next().is_some() => Outcome::Forbidden,
            Decision::Deny => Outcome::Unmatched,
            Decision::Allow => {
                let zone = deciding.any(|id| self.policies.annotation(id, "outcome") == Some("zone"));
                if zone { Outcome::Allowed } else { Outcome::Reviewed }
            }
        }
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

static USER: LazyLock<EntityTypeName> = LazyLock::new(|| "User".parse().unwrap());
static GROUP: LazyLock<EntityTypeName> = LazyLock::new(|| "Group".parse().unwrap());
static ACTION: LazyLock<EntityTypeName> = LazyLock::new(|| "Action".parse().unwrap());
static DATABASE: LazyLock<EntityTypeName> = LazyLock::new(|| "Database".parse().unwrap());
static SERVICE: LazyLock<EntityTypeName> = LazyLock::new(|| "Service".parse().unwrap());
