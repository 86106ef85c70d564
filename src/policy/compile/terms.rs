//! The terms on which a rule gives: what it needs, and the bounds of its grants.

use std::sync::Arc;
use std::time::Duration;

use regex::Regex;

use super::{Compiler, place};
use crate::cel::{self, Access, Program, Type};
use crate::policy::document::{AuthSpec, FieldSpec, GrantSpec, NeedsSpec};
use crate::policy::node::Text;
use crate::policy::schema::compile_pattern;
use crate::text::quote;
use crate::value::Value;

/// What a request must bring.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    pub(crate) fields: Vec<Field>,
    pub(crate) auth: Option<Box<AuthSpec>>,
}

/// A field that a request must bring, and what it must look like.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) path: String,
    pub(crate) matches: Option<Regex>,
    pub(crate) min: Option<usize>,
    pub(crate) max: Option<usize>,
    pub(crate) because: Option<String>,
}

impl Field {
    /// Says whether a value is what the field asks for, as far as the field itself says.
    pub(crate) fn accepts(&self, value: &Value) -> bool {
        !self.is_short(value) && !self.is_long(value) && self.is_well_formed(value)
    }

    pub(crate) fn is_short(&self, value: &Value) -> bool {
        self.min.is_some_and(|min| value.size() < min)
    }

    pub(crate) fn is_long(&self, value: &Value) -> bool {
        self.max.is_some_and(|max| value.size() > max)
    }

    pub(crate) fn is_well_formed(&self, value: &Value) -> bool {
        self.matches.as_ref().is_none_or(|pattern| pattern.is_match(value.as_str().unwrap_or_default()))
    }
}

/// The bounds of a grant, with the defaults filled in.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    pub(crate) min: Duration,
    pub(crate) default: Duration,
    pub(crate) max: Duration,
    pub(crate) caps: bool,
    pub(crate) max_uses: Option<u64>,
    pub(crate) use_within: Option<Duration>,
    /// How much later than now a grant may be asked to start; `None` for not at all.
    pub(crate) start_later: Option<Duration>,
    /// Gives the earliest start.
    pub(crate) not_before: Option<Program>,
    /// Gives the latest end.
    pub(crate) until: Option<Program>,
    pub(crate) extend: Option<Extend>,
}

/// How people may let a grant hold for longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extend {
    /// How much longer, each time.
    pub(crate) max: Duration,
    pub(crate) times: u64,
    /// How long a grant and all its extensions may hold, by the host's word.
    pub(crate) longest: Duration,
}

impl Compiler<'_, '_> {
    pub(super) fn needs(&mut self, spec: &NeedsSpec) -> Needs {
        Needs { fields: spec.fields.iter().map(|field| self.field(field)).collect(), auth: spec.auth.clone() }
    }

    fn field(&mut self, spec: &FieldSpec) -> Field {
        let path = &spec.path;
        let found = quote(&path.text);
        let attribute = self.schema.attribute(&path.text);
        let ty = match attribute {
            _ if path.text.starts_with("approver.") => {
                self.faults.add(&path.span, format!("a request cannot bring `{found}`"));
                &Type::Dyn
            }
            Some(attribute) => attribute.ty(self.schema),
            None if path.text == "context.reason" => &Type::String,
            None => {
                let hint = self.schema.closest(&path.text).map(|name| format!(", did you mean `{name}`?"));
                let fault = format!("unknown attribute `{found}`{}", hint.unwrap_or_default());
                self.faults.add(&path.span, fault);
                &Type::Dyn
            }
        };
        if spec.matches.is_some() && !matches!(ty, Type::String | Type::Dyn) {
            self.faults.add(&path.span, format!("`matches` goes with a string, `{found}` is a {ty}"));
        }
        let measured = matches!(ty, Type::String | Type::List(_) | Type::Map(..) | Type::Dyn);
        if (spec.min.is_some() || spec.max.is_some()) && !measured {
            self.faults.add(
                &path.span,
                format!("`min` and `max` count characters or elements, `{found}` is a {ty}"),
            );
        }
        let size = |bound: Option<u32>| bound.and_then(|bound| usize::try_from(bound).ok());
        Field {
            path: path.text.clone(),
            matches: spec.matches.as_ref().and_then(|pattern| compile_pattern(pattern, self.faults)),
            min: size(spec.min),
            max: size(spec.max),
            because: spec.because.clone(),
        }
    }

    /// Fills in the defaults. Rules that state nothing share what comes of it.
    pub(super) fn bounds(&mut self, spec: &GrantSpec) -> Arc<Bounds> {
        if *spec != GrantSpec::default() {
            return self.own_bounds(spec).into();
        }
        if let Some(known) = self.usual.get(&self.current) {
            return known.clone();
        }
        let bounds: Arc<Bounds> = self.own_bounds(spec).into();
        if self.faults.is_empty() {
            self.usual.insert(self.current, bounds.clone());
        }
        bounds
    }

    /// What a rule states stands; an inherited value gives way to it.
    fn own_bounds(&mut self, spec: &GrantSpec) -> Bounds {
        let max = spec
            .max
            .or_else(|| raise(self.defaults.max, spec.default.max(spec.min)))
            .unwrap_or_else(|| spec.default.max(spec.min).unwrap_or(Duration::ZERO).max(DEFAULT_MAX));
        let min =
            spec.min.or(self.defaults.min).unwrap_or(DEFAULT_MIN).min(max).min(spec.default.unwrap_or(max));
        let default = spec.default.or(self.defaults.default).unwrap_or(DEFAULT_GRANT).clamp(min, max);
        if spec.use_within.is_some_and(|within| within > max) {
            self.faults.add(&spec.span, "impossible bounds: `use_within` is above `max`");
        }
        let max_uses = spec.max_uses.or(self.defaults.max_uses);
        let use_within = spec.use_within.or(self.defaults.use_within);
        if use_within.is_some() && max_uses.is_some_and(|uses| uses > 1) {
            self.faults
                .add(&spec.span, "`use_within` bounds the first use, and goes with `single_use` alone");
        }
        let (min, default, max) = (min.min(self.longest), default.min(self.longest), max.min(self.longest));
        let caps = spec.caps.or(self.defaults.caps).unwrap_or(false);
        let start_later = spec.start_later.or(self.defaults.start_later);
        let not_before = spec.not_before.as_ref().or(self.defaults.not_before.as_ref());
        let not_before = not_before.and_then(|source| self.time(source, "not_before"));
        let until = spec.until.as_ref().or(self.defaults.until.as_ref());
        let until = until.and_then(|source| self.time(source, "until"));
        let extend = spec.extend.as_ref().map(|extend| Extend {
            max: extend.max.min(self.longest),
            times: extend.times,
            longest: self.longest,
        });
        Bounds { min, default, max, caps, max_uses, use_within, start_later, not_before, until, extend }
    }

    /// Compiles what gives a time. It sees no risk and no host facts: there is no telling which way of moving
    /// a grant is the stricter one.
    fn time(&mut self, source: &Text, key: &str) -> Option<Program> {
        let access = Access::free()
            .with("risk", cel::Rule::Hidden("the bounds of a grant do not depend on the risk"))
            .with("facts", cel::Rule::Hidden("the bounds of a grant do not depend on host facts"))
            .with("approver", cel::Rule::Hidden("nobody has voted yet when a rule is matched"))
            .with("vote", cel::Rule::Hidden("nobody has voted yet when a rule is matched"));
        let environment = self.environments.get(self.current)?;
        let diagnostics = match Program::value(&source.text, environment, &access, &Type::Timestamp) {
            Ok(program) => return Some(program),
            Err(diagnostics) => diagnostics,
        };
        for diagnostic in diagnostics {
            let place = place(self.faults.text(), source, &diagnostic.span);
            self.faults.add(&place, format!("`{key}`: {diagnostic}"));
        }
        None
    }
}

/// An inherited ceiling, raised to what the rule itself states.
fn raise(inherited: Option<Duration>, stated: Option<Duration>) -> Option<Duration> {
    inherited.map(|inherited| stated.map_or(inherited, |stated| stated.max(inherited)))
}

/// Where neither the rule nor the defaults say: long enough to work, short enough to forget.
const DEFAULT_MIN: Duration = Duration::from_secs(60);
const DEFAULT_GRANT: Duration = Duration::from_secs(15 * 60);
const DEFAULT_MAX: Duration = Duration::from_secs(3600);
