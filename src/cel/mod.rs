//! The condition language.
//!
//! Compiles conditions in CEL (the Common Expression Language) against declared attributes and evaluates them
//! over borrowed values. Whatever can be found wrong is found when a condition is compiled; every evaluation
//! ends within a budget; a condition that fails is neither true nor false. Reads no clock and no environment.

mod ast;
mod budget;
mod check;
mod cost;
mod datum;
mod demand;
mod diagnostic;
mod environment;
mod eval;
mod explain;
mod failure;
mod fold;
mod functions;
mod input;
mod lex;
mod limits;
mod literal;
mod macros;
mod map;
mod names;
mod network;
mod node;
mod numbers;
mod operate;
mod parse;
mod program;
mod shape;
mod show;
mod time;
mod types;
mod val;

pub use datum::Datum;
pub use demand::Demand;
pub use diagnostic::{Diagnostic, Severity};
pub use environment::{Access, Declaration, Environment, Rule, Slot};
pub(crate) use explain::Why;
pub use failure::{Failure, Fault};
pub(crate) use input::Seen;
pub use input::{Given, Input, Mismatch};
pub use limits::Limits;
pub(crate) use names::is_word;
pub use program::{Part, Program};
pub(crate) use shape::{Place, Shape, Test, What};
pub(crate) use time::{is_zone, local_time};
pub use types::{Type, TypeError};
