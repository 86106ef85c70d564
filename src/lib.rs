//! Just-in-time approval of production actions.

#[cfg(feature = "engine")]
mod cel;
pub mod limits;
mod risk;
mod value;

#[cfg(feature = "engine")]
pub use cel::{
    Access, Datum, Declaration, Demand, Diagnostic, Environment, Failure, Fault, Given, Input, Mismatch,
    Part, Program, Rule, Severity, Slot, Type, TypeError,
};
pub use risk::Risk;
pub use value::{Attributes, Value};
