//! Every kernel against a plain computation of the same formula, and every way back against differences, in f64 and
//! over shapes that fit no vector register.
#![allow(missing_docs)]

mod attention;
mod common;
mod float_format;
mod layers;
