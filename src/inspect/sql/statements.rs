//! The effect of each kind of statement.
//!
//! Only the statements listed here are understood. What runs inside them, queries and calls, is judged by
//! the walk, which can only raise the effect.

use std::ops::ControlFlow;

use sqlparser::ast::{
    AlterTableOperation, ContextModifier, CopySource, CopyTarget, Delete, FromTable, Insert, Merge,
    ObjectType, Set, Statement, TableFactor, TableObject, TableWithJoins, Truncate, Update,
    UpdateTableFromKind, Use, UtilityOption,
};

use super::always::always_true;
use super::facts::SqlEffect;
use super::walk::{Flow, Walk, stop};
use crate::Dialect;

/// Judges one statement, nested ones too.
pub(super) fn judge(walk: &mut Walk, statement: &Statement) -> Flow {
    let (kind, effect) = match statement {
        Statement::Query(query) => {
            walk.bound(query);
            return ControlFlow::Continue(());
        }
        Statement::Insert(insert) => return judge_insert(walk, insert),
        Statement::Update(update) => return judge_update(walk, update),
        Statement::Delete(delete) => return judge_delete(walk, delete),
        Statement::Merge(merge) => return judge_merge(walk, merge),
        Statement::Truncate(truncate) => return judge_truncate(walk, truncate),
        Statement::Explain { .. } => return judge_explain(walk, statement),
        Statement::Copy { .. } => return judge_copy(walk, statement),
        Statement::Set(set) => return judge_set(walk, set),
        Statement::ExplainTable { .. } => ("explain", SqlEffect::Read),
        Statement::ShowVariable { .. } if walk.dialect == Dialect::MySql => {
            return judge_show(walk, statement);
        }
        Statement::ShowVariable { .. }
        | Statement::ShowVariables { .. }
        | Statement::ShowStatus { .. }
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ShowCreate { .. }
        | Statement::ShowDatabases { .. }
        | Statement::ShowSchemas { .. }
        | Statement::ShowCollation { .. }
        | Statement::ShowCharset(_)
        | Statement::ShowProcessList { .. }
        | Statement::ShowFunctions { .. } => ("show", SqlEffect::Read),
        Statement::Use(Use::Object(_)) => ("use", SqlEffect::Session),
        Statement::StartTransaction { statements, exception: None, .. } if statements.is_empty() => {
            ("begin", SqlEffect::Session)
        }
        Statement::Commit { .. } => ("commit", SqlEffect::Session),
        Statement::Rollback { .. } => ("rollback", SqlEffect::Session),
        Statement::Savepoint { .. } | Statement::ReleaseSavepoint { .. } => ("savepoint", SqlEffect::Session),
        Statement::Declare { .. } => ("declare", SqlEffect::Session),
        Statement::Close { .. } => ("close", SqlEffect::Session),
        Statement::Prepare { .. } => ("prepare", SqlEffect::Session),
        Statement::Deallocate { .. } => ("deallocate", SqlEffect::Session),
        Statement::Discard { .. } => ("discard", SqlEffect::Session),
        Statement::LISTEN { .. } | Statement::UNLISTEN { .. } => ("listen", SqlEffect::Session),
        Statement::NOTIFY { .. } => ("notify", SqlEffect::Write),
        Statement::Reset(reset) if walk.dialect == Dialect::PostgreSql => match reset.reset {
            sqlparser::ast::Reset::SessionAuthorization => ("reset", SqlEffect::Privilege),
            sqlparser::ast::Reset::ConfigurationParameter(ref name) if is_identity(&name.to_string()) => {
                ("reset", SqlEffect::Privilege)
            }
            _ => ("reset", SqlEffect::Session),
        },
        Statement::CreateTable(_) => ("create_table", SqlEffect::Ddl),
        Statement::CreateView(_) => ("create_view", SqlEffect::Ddl),
        Statement::CreateIndex(index) => {
            walk.table(&index.table_name)?;
            ("create_index", SqlEffect::Ddl)
        }
        Statement::CreateVirtualTable { .. } => ("create_table", SqlEffect::Ddl),
        Statement::CreateSchema { .. } => ("create_schema", SqlEffect::Ddl),
        Statement::CreateDatabase { .. } => ("create_database", SqlEffect::Ddl),
        Statement::CreateSequence { .. } => ("create_sequence", SqlEffect::Ddl),
        Statement::CreateType { .. } => ("create_type", SqlEffect::Ddl),
        Statement::CreateDomain(_) => ("create_domain", SqlEffect::Ddl),
        Statement::AlterTable(alter) => {
            let owns = alter.operations.iter().any(changes_rights);
            ("alter_table", if owns { SqlEffect::Privilege } else { SqlEffect::Ddl })
        }
        Statement::AlterIndex { .. } => ("alter_index", SqlEffect::Ddl),
        Statement::AlterView { .. } => ("alter_view", SqlEffect::Ddl),
        Statement::RenameTable(tables) => {
            for table in tables {
                walk.table(&table.old_name)?;
                walk.table(&table.new_name)?;
            }
            ("alter_table", SqlEffect::Ddl)
        }
        Statement::Comment { .. } => ("comment", SqlEffect::Ddl),
        Statement::Drop { object_type, names, table, .. } => {
            let (kind, is_table) = match object_type {
                ObjectType::Table => ("drop_table", true),
                ObjectType::View | ObjectType::MaterializedView => ("drop_view", true),
                ObjectType::Index => ("drop_index", false),
                ObjectType::Schema => ("drop_schema", false),
                ObjectType::Database => ("drop_database", false),
                ObjectType::Sequence => ("drop_sequence", false),
                ObjectType::Type => ("drop_type", false),
                ObjectType::Collation => ("drop_collation", false),
                ObjectType::Role | ObjectType::User => ("drop_role", false),
                _ => return stop("an object of another dialect"),
            };
            for name in names.iter().filter(|_| is_table).chain(table) {
                walk.table(name)?;
            }
            (kind, if kind == "drop_role" { SqlEffect::Privilege } else { SqlEffect::Ddl })
        }
        Statement::DropTrigger(_) => ("drop_trigger", SqlEffect::Ddl),
        Statement::DropFunction(_) | Statement::DropProcedure { .. } => ("drop_function", SqlEffect::Ddl),
        Statement::DropDomain(_) => ("drop_domain", SqlEffect::Ddl),
        Statement::Grant(_) => ("grant", SqlEffect::Privilege),
        Statement::Revoke(_) => ("revoke", SqlEffect::Privilege),
        Statement::CreateRole(_) | Statement::CreateUser(_) => ("create_role", SqlEffect::Privilege),
        Statement::AlterRole { .. } | Statement::AlterUser(_) => ("alter_role", SqlEffect::Privilege),
        Statement::CreatePolicy(policy) => {
            walk.table(&policy.table_name)?;
            ("create_policy", SqlEffect::Privilege)
        }
        Statement::AlterPolicy(policy) => {
            walk.table(&policy.table_name)?;
            ("alter_policy", SqlEffect::Privilege)
        }
        Statement::DropPolicy(policy) => {
            walk.table(&policy.table_name)?;
            ("drop_policy", SqlEffect::Privilege)
        }
        Statement::Pragma { .. } => ("pragma", SqlEffect::Admin),
        Statement::AttachDatabase { .. } => ("attach", SqlEffect::Admin),
        Statement::Vacuum(_) => ("vacuum", SqlEffect::Admin),
        Statement::Analyze(_) => ("analyze", SqlEffect::Admin),
        Statement::Kill { .. } => ("kill", SqlEffect::Admin),
        Statement::Lock(_) | Statement::LockTables { .. } => {
            walk.lock();
            ("lock", SqlEffect::Admin)
        }
        Statement::UnlockTables => ("unlock", SqlEffect::Session),
        _ => return stop("this kind of statement"),
    };
    walk.kind(kind);
    walk.raise(effect);
    ControlFlow::Continue(())
}

/// Says whether a statement plans what is inside it without running it. Its walk counts as open plan.
pub(super) fn only_plans(statement: &Statement) -> bool {
    match statement {
        Statement::Explain { analyze, options, .. } => {
            let runs =
                |option: &UtilityOption| option.name.value.eq_ignore_ascii_case("analyze") && !is_off(option);
            !analyze && !options.iter().flatten().any(runs)
        }
        _ => false,
    }
}

fn judge_explain(walk: &mut Walk, statement: &Statement) -> Flow {
    let Statement::Explain { statement: inner, options, .. } = statement else { return stop("EXPLAIN") };
    let known = |option: &UtilityOption| {
        let name = option.name.value.to_ascii_lowercase();
        [
            "analyze",
            "buffers",
            "costs",
            "format",
            "generic_plan",
            "memory",
            "settings",
            "summary",
            "timing",
            "verbose",
            "wal",
        ]
        .contains(&name.as_str())
    };
    if !options.iter().flatten().all(known) {
        return stop("an option of EXPLAIN");
    }
    let plain = matches!(
        **inner,
        Statement::Query(_)
            | Statement::Insert(_)
            | Statement::Update(_)
            | Statement::Delete(_)
            | Statement::Merge(_)
    );
    if !plain {
        return stop("EXPLAIN of this kind of statement");
    }
    walk.kind("explain");
    if only_plans(statement) {
        walk.plans = walk.plans.saturating_add(1);
    }
    ControlFlow::Continue(())
}

fn is_off(option: &UtilityOption) -> bool {
    let text = option.arg.as_ref().map(ToString::to_string).unwrap_or_default().to_ascii_lowercase();
    matches!(text.trim_matches('\''), "false" | "off" | "0")
}

fn judge_insert(walk: &mut Walk, insert: &Insert) -> Flow {
    let odd = insert.overwrite
        || insert.partitioned.is_some()
        || insert.output.is_some()
        || insert.settings.is_some()
        || insert.format_clause.is_some()
        || insert.multi_table_insert_type.is_some()
        || !insert.multi_table_into_clauses.is_empty()
        || !insert.optimizer_hints.is_empty();
    if odd {
        return stop("a clause of INSERT");
    }
    let TableObject::TableName(name) = &insert.table else { return stop("a target of INSERT") };
    walk.table(name)?;
    walk.list_last(name);
    walk.kind(if insert.replace_into { "replace" } else { "insert" });
    walk.raise(SqlEffect::Write);
    ControlFlow::Continue(())
}

fn judge_update(walk: &mut Walk, update: &Update) -> Flow {
    if update.output.is_some() || !update.optimizer_hints.is_empty() {
        return stop("a clause of UPDATE");
    }
    if let Some(UpdateTableFromKind::BeforeSet(_)) = update.from {
        return stop("a clause of UPDATE");
    }
    targets(walk, std::slice::from_ref(&update.table))?;
    walk.kind("update");
    walk.unbounded(always_true(update.selection.as_ref()));
    walk.raise(SqlEffect::Write);
    ControlFlow::Continue(())
}

fn judge_delete(walk: &mut Walk, delete: &Delete) -> Flow {
    if delete.output.is_some() || !delete.optimizer_hints.is_empty() {
        return stop("a clause of DELETE");
    }
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    targets(walk, from)?;
    walk.kind("delete");
    walk.unbounded(always_true(delete.selection.as_ref()));
    walk.raise(SqlEffect::Write);
    ControlFlow::Continue(())
}

fn judge_merge(walk: &mut Walk, merge: &Merge) -> Flow {
    if merge.output.is_some() || !merge.optimizer_hints.is_empty() {
        return stop("a clause of MERGE");
    }
    if let TableFactor::Table { name, .. } = &merge.table {
        walk.table(name)?;
    }
    walk.kind("merge");
    walk.unbounded(always_true(Some(&merge.on)));
    walk.raise(SqlEffect::Write);
    ControlFlow::Continue(())
}

fn judge_truncate(walk: &mut Walk, truncate: &Truncate) -> Flow {
    for table in &truncate.table_names {
        walk.table(&table.name)?;
    }
    walk.kind("truncate");
    walk.unbounded(true);
    walk.raise(if walk.dialect == Dialect::MySql { SqlEffect::Ddl } else { SqlEffect::Write });
    ControlFlow::Continue(())
}

/// A table that is written is never a common table, whatever its name.
fn targets(walk: &mut Walk, from: &[TableWithJoins]) -> Flow {
    for table in from {
        if let TableFactor::Table { name, .. } = &table.relation {
            walk.table(name)?;
        }
    }
    ControlFlow::Continue(())
}

fn judge_copy(walk: &mut Walk, statement: &Statement) -> Flow {
    let Statement::Copy { source, to, target, .. } = statement else { return stop("COPY") };
    if let CopySource::Table { table_name, .. } = source {
        walk.table(table_name)?;
        walk.list_last(table_name);
    }
    walk.kind("copy");
    match (target, to) {
        (CopyTarget::Stdout, true) => {}
        (CopyTarget::Stdin, false) => walk.raise(SqlEffect::Write),
        (_, true) => walk.into(SqlEffect::Admin),
        (_, false) => walk.raise(SqlEffect::Admin),
    }
    ControlFlow::Continue(())
}

fn judge_set(walk: &mut Walk, set: &Set) -> Flow {
    let effect = match set {
        Set::SetRole { .. } | Set::SetSessionAuthorization(_) => SqlEffect::Privilege,
        Set::SetTimeZone { .. } | Set::SetNames { .. } | Set::SetNamesDefault {} => SqlEffect::Session,
        Set::SetTransaction { .. } => SqlEffect::Session,
        Set::SingleAssignment { scope, hivevar: false, variable, .. } => {
            setting(scope.as_ref(), &variable.to_string())
        }
        Set::MultipleAssignments { assignments } => assignments
            .iter()
            .map(|one| setting(one.scope.as_ref(), &one.name.to_string()))
            .max()
            .unwrap_or(SqlEffect::Session),
        _ => return stop("a form of SET"),
    };
    walk.kind("set");
    walk.raise(effect);
    ControlFlow::Continue(())
}

fn setting(scope: Option<&ContextModifier>, name: &str) -> SqlEffect {
    let name = name.to_ascii_lowercase();
    let global =
        ["@@global", "@@persist", "global.", "persist"].iter().any(|prefix| name.starts_with(prefix));
    if global || matches!(scope, Some(ContextModifier::Global)) {
        SqlEffect::Admin
    } else if is_identity(&name) {
        SqlEffect::Privilege
    } else {
        SqlEffect::Session
    }
}

/// Settings that change who the session is.
fn is_identity(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.trim_matches('"'), "role" | "session_authorization" | "password")
}

fn judge_show(walk: &mut Walk, statement: &Statement) -> Flow {
    let Statement::ShowVariable { variable } = statement else { return stop("SHOW") };
    let words: Vec<_> = variable.iter().map(|word| word.value.to_ascii_lowercase()).collect();
    let known = words.first().is_some_and(|first| {
        [
            "binary", "count", "engine", "engines", "errors", "events", "full", "grants", "index", "indexes",
            "keys", "master",
        ]
        .contains(&first.as_str())
            || [
                "open",
                "plugins",
                "privileges",
                "procedure",
                "profile",
                "profiles",
                "slave",
                "storage",
                "table",
                "triggers",
            ]
            .contains(&first.as_str())
            || first == "warnings"
    });
    if !known {
        return stop("this form of SHOW");
    }
    walk.kind("show");
    ControlFlow::Continue(())
}

fn changes_rights(operation: &AlterTableOperation) -> bool {
    matches!(
        operation,
        AlterTableOperation::OwnerTo { .. }
            | AlterTableOperation::EnableRowLevelSecurity
            | AlterTableOperation::DisableRowLevelSecurity
            | AlterTableOperation::ForceRowLevelSecurity
            | AlterTableOperation::NoForceRowLevelSecurity
    )
}
