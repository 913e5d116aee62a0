//! All tests that look at the library from outside, in one binary: each module
//! is one concern.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

mod access;
mod admin;
mod calls;
mod catalogue;
mod check;
mod cli;
mod configuration;
mod contract;
mod e2e;
#[cfg(feature = "otlp")]
mod export;
mod harness;
mod metrics;
mod money;
mod odd_bodies;
mod operators;
mod recognition;
mod reference;
mod roundtrip;
mod sandbox;
mod store;
mod traces;
mod traps;
