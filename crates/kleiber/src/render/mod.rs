//! Charts and reports: one data model, written as HTML, Markdown, SVG, PNG, CSV or plain text.
//!
//! A [`Figure`] knows nothing of how it is drawn; every writer leaves out the values that have
//! no place on its axes and says how many, and the CSV always holds all of them.

mod csv;
mod error;
mod escape;
mod extent;
mod figure;
mod html;
mod markdown;
mod number;
mod palette;
mod plotly;
mod plotly_layout;
mod plotly_traces;
mod png;
mod prepare;
mod report;
#[cfg(test)]
mod sample;
mod scale;
mod scene;
mod svg;
mod terminal_plot;
mod terminal_series;
mod terminal_table;
mod write;

pub(crate) use error::RenderError;
pub(crate) use figure::{Axis, Figure, Layer};
pub(crate) use report::{Block, Report, Section, TableBlock};
pub(crate) use terminal_plot::terminal_plot;
pub(crate) use terminal_table::terminal_table;
pub(crate) use write::{check_target, write_report};
