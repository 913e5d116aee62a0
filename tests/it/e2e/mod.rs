//! The server through real sockets.

mod callbacks;
mod completion;
mod deadlines;
mod drift;
mod jobs;
mod polling;
mod purge;
mod pushback;
mod reasons;
mod receiver;
mod regressions;
mod remembered;
mod restart;
mod retention;
mod standard;
mod store_faults;
mod totals;
mod unknown_outcome;
mod unmatched;
mod unread;
mod upstream;
mod validation;
