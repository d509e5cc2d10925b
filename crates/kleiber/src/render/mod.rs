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

pub use self::csv::csv;
pub use self::png::png;
pub use error::RenderError;
pub use figure::{Axis, Figure, Layer};
pub use html::html;
pub use markdown::markdown;
pub use report::{Block, Report, Section, TableBlock};
pub use svg::svg;
pub use terminal_plot::terminal_plot;
pub use terminal_table::terminal_table;
pub use write::write_report;
