//! The sandbox over HTTP, as a client sees it.

mod bill;
mod contacts;
mod control;
mod faults;
mod faulty_answers;
mod faulty_work;
mod fixture;
mod refusals;
mod restarts;
mod searches;
mod workspace;
