//! The REST side: one call to Pronto, from request to answer.
//!
//! * [`client`]: a call, from its request to its answer.
//! * [`sharing`]: identical calls share an answer.
//! * [`limits`]: how many requests are sent, and whose turn it is.
//! * [`retry`]: which requests are sent again, and when.
//! * [`exchange`]: one request over the wire, and the form of its answer.
//!   [`noted_body`]: whether any of it was sent.
//! * [`caller`]: for whom a call is made, and [`audience`]: those who wait for it.
//! * [`credential`]: API keys and whom they belong to.
//! * [`drift`]: where Pronto's API differs from what is known.
//! * [`failure`]: what a call can end with instead of an answer.
//! * [`classify`]: what Pronto's error bodies mean; the only place where its
//!   texts steer anything.

pub mod audience;
pub mod caller;
pub mod classify;
pub mod client;
pub mod credential;
pub mod drift;
pub mod exchange;
pub mod failure;
pub mod limits;
pub mod noted_body;
pub mod retry;
pub mod sharing;

pub use audience::{Audience, Listener};
pub use caller::Caller;
pub use client::{BaseUrls, Client, ClientOptions};
pub use credential::{Credential, Keyring};
pub use drift::DriftLog;
pub use failure::Failure;
