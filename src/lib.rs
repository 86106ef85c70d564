//! Just-in-time approval of production actions.

mod hex;
pub mod limits;
mod payload;
mod request;
mod risk;
mod span_of_time;
mod text;
mod value;

pub use payload::{Dialect, Payload, PayloadError};
pub use request::{Action, Auth, Request, RequestError, Resource, Subject, Usage};
pub use risk::Risk;
pub use value::{Attributes, Value};
