//! A table for the terminal, in plain ASCII lines.

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width};

use super::escape;
use super::report::TableBlock;

/// The table as text with a ruled header, numbers to the right, columns two apart.
///
/// `width` is the room in columns: longer text is wrapped to fit, numbers are never broken.
/// Without it nothing is wrapped.
#[must_use]
pub(crate) fn terminal_table(table: &TableBlock, width: Option<u16>) -> String {
    let columns = table.headers.len();
    if columns == 0 {
        return String::new();
    }
    let mut out = Table::new();
    let rule = LineStyle::none().fill('-').junction(' ');
    out.load_style(TableStyle::new().header_separator(rule));
    if let Some(width) = width {
        out.set_content_arrangement(ContentArrangement::Dynamic).set_width(width.max(20));
    }
    let cell = |column: usize, text: &str| {
        let side = if table.is_numeric(column) { CellAlignment::Right } else { CellAlignment::Left };
        Cell::new(escape::line(text)).set_alignment(side)
    };
    let headers = table.headers.iter().enumerate();
    out.set_header(headers.map(|(column, text)| cell(column, text)).collect::<Vec<_>>());
    for row in 0..table.rows.len() {
        let cells = (0..columns).map(|column| cell(column, table.cell(row, column)));
        out.add_row(cells.collect::<Vec<_>>());
    }
    let widest = out.column_max_content_widths();
    for (index, column) in out.column_iter_mut().enumerate() {
        column.set_padding((0, u16::from(index + 1 < columns)));
        if table.is_numeric(index) && width.is_some() {
            let padding = column.padding_width();
            let least = widest.get(index).copied().unwrap_or(0) + padding;
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
        }
    }
    let lines: Vec<String> = out.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> TableBlock {
        TableBlock {
            headers: vec!["parameter".into(), "estimate".into(), "note".into()],
            rows: vec![
                vec!["E".into(), "1.69".into(), "irreducible".into()],
                vec!["alpha".into(), "0.339".into(), "a\u{1b}[31m".into()],
            ],
            numeric: vec![false, true],
        }
    }

    #[test]
    fn numbers_line_up_on_the_right() {
        let expected = "\
parameter  estimate  note
---------- --------- -----------
E              1.69  irreducible
alpha         0.339  a[31m
";
        assert_eq!(terminal_table(&table(), None), expected);
    }

    #[test]
    fn text_wraps_to_the_width() {
        let mut table = table();
        table.rows[0][2] = "the loss that no amount of compute removes".into();
        let text = terminal_table(&table, Some(40));
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert!(text.lines().count() > 4 && text.contains("0.339"));
    }

    #[test]
    fn an_empty_table_is_its_header() {
        let mut table = table();
        table.rows.clear();
        assert_eq!(terminal_table(&table, None).lines().count(), 2);
        table.headers.clear();
        assert_eq!(terminal_table(&table, None), "");
    }
}
