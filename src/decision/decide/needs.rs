//! What a request must still bring.

use chrono::{DateTime, TimeDelta, Utc};

use super::Run;
use crate::decision::reason::Problem;
use crate::decision::{Need, NeedKind};
use crate::policy::Needs;
use crate::value::Value;

impl Run<'_> {
    /// Lists what a request must still bring.
    pub(super) fn unmet(&self, needs: &Needs, rule: &str) -> Vec<Need> {
        let fields = needs.fields.iter().filter_map(|path| self.unmet_field(path, rule));
        fields.chain(self.unmet_auth(needs, rule)).collect()
    }

    fn unmet_field(&self, path: &str, rule: &str) -> Option<Need> {
        let attribute = self.policy.schema().attribute(path);
        let stated = match attribute {
            Some(attribute) => attribute.value(self.request).map(|(value, _)| value.clone()),
            None => self.request.reason().map(Value::from),
        };
        let problem = match stated {
            None | Some(Value::Null) => Problem::Absent,
            Some(value) if is_empty(&value) => Problem::Empty,
            Some(value) if attribute.is_some_and(|attribute| !attribute.is_well_formed(&value)) => {
                Problem::Malformed
            }
            Some(_) => return None,
        };
        Some(Need {
            kind: NeedKind::Field,
            path: path.to_owned(),
            problem,
            because: attribute.and_then(|attribute| attribute.because.clone()),
            accepts: Vec::new(),
            rule: rule.to_owned(),
        })
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
        let problem = match self.request.auth() {
            None => Problem::Absent,
            Some(auth)
                if !wanted.methods.is_empty() && !auth.methods.iter().any(|m| wanted.methods.contains(m)) =>
            {
                Problem::WrongMethod
            }
            Some(auth) if !age_is_good(auth.time) => Problem::TooOld,
            Some(_) => return None,
        };
        Some(Need {
            kind: NeedKind::StepUp,
            path: "context.auth".to_owned(),
            problem,
            because: None,
            accepts: wanted.methods.clone(),
            rule: rule.to_owned(),
        })
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.trim().is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        _ => false,
    }
}
