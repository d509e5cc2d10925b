//! How sure a fit is: bootstrap, intervals, profile likelihood and influence of single rows.

pub(crate) mod bootstrap;
pub(crate) mod estimates;
pub(crate) mod influence;
pub(crate) mod interval;
pub(crate) mod profile;

pub use interval::IntervalKind;
