//! A gRPC facade for the Pronto (Pipecorn) REST API.
//!
//! ```text
//! client ──RPC──▶ rpc ──▶ pronto ──REST──▶ Pronto
//!    ▲                                       │ later
//!    │ stream                                ▼
//!    └───────── jobs (log) ◀──────────── callback
//! ```
//!
#![forbid(unsafe_code)]

pub mod callback;
pub mod jobs;
pub mod pronto;
pub mod proto;
pub mod rpc;
pub mod sandbox;
