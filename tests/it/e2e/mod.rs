//! The server through real sockets.

mod callbacks;
mod completion;
mod jobs;
mod purge;
mod regressions;
mod retention;
mod standard;
mod unmatched;
mod upstream;
mod validation;
