//! Just-in-time approval of production actions.

#[cfg(feature = "engine")]
mod cel;
#[cfg(feature = "engine")]
mod decision;
mod hex;
pub mod inspect;
pub mod limits;
mod payload;
#[cfg(feature = "engine")]
mod policy;
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
#[cfg(feature = "engine")]
pub use decision::{Decision, Effect, Need, NeedKind, NextAction, Reason, ReasonCode};
pub use payload::{Dialect, Payload, PayloadError};
#[cfg(feature = "engine")]
pub use policy::{Policy, PolicyError, PolicyFault};
pub use request::{Action, Auth, Request, RequestError, Resource, Subject, Usage};
pub use risk::Risk;
pub use value::{Attributes, Value};
