//! The data model of a report: paragraphs, tables and figures in sections.

use std::collections::HashSet;

use super::figure::Figure;

/// A report that every writer of this module can render.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    /// Heading of the whole report, plain text.
    pub title: String,
    /// Opening paragraphs, plain text.
    pub summary: Vec<String>,
    /// The body.
    pub sections: Vec<Section>,
}

/// A titled part of a [`Report`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Section {
    /// Heading, plain text.
    pub title: String,
    /// Contents in reading order.
    pub blocks: Vec<Block>,
}

/// One piece of a [`Section`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Block {
    /// A paragraph, plain text.
    Text(String),
    /// Text to be shown as it is, such as a command line.
    Code(String),
    /// A table.
    Table(TableBlock),
    /// A chart.
    Figure(Figure),
}

/// A table of text cells. Short rows are filled with empty cells, long ones are cut.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableBlock {
    /// One heading per column.
    pub headers: Vec<String>,
    /// Cells, row by row.
    pub rows: Vec<Vec<String>>,
    /// Which columns hold numbers and are aligned to the right; missing entries mean text.
    pub numeric: Vec<bool>,
}

impl TableBlock {
    /// Whether column `column` (from zero) holds numbers.
    #[must_use]
    pub(crate) fn is_numeric(&self, column: usize) -> bool {
        self.numeric.get(column).copied().unwrap_or(false)
    }

    /// The text at `row` and `column` (both from zero), empty outside the data.
    #[must_use]
    pub(crate) fn cell(&self, row: usize, column: usize) -> &str {
        self.rows.get(row).and_then(|cells| cells.get(column)).map_or("", String::as_str)
    }
}

impl Report {
    /// The figures in reading order, each with a file name part that is safe and unique within
    /// the report.
    #[must_use]
    pub(crate) fn figures(&self) -> Vec<(String, &Figure)> {
        let figures = self.sections.iter().flat_map(|section| &section.blocks);
        let figures = figures.filter_map(|block| match block {
            Block::Figure(figure) => Some(figure),
            _ => None,
        });
        let mut taken = HashSet::new();
        figures.map(|figure| (unique(&safe_stem(&figure.id), &mut taken), figure)).collect()
    }
}

/// `id` with everything but `[A-Za-z0-9._-]` replaced by `-`, without leading dots or dashes,
/// at most 80 characters, never empty.
#[must_use]
pub(super) fn safe_stem(id: &str) -> String {
    let keep = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let stem: String = id.chars().map(|c| if keep(c) { c } else { '-' }).collect();
    let stem: String = stem.trim_matches(['.', '-']).chars().take(80).collect();
    if stem.is_empty() { "figure".into() } else { stem }
}

/// Names are compared without case because some file systems do.
fn unique(stem: &str, taken: &mut HashSet<String>) -> String {
    let mut name = stem.to_owned();
    let mut count = 2;
    while !taken.insert(name.to_ascii_lowercase()) {
        name = format!("{stem}-{count}");
        count += 1;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn stems_cannot_leave_the_folder() {
        assert_eq!(safe_stem("../../etc/passwd"), "etc-passwd");
        assert_eq!(safe_stem("loss vs. C"), "loss-vs.-C");
        assert_eq!(safe_stem(""), "figure");
        assert_eq!(safe_stem("…"), "figure");
    }

    #[test]
    fn repeated_ids_are_numbered() {
        let blocks = ["a", "A", "a"].map(|id| {
            let mut figure = sample::empty();
            figure.id = id.into();
            Block::Figure(figure)
        });
        let section = Section { title: "s".into(), blocks: blocks.into() };
        let report = Report { title: "t".into(), summary: vec![], sections: vec![section] };
        let stems: Vec<String> = report.figures().into_iter().map(|(stem, _)| stem).collect();
        assert_eq!(stems, ["a", "A-2", "a-3"]);
    }

    #[test]
    fn missing_cells_are_empty() {
        let table =
            TableBlock { headers: vec!["a".into(), "b".into()], rows: vec![vec!["1".into()]], numeric: vec![true] };
        assert_eq!(table.cell(0, 0), "1");
        assert_eq!(table.cell(0, 1), "");
        assert!(table.is_numeric(0) && !table.is_numeric(1));
    }
}
