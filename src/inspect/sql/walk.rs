//! The walk over the parser's tree.
//!
//! The parser's own visitor reaches every query, expression and table, so none can be missed; this file
//! judges each. What it does not list stops the walk, and the payload is not understood.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArguments, GroupByExpr, Ident, LimitClause, ObjectName, Query,
    Select, SelectFlavor, SetExpr, Statement, TableAlias, TableFactor, Value, Visitor,
};

use super::calls::{self, Class};
use super::facts::{Known, Obstacle, SqlEffect};
use super::{names, statements};
use crate::Dialect;

pub(super) type Flow = ControlFlow<Obstacle>;

/// What the walk has seen.
pub(super) struct Walk {
    pub(super) dialect: Dialect,
    effect: SqlEffect,
    kinds: BTreeSet<&'static str>,
    tables: BTreeSet<String>,
    functions: BTreeSet<String>,
    unbounded_write: bool,
    bounded_read: Option<u64>,
    locks: bool,
    into: bool,
    /// Open EXPLAINs that only plan: what is inside does not run.
    pub(super) plans: usize,
    /// The queries that are open, outermost first.
    scopes: Vec<Scope>,
    /// The next relation is a function's name.
    function_next: bool,
    only_statement: bool,
    /// Names that stand before a list of columns, in lower case.
    pub(super) listed: BTreeSet<String>,
}

/// The common tables of one query.
struct Scope {
    names: Vec<String>,
    /// How many of them can be seen from here.
    visible: usize,
    /// How many still have to be walked.
    pending: usize,
}

impl Walk {
    pub(super) fn new(dialect: Dialect, only_statement: bool) -> Self {
        Self {
            dialect,
            effect: SqlEffect::Read,
            kinds: BTreeSet::new(),
            tables: BTreeSet::new(),
            functions: BTreeSet::new(),
            unbounded_write: false,
            bounded_read: None,
            locks: false,
            into: false,
            plans: 0,
            scopes: Vec::new(),
            function_next: false,
            only_statement,
            listed: BTreeSet::new(),
        }
    }

    /// Returns the facts, and the names that list columns.
    pub(super) fn finish(self, statements: usize) -> (Known, BTreeSet<String>) {
        let known = Known {
            effect: self.effect,
            statements,
            kinds: self.kinds.into_iter().collect(),
            tables: self.tables.into_iter().collect(),
            functions: self.functions.into_iter().collect(),
            unbounded_write: self.unbounded_write,
            bounded_read: self.bounded_read,
            locks: self.locks,
            into: self.into,
        };
        (known, self.listed)
    }

    /// Notes that columns may be listed after a name.
    pub(super) fn list(&mut self, name: &Ident) {
        self.listed.insert(name.value.to_ascii_lowercase());
    }

    pub(super) fn kind(&mut self, kind: &'static str) {
        self.kinds.insert(kind);
    }

    /// Raises the effect to that of something that runs.
    pub(super) fn raise(&mut self, effect: SqlEffect) {
        if self.plans == 0 {
            self.effect = self.effect.max(effect);
        }
    }

    pub(super) fn unbounded(&mut self, unbounded: bool) {
        self.unbounded_write |= unbounded;
    }

    pub(super) fn lock(&mut self) {
        self.locks = true;
        self.raise(SqlEffect::Write);
    }

    pub(super) fn into(&mut self, effect: SqlEffect) {
        self.into = true;
        self.raise(effect);
    }

    pub(super) fn list_last(&mut self, name: &ObjectName) {
        if let Some(last) = name.0.last().and_then(sqlparser::ast::ObjectNamePart::as_ident) {
            self.list(last);
        }
    }

    /// Adds a table, whatever common table has its name.
    pub(super) fn table(&mut self, name: &ObjectName) -> Flow {
        match names::parts(name) {
            Some(parts) => {
                let parts: Vec<_> = parts.into_iter().map(|part| names::fold(self.dialect, part)).collect();
                names::add_table(self.dialect, &mut self.tables, &parts);
                ControlFlow::Continue(())
            }
            None => stop("a computed name"),
        }
    }

    /// Judges a call by the function's name.
    pub(super) fn call(&mut self, name: &ObjectName) -> Flow {
        let Some(parts) = names::parts(name) else { return stop("a computed name") };
        let quoted = parts.iter().any(|part| part.quote_style.is_some());
        let parts: Vec<_> = parts.into_iter().map(|part| names::fold_function(self.dialect, part)).collect();
        let function = match parts.as_slice() {
            [function] => function,
            [schema, function] if self.dialect == Dialect::PostgreSql && schema == "pg_catalog" => function,
            _ => return ControlFlow::Break(Obstacle::Name(parts.join("."))),
        };
        match calls::class(self.dialect, function) {
            Class::Pure => {}
            Class::Grammar if !quoted && parts.len() == 1 => {}
            Class::Effect(effect) => self.effect = self.effect.max(effect),
            Class::Grammar | Class::Unknown => return ControlFlow::Break(Obstacle::Name(function.clone())),
        }
        self.functions.insert(function.clone());
        ControlFlow::Continue(())
    }

    /// Notes a function that has a form of its own in the grammar.
    fn builtin(&mut self, name: &str) -> Flow {
        self.functions.insert(name.to_owned());
        ControlFlow::Continue(())
    }

    fn function(&mut self, function: &Function) -> Flow {
        let Function { name, uses_odbc_syntax, parameters, .. } = function;
        if *uses_odbc_syntax || *parameters != FunctionArguments::None {
            return stop("a call in another form");
        }
        self.call(name)
    }

    /// Judges what hangs at a query beside its body, and finds tables that no hook shows.
    fn query(&mut self, query: &Query) -> Flow {
        let Query {
            with,
            body,
            limit_clause,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
            ..
        } = query;
        if for_clause.is_some() || settings.is_some() || format_clause.is_some() || !pipe_operators.is_empty()
        {
            return stop("a clause after a query");
        }
        if let Some(LimitClause::LimitOffset { limit_by, .. }) = limit_clause {
            if !limit_by.is_empty() {
                return stop("LIMIT … BY");
            }
        }
        if !locks.is_empty() {
            self.lock();
        }
        let (names, recursive) = match with {
            Some(with) => {
                let fold = |cte: &sqlparser::ast::Cte| names::fold(self.dialect, &cte.alias.name);
                (with.cte_tables.iter().map(fold).collect::<Vec<_>>(), with.recursive)
            }
            None => (Vec::new(), false),
        };
        for cte in with.iter().flat_map(|with| &with.cte_tables) {
            self.list(&cte.alias.name);
        }
        if with.as_ref().is_some_and(|with| with.cte_tables.iter().any(|cte| cte.from.is_some())) {
            return stop("a common table with FROM");
        }
        // SQLite lets every common table see all of its WITH.
        let all = recursive || self.dialect == Dialect::Sqlite;
        self.scopes.push(Scope { visible: if all { names.len() } else { 0 }, pending: names.len(), names });
        let mut bodies = vec![&**body];
        while let Some(body) = bodies.pop() {
            match body {
                SetExpr::SetOperation { left, right, .. } => bodies.extend([&**left, &**right]),
                SetExpr::Table(table) => {
                    let parts = [&table.schema_name, &table.table_name];
                    let parts: Vec<_> = parts.into_iter().flatten().cloned().collect();
                    names::add_table(self.dialect, &mut self.tables, &parts);
                    self.kind("select");
                }
                SetExpr::Values(_) => self.kind("values"),
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn select(&mut self, select: &Select) -> Flow {
        self.kind("select");
        let odd = select.top.is_some()
            || select.exclude.is_some()
            || !select.optimizer_hints.is_empty()
            || !select.lateral_views.is_empty()
            || select.prewhere.is_some()
            || !select.connect_by.is_empty()
            || !select.cluster_by.is_empty()
            || !select.distribute_by.is_empty()
            || !select.sort_by.is_empty()
            || select.qualify.is_some()
            || select.value_table_mode.is_some()
            || select.flavor != SelectFlavor::Standard
            || matches!(&select.group_by, GroupByExpr::All(modifiers) if !modifiers.is_empty());
        if odd {
            return stop("a clause of SELECT");
        }
        match (&select.into, self.dialect) {
            (None, _) => ControlFlow::Continue(()),
            (Some(_), Dialect::PostgreSql) => {
                self.into(SqlEffect::Ddl);
                ControlFlow::Continue(())
            }
            (Some(into), Dialect::MySql) if into.targets.iter().all(is_variable) => {
                self.into(SqlEffect::Session);
                ControlFlow::Continue(())
            }
            _ => stop("SELECT … INTO"),
        }
    }

    fn factor(&mut self, factor: &TableFactor) -> Flow {
        if let Some(alias) = alias(factor).filter(|alias| !alias.columns.is_empty()) {
            self.list(&alias.name);
        }
        match factor {
            TableFactor::Table { args: None, with_hints, version: None, json_path: None, .. }
                if with_hints.is_empty() =>
            {
                ControlFlow::Continue(())
            }
            TableFactor::Table { name, args: Some(args), version: None, json_path: None, .. }
                if args.settings.is_none() =>
            {
                self.function_next = true;
                self.call(name)
            }
            TableFactor::Function { name, .. } => self.call(name),
            TableFactor::UNNEST { .. } if self.dialect == Dialect::PostgreSql => self.builtin("unnest"),
            TableFactor::JsonTable { .. } if self.dialect == Dialect::MySql => self.builtin("json_table"),
            TableFactor::XmlTable { .. } if self.dialect == Dialect::PostgreSql => self.builtin("xmltable"),
            TableFactor::Derived { .. } | TableFactor::NestedJoin { .. } => ControlFlow::Continue(()),
            _ => stop("a source of rows"),
        }
    }

    fn expr(&mut self, expr: &Expr) -> Flow {
        match expr {
            Expr::Function(function) => self.function(function),
            Expr::BinaryOp { op, .. }
            | Expr::AnyOp { compare_op: op, .. }
            | Expr::AllOp { compare_op: op, .. } => self.operator(op),
            Expr::Extract { .. } => self.builtin("extract"),
            Expr::Substring { shorthand, .. } => {
                self.builtin(if *shorthand { "substr" } else { "substring" })
            }
            Expr::Trim { .. } => self.builtin("trim"),
            Expr::Position { .. } => self.builtin("position"),
            Expr::Overlay { .. } => self.builtin("overlay"),
            Expr::Ceil { .. } => self.builtin("ceil"),
            Expr::Floor { .. } => self.builtin("floor"),
            Expr::Convert { .. } => self.builtin("convert"),
            Expr::RLike { .. } if self.dialect == Dialect::Sqlite => {
                ControlFlow::Break(Obstacle::Name("regexp".into()))
            }
            Expr::JsonAccess { .. }
            | Expr::InUnnest { .. }
            | Expr::Struct { .. }
            | Expr::Named { .. }
            | Expr::Dictionary(_)
            | Expr::Map(_)
            | Expr::OuterJoin(_)
            | Expr::Prior(_)
            | Expr::Lambda(_) => stop("an expression of another dialect"),
            _ => ControlFlow::Continue(()),
        }
    }

    fn operator(&mut self, op: &BinaryOperator) -> Flow {
        match op {
            BinaryOperator::Assignment => self.raise(SqlEffect::Session),
            BinaryOperator::Regexp if self.dialect == Dialect::Sqlite => {
                return ControlFlow::Break(Obstacle::Name("regexp".to_owned()));
            }
            BinaryOperator::PGCustomBinaryOperator(parts) if parts.len() > 1 => {
                if parts.first().is_none_or(|schema| !schema.eq_ignore_ascii_case("pg_catalog")) {
                    return ControlFlow::Break(Obstacle::Name(parts.join(".")));
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    /// Keeps the bound of the only statement's rows.
    pub(super) fn bound(&mut self, query: &Query) {
        if self.only_statement {
            self.bounded_read = row_bound(query);
        }
    }
}

impl Visitor for Walk {
    type Break = Obstacle;

    fn pre_visit_statement(&mut self, statement: &Statement) -> Flow {
        statements::judge(self, statement)
    }

    fn post_visit_statement(&mut self, statement: &Statement) -> Flow {
        if statements::only_plans(statement) {
            self.plans = self.plans.saturating_sub(1);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> Flow {
        self.query(query)
    }

    fn post_visit_query(&mut self, _: &Query) -> Flow {
        self.scopes.pop();
        // A query that ends while its parent still owes common tables is the parent's next one.
        if let Some(parent) = self.scopes.last_mut() {
            if parent.pending > 0 {
                parent.pending = parent.pending.saturating_sub(1);
                parent.visible = parent.visible.max(parent.names.len().saturating_sub(parent.pending));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> Flow {
        self.select(select)
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Flow {
        self.factor(factor)
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> Flow {
        if std::mem::take(&mut self.function_next) {
            return ControlFlow::Continue(());
        }
        if let [part] = name.0.as_slice() {
            let name = part.as_ident().map(|ident| names::fold(self.dialect, ident));
            let seen = |scope: &Scope| {
                scope.names.iter().take(scope.visible).any(|common| Some(common) == name.as_ref())
            };
            if self.scopes.iter().any(seen) {
                return ControlFlow::Continue(());
            }
        }
        self.table(name)
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Flow {
        self.expr(expr)
    }
}

/// Returns a table factor's alias.
pub(super) fn alias(factor: &TableFactor) -> Option<&TableAlias> {
    match factor {
        TableFactor::Table { alias, .. }
        | TableFactor::Derived { alias, .. }
        | TableFactor::Function { alias, .. }
        | TableFactor::UNNEST { alias, .. }
        | TableFactor::JsonTable { alias, .. }
        | TableFactor::NestedJoin { alias, .. }
        | TableFactor::XmlTable { alias, .. } => alias.as_ref(),
        _ => None,
    }
}

pub(super) fn stop(what: &'static str) -> Flow {
    ControlFlow::Break(Obstacle::Construct(what))
}

fn is_variable(target: &Expr) -> bool {
    matches!(target, Expr::Identifier(name) if name.value.starts_with('@') && !name.value.starts_with("@@"))
}

/// The literal number of rows that LIMIT and FETCH allow.
fn row_bound(query: &Query) -> Option<u64> {
    let limit = match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit: Some(limit), .. }) => literal_count(limit),
        Some(LimitClause::OffsetCommaLimit { limit, .. }) => literal_count(limit),
        _ => None,
    };
    let fetch = query.fetch.as_ref().filter(|fetch| !fetch.with_ties && !fetch.percent);
    let fetch = fetch.and_then(|fetch| fetch.quantity.as_ref().map_or(Some(1), literal_count));
    match (limit, fetch) {
        (Some(limit), Some(fetch)) => Some(limit.min(fetch)),
        (limit, fetch) => limit.or(fetch),
    }
}

fn literal_count(expr: &Expr) -> Option<u64> {
    match expr {
        Expr::Nested(inner) => literal_count(inner),
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}
