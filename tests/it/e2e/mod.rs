//! The server through real sockets.

mod callbacks;
mod completion;
mod jobs;
mod receiver;
mod regressions;
mod standard;
mod upstream;
mod validation;
