//! What the conditions of each document can read, and the scopes that extensions stand in.

use super::{Compiler, never, place};
use crate::cel::{self, Access, Environment, Program};
use crate::policy::compose::{SCOPE, is_reserved};
use crate::policy::document::OpenSpec;
use crate::policy::error::{Faults, Span};
use crate::policy::node::Text;
use crate::policy::schema::Schema;
use crate::text::quote;

impl Schema {
    /// Defines the named conditions and checks each by itself. Each document sees the base's and its own; the
    /// scopes that the base opens are names that no author can write.
    pub(in crate::policy) fn define(
        &mut self,
        lets: &[Vec<(Text, Text)>],
        opens: &[OpenSpec],
        faults: &mut Faults<'_>,
    ) -> Vec<Environment> {
        let Some((base, extensions)) = lets.split_first() else { return Vec::new() };
        define(&mut self.environment, base, faults);
        let mut scoped = self.environment.clone();
        for (index, open) in opens.iter().enumerate() {
            // Its faults are told where the scope is checked by itself.
            let _ = scoped.define(&name_of(index), &open.when.text);
        }
        let extensions = extensions.iter().map(|lets| {
            let mut environment = scoped.clone();
            define(&mut environment, lets, faults);
            environment
        });
        let extensions: Vec<Environment> = extensions.collect();
        [self.environment.clone()].into_iter().chain(extensions).collect()
    }
}

impl Compiler<'_, '_> {
    /// Checks the conditions of the scopes by themselves.
    pub(super) fn check_scopes(&mut self, opens: &[OpenSpec]) {
        let access = Access::free()
            .with("risk", cel::Rule::Hidden("a scope has `max_risk`"))
            .with("facts", cel::Rule::Hidden("host facts can only raise, a scope opens"))
            .with("approver", cel::Rule::Hidden("nobody has voted yet when a rule is matched"))
            .with("vote", cel::Rule::Hidden("nobody has voted yet when a rule is matched"));
        for open in opens {
            self.condition(&open.when, &access, &format!("scope `{}`", open.id.text));
        }
    }

    /// Puts a condition that compiles by itself into a scope: both must hold.
    pub(super) fn in_scope(
        &mut self,
        scope: usize,
        when: Program,
        id: &Span,
        access: &Access,
        owner: &str,
    ) -> Program {
        let Some(environment) = self.environments.get(self.current) else { return never() };
        let source = format!("{} && (\n{}\n)", name_of(scope), when.source());
        match Program::condition(&source, environment, access) {
            Ok(program) => program,
            Err(diagnostics) => {
                for diagnostic in diagnostics {
                    self.faults.add(id, format!("{owner}, in its scope: {diagnostic}"));
                }
                never()
            }
        }
    }
}

/// Defines named conditions. None takes a name that means something already: a review's plan has the named
/// conditions of all documents, and must mean what each of them says.
fn define(environment: &mut Environment, lets: &[(Text, Text)], faults: &mut Faults<'_>) {
    for (name, source) in lets {
        // Of a name that is reserved it is told already that it cannot be taken.
        let told = is_reserved(&name.text);
        if let Err(diagnostics) = environment.define(&name.text, &source.text)
            && !told
        {
            for diagnostic in diagnostics {
                let place = place(faults.text(), source, &diagnostic.span);
                faults.add(&place, format!("`{}`: {diagnostic}", quote(&name.text)));
            }
        }
    }
    for (name, source) in lets {
        if let Err(diagnostics) = environment.check(&name.text) {
            for diagnostic in diagnostics {
                let place = place(faults.text(), source, &diagnostic.span);
                faults.add(&place, format!("`{}`: {diagnostic}", quote(&name.text)));
            }
        }
    }
}

/// Finds the place of a scope among those that the base opens, by the name by which conditions read it.
pub(in crate::policy) fn scope_of(name: &str) -> Option<usize> {
    name.strip_prefix(SCOPE)?.parse().ok()
}

/// The name by which conditions of extensions read a scope.
fn name_of(scope: usize) -> String {
    format!("{SCOPE}{scope}")
}
