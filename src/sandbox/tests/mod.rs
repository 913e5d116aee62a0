//! The sandbox over HTTP, as a client sees it.

mod contacts;
mod fixture;
mod refusals;
mod searches;
mod workspace;
