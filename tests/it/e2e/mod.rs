//! The server through real sockets.

mod callbacks;
mod completion;
mod jobs;
mod regressions;
mod standard;
mod upstream;
mod validation;
