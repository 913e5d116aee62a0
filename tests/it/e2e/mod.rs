//! The server through real sockets.

mod callbacks;
mod completion;
mod jobs;
mod polling;
mod receiver;
mod regressions;
mod restart;
mod standard;
mod store_faults;
mod totals;
mod unknown_outcome;
mod upstream;
mod validation;
