//! Just-in-time approval of production actions.
mod hex;
#[cfg(feature = "verify")]
mod json;
pub mod limits;
mod payload;
mod risk;
mod value;
#[cfg(feature = "verify")]
pub use json::JsonError;
pub use payload::{Dialect, Payload, PayloadError};
pub use risk::Risk;
pub use value::{Attributes, Value};
