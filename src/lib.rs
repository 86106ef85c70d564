//! Just-in-time approval of production actions.

mod hex;
pub mod inspect;
pub mod limits;
mod payload;
mod risk;
mod value;

pub use payload::{Dialect, Payload, PayloadError};
pub use risk::Risk;
pub use value::{Attributes, Value};
