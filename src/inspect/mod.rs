//! What an action really does.
//!
//! A risk rule should look at what will run, not at what it is called. An inspector reads a payload and
//! states facts about it; a payload that it cannot explain in full is *not understood*, and then every
//! other fact is unknown. Nothing here decides: the policy does, with these facts.

pub mod command;
pub mod debug;
mod facts;
pub mod flag;
pub mod http;
mod json;
mod obstacle;
pub mod sql;

pub use facts::Facts;
pub use obstacle::Obstacle;
