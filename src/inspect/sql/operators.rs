//! Operators.
//!
//! Each dialect has a closed list. PostgreSQL lets users define operators, which call functions that the
//! text does not show; an operator that is not built in is refused, and so is one whose spelling is.

use super::facts::Obstacle;
use super::lex::Lexer;
use super::tokens::Kind;
use crate::Dialect;

/// Reads the operator at the cursor.
pub(super) fn operator(lexer: &mut Lexer<'_>) -> Result<(), Obstacle> {
    let spelling = match lexer.dialect {
        Dialect::PostgreSql => postgresql_run(lexer.cursor.rest()),
        dialect => longest(dialect, lexer.cursor.rest()),
    };
    if !is_known(lexer.dialect, spelling) {
        let first = lexer.cursor.char().map(String::from);
        return Err(Obstacle::Name(if spelling.is_empty() {
            first.unwrap_or_default()
        } else {
            spelling.to_owned()
        }));
    }
    let length = spelling.len();
    lexer.push(Kind::Operator, length);
    Ok(())
}

/// Bytes of a run of operator characters: PostgreSQL's names are no longer.
const RUN: usize = 63;

/// The operator by PostgreSQL's rule ("Lexical Structure", "Operators"): the longest run of operator
/// characters before a comment, less a final `+` or `-` unless one of `~!@#%^&|?` and the back-tick is in it.
fn postgresql_run(text: &str) -> &str {
    let length = text.bytes().take(RUN + 1).take_while(|byte| b"~!@#^&|`?+-*/%<>=".contains(byte)).count();
    if length > RUN {
        return "";
    }
    let mut run = text.get(..length).unwrap_or_default();
    for comment in ["--", "/*"] {
        run = run.split_once(comment).map_or(run, |(before, _)| before);
    }
    if !run.contains(['~', '!', '@', '#', '%', '^', '&', '|', '`', '?']) {
        while let (2.., Some(shorter)) = (run.len(), run.strip_suffix(['+', '-'])) {
            run = shorter;
        }
    }
    run
}

fn longest(dialect: Dialect, text: &str) -> &str {
    let mut lengths = (1..=3).rev().filter_map(|length| text.get(..length));
    lengths.find(|spelling| is_known(dialect, spelling)).unwrap_or_default()
}

fn is_known(dialect: Dialect, spelling: &str) -> bool {
    let own: &[&str] = match dialect {
        Dialect::PostgreSql => POSTGRESQL,
        Dialect::MySql => &["!", "&&", "<=>", "^"],
        Dialect::Sqlite => &["=="],
        Dialect::Generic => &[],
    };
    COMMON.contains(&spelling) || own.contains(&spelling)
}

const COMMON: &[&str] = &[
    "%", "&", "*", "+", "-", "->", "->>", "/", "<", "<<", "<=", "<>", "!=", "=", ">", ">=", ">>", "|", "||",
    "~",
];

/// The operators of `pg_operator`, and `=>` before a named argument.
const POSTGRESQL: &[&str] = &[
    "!!", "!~", "!~*", "!~~", "!~~*", "#", "##", "#-", "#>", "#>>", "&&", "&<", "&<|", "&>", "*<", "*<=",
    "*<>", "*=", "*>", "*>=", "-|-", "<->", "<<=", "<<|", "<@", "<^", "=>", ">>=", ">^", "?", "?#", "?&",
    "?-", "?-|", "?|", "?||", "@", "@-@", "@>", "@?", "@@", "@@@", "^", "^@", "|&>", "|/", "|>>", "||/",
    "~*", "~<=~", "~<~", "~=", "~>=~", "~>~", "~~", "~~*",
];
