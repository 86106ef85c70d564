//! What a request must still bring.

use chrono::{DateTime, TimeDelta, Utc};

use super::Run;
use crate::decision::reason::Problem;
use crate::decision::{Need, NeedKind};
use crate::policy::{Field, Needs};
use crate::value::Value;

impl Run<'_> {
    /// Lists what a request must still bring.
    pub(super) fn unmet(&self, needs: &Needs, rule: &str) -> Vec<Need> {
        if self.opened.is_some_and(|opened| opened.iter().any(|known| **known == *rule)) {
            return Vec::new();
        }
        let fields = needs.fields.iter().filter_map(|field| self.unmet_field(field, rule));
        fields.chain(self.unmet_auth(needs, rule)).collect()
    }

    fn unmet_field(&self, field: &Field, rule: &str) -> Option<Need> {
        let attribute = self.policy.schema().attribute(&field.path);
        let stated = match attribute {
            Some(attribute) => attribute.value(self.request).map(|(value, _)| value.clone()),
            None => self.request.reason().map(Value::from),
        };
        let well_formed = |value: &Value| {
            attribute.is_none_or(|attribute| attribute.is_well_formed(value)) && field.is_well_formed(value)
        };
        let problem = match stated {
            None | Some(Value::Null) => Problem::Absent,
            Some(value) if is_empty(&value) => Problem::Empty,
            Some(value) if field.is_short(&value) => Problem::TooShort,
            Some(value) if field.is_long(&value) => Problem::TooLong,
            Some(value) if !well_formed(&value) => Problem::Malformed,
            Some(_) => return None,
        };
        let because = field.because.clone().or_else(|| attribute.and_then(|known| known.because.clone()));
        Some(Need { because, ..Need::new(NeedKind::Field, &field.path, problem, rule) })
    }

    fn unmet_auth(&self, needs: &Needs, rule: &str) -> Option<Need> {
        let wanted = needs.auth.as_ref()?;
        let age_is_good = |time: DateTime<Utc>| match wanted.within {
            Some(within) => {
                let age = self.now.signed_duration_since(time);
                age >= TimeDelta::zero() && TimeDelta::from_std(within).is_ok_and(|within| age <= within)
            }
            None => time <= self.now,
        };
        let (methods, classes) = (&wanted.methods, &wanted.classes);
        let problem = match self.request.auth() {
            None => Problem::Absent,
            Some(auth) if !methods.is_empty() && !auth.methods.iter().any(|m| methods.contains(m)) => {
                Problem::WrongMethod
            }
            Some(auth) if !classes.is_empty() && auth.class.as_ref().is_none_or(|c| !classes.contains(c)) => {
                Problem::WrongClass
            }
            Some(auth) if !age_is_good(auth.time) => Problem::TooOld,
            Some(_) => return None,
        };
        let mut need = Need::new(NeedKind::StepUp, "context.auth", problem, rule);
        need.accepts.clone_from(methods);
        need.classes.clone_from(classes);
        need.max_age_s = wanted.within.map(|within| within.as_secs());
        Some(need)
    }
}

fn is_empty(value: &Value) -> bool {
    matches!(value, Value::String(text) if crate::text::is_blank(text))
        || (matches!(value, Value::List(_) | Value::Map(_)) && value.size() == 0)
}
