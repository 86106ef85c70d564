//! Just-in-time approval of production actions.

#[cfg(feature = "engine")]
mod cel;
mod hex;
pub mod limits;
mod payload;
mod request;
mod risk;
mod span_of_time;
mod text;
mod value;

#[cfg(feature = "engine")]
pub use cel::{
    Access, Datum, Declaration, Diagnostic, Environment, Failure, Fault, Given, Input, Mismatch, Program, Rule,
    Severity, Slot, Type, TypeError,
};
pub use payload::{Dialect, Payload, PayloadError};
pub use request::{Action, Auth, Request, RequestError, Resource, Subject, Usage};
pub use risk::Risk;
pub use value::{Attributes, Value};
