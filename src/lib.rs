//! Just-in-time approval of production actions.

mod risk;
mod value;

pub use risk::Risk;
pub use value::{Attributes, Value};
