//! What Pronto answers later.
//!
//! A job is an operation whose results come later. Its log is the only truth: raw
//! bodies are appended as they arrive (`deliveries`), turned into numbered events,
//! and streams are cursors over these.
//!
//! * [`model`]: jobs, deliveries and events as they are stored.
//! * [`store`]: where they are stored.
//! * [`start`]: from a request to a job.
//! * [`deadlines`]: how long jobs may take.
//! * [`decode`]: from a raw body to results.
//! * [`identity`]: when two results are the same.
//! * [`correlation`]: which item of a batch a result belongs to.
//! * [`runner`]: one task for each running job; it numbers and ends.
//! * [`reconcile`]: asks Pronto for what did not arrive.
//! * [`locate`]: finds the search of a job whose start was not answered.
//! * [`pace`]: when to ask.
//! * [`reuse`]: what earlier purchases answer.
//! * [`keeper`]: purges what is old, and makes room.
//! * [`unmatched`]: callbacks without a job.
//! * [`person`]: whom data is about, and [`purge`]: how it is erased.
//! * [`stream`]: the events of a job, as a client sees them.

pub mod correlation;
pub mod deadlines;
pub mod decode;
pub mod identity;
pub mod keeper;
pub mod locate;
pub mod model;
mod outcome;
pub mod pace;
pub mod person;
pub mod purge;
pub mod reconcile;
mod record;
mod repeat;
pub mod reuse;
pub mod runner;
mod secret;
pub mod service;
pub mod start;
pub mod store;
pub mod stream;
pub mod unmatched;
mod wake;

pub use deadlines::Deadlines;
pub use secret::CallbackSecret;
pub use service::{JobOptions, Jobs};
