//! The REST side: one call to Pronto, from request to answer.
//!
//! * [`client`]: sends a request and reads the answer. Limits and retries belong
//!   between its two steps, `prepare` and `execute`.
//! * [`caller`]: for whom a call is made.
//! * [`courtesy`]: polling gives way to callers.
//! * [`credential`]: API keys and whom they belong to.
//! * [`failure`]: what a call can end with instead of an answer.
//! * [`classify`]: what Pronto's error bodies mean; the only place where its
//!   texts steer anything.

pub mod caller;
pub mod classify;
pub mod client;
pub mod courtesy;
pub mod credential;
pub mod failure;

pub use caller::Caller;
pub use client::{BaseUrls, Client, ClientOptions};
pub use credential::{Credential, Keyring};
pub use failure::Failure;
