//! The contract of the command line, end to end: JSON documents field by field, refusals, options, inputs and
//! outputs.
#![allow(missing_docs)]

#[path = "../common/mod.rs"]
mod common;

mod assertions;
mod compress;
mod documents;
mod eval;
mod files;
mod generate;
mod inputs;
mod laws;
mod options;
mod shell;
mod size;
mod study;
