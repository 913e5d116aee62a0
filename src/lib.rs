//! A gRPC facade for the Pronto (Pipecorn) REST API.
//!
//! ```text
//! client ──RPC──▶ rpc ──▶ pronto ──REST──▶ Pronto
//!    ▲                                       │ later
//!    │ stream                                ▼
//!    └───────── jobs (log) ◀──────────── callback
//! ```
//!
//! * [`proto`]: generated from `proto/`, which is where everything about Pronto stands.
//! * [`pronto`]: one REST call.
//! * [`jobs`]: what Pronto answers later, as a log and as streams.
//! * [`purchases`]: what Pronto answers at once and may charge.
//! * [`ledger`]: what that costs, and what makes it safe to repeat.
//! * [`callback`]: the receiver of Pronto's callbacks.
//! * [`rpc`]: the gRPC services.
//! * [`server`]: listeners, services, and an end. [`health`]: whether it serves.
//! * [`deadline`]: when nobody waits any more. [`jitter`]: times that differ a little.
//! * [`trace`]: which trace something belongs to.
//! * [`admin`]: the listener for operators. [`metrics`]: what is counted.
//! * [`linkedin`]: pages, however their URLs are spelled.
//! * [`access`]: who may call, and with which key. [`tls`]: certificates of the gRPC
//!   listeners. [`reload`]: both are read again when their files change.
//! * [`config`], [`cli`], [`telemetry`], `open_files`, `signals`: how the process is run.
//! * [`sandbox`]: a Pronto that runs here.
//! * [`demo`]: all of it in one process.
#![forbid(unsafe_code)]

pub mod access;
pub mod admin;
pub mod callback;
pub mod cli;
pub mod config;
pub mod deadline;
pub mod demo;
pub mod health;
pub mod jitter;
pub mod jobs;
pub mod ledger;
pub mod linkedin;
pub mod metrics;
mod open_files;
pub mod pronto;
pub mod proto;
pub mod purchases;
pub mod reload;
pub mod rpc;
pub mod sandbox;
pub mod server;
mod signals;
pub mod telemetry;
pub mod tls;
pub mod trace;
