//! Just-in-time approval of production actions.

#[cfg(feature = "verify")]
mod grant;
mod hex;
#[cfg(feature = "verify")]
mod json;
#[cfg(feature = "verify")]
mod keys;
pub mod limits;
mod payload;
mod request;
mod risk;
mod span_of_time;
mod text;
mod value;

#[cfg(feature = "verify")]
pub use grant::{
    Algorithm, Attempt, ClaimError, GrantVerifier, LogReference, Part, Permit, Redemption, TokenError,
    VerifiedGrant, VerifyError,
};
#[cfg(any(feature = "engine", all(feature = "verify", test)))]
pub use grant::{Authorization, Grant, SignatureMismatch, UnsignedGrant};
#[cfg(feature = "verify")]
pub use json::JsonError;
#[cfg(feature = "verify")]
pub use keys::{KeyError, KeySet, PublicKey, SecretText, SigningKey};
pub use payload::{Dialect, Payload, PayloadError};
pub use request::{Action, Auth, Request, RequestError, Resource, Subject, Usage};
pub use risk::Risk;
pub use value::{Attributes, Value};
