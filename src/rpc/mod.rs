//! The gRPC side: one file for each service, and what they share.
//!
//! A handler validates, calls and returns; [`Facade`] does each of these for all.
//!
//! * [`observe`]: sees each RPC to its real end; [`request_id`]: its id.
//! * [`messages`]: counts those of a stream.
//! * [`auth`]: whose call it is.
//! * [`call_info`]: what the log learns about a call.
//! * [`status`]: what errors look like to clients; the only place that makes them.
//! * [`explain`]: reasons for what tonic refuses.
//! * `request_body`: what comes of a request, in time.
//! * [`time_limit`]: ends calls at their deadline.
//! * [`pushback`]: when gRPC's own retries may try again, within that.
//! * [`outcome`]: whether an enrichment found anything.
//! * [`peer`]: who is at the other end of a connection.
//! * [`page`]: page sizes and tokens.

pub mod accounts;
pub mod auth;
pub mod call_info;
pub mod contacts;
mod drift;
pub mod explain;
mod facade;
pub mod jobs;
pub mod leads;
pub mod lists;
pub mod locations;
pub mod messages;
pub mod observe;
pub mod outcome;
pub mod page;
pub mod peer;
pub mod personas;
mod privacy;
pub mod pushback;
mod request_body;
pub mod request_id;
pub mod sandbox;
pub mod searches;
pub mod signals;
pub mod status;
pub mod time_limit;
pub mod usage;
pub mod workspace;

pub use facade::{EventStream, Facade};
