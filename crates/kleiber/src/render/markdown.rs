//! A report as Markdown that any forge renders.

use super::escape;
use super::prepare;
use super::report::{Block, Report, TableBlock, safe_stem};

/// The report as Markdown. Figures are shown as `STEM-ID.svg` and link to `STEM-ID.csv`, both
/// beside the document; text from users shows every character as it is.
#[must_use]
pub(super) fn markdown(report: &Report, stem: &str) -> String {
    let figures = report.figures();
    let mut names = figures.iter().map(|(name, _)| name);
    let mut out = format!("# {}\n", escape::markdown(&report.title));
    report.summary.iter().for_each(|content| paragraphs(content, &mut out));
    for section in &report.sections {
        out.push_str(&format!("\n## {}\n", escape::markdown(&section.title)));
        for block in &section.blocks {
            match block {
                Block::Text(content) => paragraphs(content, &mut out),
                Block::Code(content) => code(content, &mut out),
                Block::Table(content) => table(content, &mut out),
                Block::Figure(figure) => {
                    let name = names.next().cloned().unwrap_or_else(|| safe_stem(&figure.id));
                    let base = escape::percent(format!("{stem}-{name}").as_bytes());
                    let title = escape::markdown(&figure.title);
                    let notes = [Some(figure.caption.clone()), prepare::note(figure)];
                    let notes: Vec<String> = notes.iter().flatten().map(|note| escape::markdown(note)).collect();
                    out.push_str(&format!(
                        "\n![{title}]({base}.svg)\n\n{} [Data (CSV)]({base}.csv)\n",
                        notes.join(" "),
                    ));
                }
            }
        }
    }
    out
}

/// Blank lines separate paragraphs.
fn paragraphs(content: &str, out: &mut String) {
    for part in content.split("\n\n").filter(|part| !part.trim().is_empty()) {
        out.push_str(&format!("\n{}\n", escape::markdown(part)));
    }
}

fn code(content: &str, out: &mut String) {
    let longest = content.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    out.push_str(&format!("\n{fence}\n{}\n{fence}\n", content.trim_end()));
}

fn table(table: &TableBlock, out: &mut String) {
    let columns = table.headers.len();
    if columns == 0 {
        return;
    }
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    out.push('\n');
    out.push_str(&row(table.headers.iter().map(|text| escape::markdown(text)).collect()));
    let rule = |column| if table.is_numeric(column) { "---:" } else { "---" }.to_owned();
    out.push_str(&row((0..columns).map(rule).collect()));
    for index in 0..table.rows.len() {
        let cells = (0..columns).map(|column| escape::markdown(table.cell(index, column)));
        out.push_str(&row(cells.collect()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_whole_report() {
        let expected = "\
# Fit &amp; forecast

One \\*short\\* summary.

## Result

A &lt;b>plain&lt;/b> paragraph.

```
kleiber fit runs.csv
```

| parameter | a\\|b |
| --- | ---: |
| &lt;E> | 1.69 |
| x\\|y |  |

![Loss against compute](my%20fit-empty.svg)

Nothing yet. [Data (CSV)](my%20fit-empty.csv)
";
        assert_eq!(markdown(&sample::report(sample::empty()), "my fit"), expected);
    }

    #[test]
    fn code_with_fences_stays_inside_its_fence() {
        let mut out = String::new();
        code("```\n# x\n```", &mut out);
        assert_eq!(out, "\n````\n```\n# x\n```\n````\n");
    }

    #[test]
    fn hostile_text_stays_text() {
        let text = markdown(&sample::report(sample::hostile()), "fit");
        assert!(!text.contains("<img") && !text.contains("</script"));
        assert!(text.contains("](fit-x.svg)"));
    }
}
