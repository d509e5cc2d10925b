//! A report as one HTML file that needs no network.

use super::csv::csv;
use super::escape::{self, html as text};
use super::figure::{Figure, Layer};
use super::palette::{self, Shape};
use super::plotly::{self, Chart};
use super::prepare;
use super::report::{Block, Report, TableBlock, safe_stem};
use super::svg::svg;

/// A policy under which the page cannot load or send anything.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      img-src data: blob:; base-uri 'none'; form-action 'none'";

/// The report as one self-contained HTML document.
///
/// Charts are interactive (plotly.js is inside the file), follow the reader's light or dark
/// setting, and fall back to a static picture without JavaScript. Each has a link that saves its
/// CSV. Without a figure the file has no script and is small.
#[must_use]
pub(super) fn html(report: &Report) -> String {
    let figures = report.figures();
    let mut page = head(report);
    page.push_str("<body>\n<main>\n");
    page.push_str(&format!("<h1>{}</h1>\n", text(&report.title)));
    if !report.summary.is_empty() {
        page.push_str("<div class=\"summary\">\n");
        report.summary.iter().for_each(|paragraph| page.push_str(&paragraphs(paragraph)));
        page.push_str("</div>\n");
    }
    if report.sections.len() > 2 {
        page.push_str(&contents(report));
    }
    let mut names = figures.iter().map(|(stem, _)| stem);
    let mut count = 0;
    for (index, section) in report.sections.iter().enumerate() {
        let title = text(&section.title);
        page.push_str(&format!("<section id=\"section-{index}\">\n<h2>{title}</h2>\n"));
        for block in &section.blocks {
            match block {
                Block::Text(content) => page.push_str(&paragraphs(content)),
                Block::Code(content) => {
                    page.push_str(&format!("<pre tabindex=\"0\"><code>{}</code></pre>\n", text(content)));
                }
                Block::Table(content) => page.push_str(&table(content, &section.title)),
                Block::Figure(content) => {
                    let stem = names.next().cloned().unwrap_or_else(|| safe_stem(&content.id));
                    page.push_str(&figure(content, &stem, count));
                    count += 1;
                }
            }
        }
        page.push_str("</section>\n");
    }
    page.push_str("</main>\n");
    if count > 0 {
        page.push_str(&scripts());
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn head(report: &Report) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<style>\n{}{}</style>\n</head>\n",
        text(&report.title),
        variables(),
        include_str!("page.css"),
    )
}

fn variables() -> String {
    let set = |pick: fn(palette::Pair) -> palette::Paint| {
        let roles = [
            ("ground", palette::GROUND),
            ("ink", palette::INK),
            ("muted", palette::MUTED),
            ("grid", palette::GRID),
            ("edge", palette::EDGE),
        ];
        let roles = roles.map(|(name, pair)| format!("--{name}:{};", pick(pair).hex())).concat();
        let series = palette::SERIES.iter().enumerate();
        roles + &series.map(|(i, pair)| format!("--c{i}:{};", pick(*pair).hex())).collect::<String>()
    };
    format!(
        ":root {{ color-scheme: light dark; --card:#F4F6F8; --link:#00609A; {} }}\n\
         @media (prefers-color-scheme: dark) {{ :root {{ --card:#1E232A; --link:#7CC2F2; {} }} }}\n",
        set(|pair| pair.light),
        set(|pair| pair.dark),
    )
}

fn contents(report: &Report) -> String {
    let mut out = String::from("<nav aria-label=\"Contents\"><ul>\n");
    for (index, section) in report.sections.iter().enumerate() {
        out.push_str(&format!("<li><a href=\"#section-{index}\">{}</a></li>\n", text(&section.title)));
    }
    out + "</ul></nav>\n"
}

/// Blank lines separate paragraphs.
fn paragraphs(content: &str) -> String {
    let parts = content.split("\n\n").filter(|part| !part.trim().is_empty());
    parts.map(|part| format!("<p>{}</p>\n", text(part.trim()))).collect()
}

fn table(table: &TableBlock, title: &str) -> String {
    let class = |column| if table.is_numeric(column) { " class=\"number\"" } else { "" };
    let label = text(title);
    let mut out = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table: {label}\">\n\
         <table>\n<thead><tr>"
    );
    for (column, header) in table.headers.iter().enumerate() {
        out.push_str(&format!("<th scope=\"col\"{}>{}</th>", class(column), text(header)));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in 0..table.rows.len() {
        out.push_str("<tr>");
        for column in 0..table.headers.len() {
            let content = text(table.cell(row, column));
            let head = column == 0 && !table.is_numeric(0);
            let (tag, scope) = if head { ("th", " scope=\"row\"") } else { ("td", "") };
            out.push_str(&format!("<{tag}{scope}{}>{content}</{tag}>", class(column)));
        }
        out.push_str("</tr>\n");
    }
    out + "</tbody>\n</table>\n</div>\n"
}

fn figure(figure: &Figure, stem: &str, number: usize) -> String {
    let chart = plotly::chart(figure);
    let title = text(&figure.title);
    let mut notes = text(&figure.caption);
    if let Some(note) = prepare::note(figure) {
        notes.push_str(&format!(" {}", text(&note)));
    }
    let fallback = svg(figure).map_or(String::new(), |picture| {
        let data = escape::percent(picture.as_bytes());
        format!("<noscript><img alt=\"{title}\" src=\"data:image/svg+xml,{data}\"></noscript>\n")
    });
    format!(
        "<figure>\n<h3 id=\"title-{number}\">{title}</h3>\n\
         <div class=\"plot\" data-source=\"figure-{number}\" data-name=\"{stem}\" role=\"img\" \
         aria-labelledby=\"title-{number}\" aria-describedby=\"caption-{number}\"></div>\n\
         {fallback}{}<figcaption id=\"caption-{number}\">{notes}</figcaption>\n\
         <div class=\"actions\"><a download=\"{stem}.csv\" href=\"data:text/csv;charset=utf-8,{}\">Data (CSV)</a>\
         <button type=\"button\" class=\"save\" hidden>Picture (PNG)</button>\
         <button type=\"button\" class=\"reset\" hidden>Reset view</button></div>\n\
         <script type=\"application/json\" id=\"figure-{number}\">{}</script>\n</figure>\n",
        legend(figure, &chart),
        escape::percent(csv(figure).as_bytes()),
        escape::script(&chart.json),
    )
}

/// Buttons that show and hide the layers.
fn legend(figure: &Figure, chart: &Chart) -> String {
    let mut entries = String::new();
    for (layer, trace) in figure.layers.iter().zip(&chart.traces) {
        let (Some(trace), false) = (trace, layer.name().trim().is_empty()) else { continue };
        entries.push_str(&format!(
            "<li><button type=\"button\" aria-pressed=\"true\" data-trace=\"{trace}\">{}{}</button></li>\n",
            swatch(layer),
            text(layer.name()),
        ));
    }
    if entries.is_empty() { entries } else { format!("<ul class=\"legend\">\n{entries}</ul>\n") }
}

fn swatch(layer: &Layer) -> String {
    let (Layer::Points { color, .. }
    | Layer::Line { color, .. }
    | Layer::Band { color, .. }
    | Layer::Mark { color, .. }) = layer
    else {
        return String::new();
    };
    let shape = match layer {
        Layer::Band { .. } => "<path d=\"M0 2h32v12H0z\" opacity=\".35\"/>".into(),
        Layer::Line { dashed, .. } => {
            let dash = if *dashed { " stroke-dasharray=\"8 4\"" } else { "" };
            format!("<path d=\"M0 8h32\" stroke-width=\"2.5\"{dash}/>")
        }
        Layer::Mark { .. } => "<path d=\"M2 8h28M2 4v8M30 4v8\" stroke-width=\"2\"/>\
                               <path d=\"M16 1l7 7-7 7-7-7z\"/>"
            .into(),
        _ => match palette::shape(*color) {
            Shape::Circle => "<circle cx=\"16\" cy=\"8\" r=\"5\"/>".into(),
            Shape::Square => "<path d=\"M11.5 3.5h9v9h-9z\"/>".into(),
            Shape::Triangle => "<path d=\"M16 2l6 10.5H10z\"/>".into(),
            Shape::Diamond => "<path d=\"M16 1.5l6.5 6.5-6.5 6.5-6.5-6.5z\"/>".to_owned(),
        },
    };
    let index = color % palette::SERIES.len();
    format!(
        "<svg width=\"32\" height=\"16\" viewBox=\"0 0 32 16\" aria-hidden=\"true\" \
         stroke-width=\"0\" style=\"fill:var(--c{index});stroke:var(--c{index})\">{shape}</svg>"
    )
}

fn scripts() -> String {
    format!(
        "<script type=\"application/json\" id=\"dark-colors\">{}</script>\n\
         <script>{}</script>\n<script>\n{}</script>\n",
        escape::script(&plotly::dark_colors()),
        plotly::library(),
        include_str!("page.js"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    /// The page without the plotly.js library, which contains every word there is.
    fn page(figure: Figure) -> String {
        let page = html(&sample::report(figure));
        let library = plotly::library();
        let (before, after) = page.split_once(&*library).unwrap();
        format!("{before}{after}")
    }

    #[test]
    fn the_page_is_accessible_and_loads_nothing() {
        let page = page(sample::each_layer());
        assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
        assert!(page.contains("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"));
        assert!(page.contains("default-src 'none'"));
        assert!(page.contains("<th scope=\"col\" class=\"number\">a|b</th>"));
        assert!(page.contains("<th scope=\"row\">&lt;E&gt;</th><td class=\"number\">1.69</td>"));
        assert!(page.contains("<figcaption id=\"caption-0\">Nothing yet. 1 value is not shown"));
        assert!(!page.contains("src=\"http") && !page.contains("href=\"http"));
    }

    #[test]
    fn each_figure_offers_its_csv() {
        let page = page(sample::each_layer());
        let link = "<a download=\"each.csv\" href=\"data:text/csv;charset=utf-8,layer,kind,x,y,low,high,label%0A";
        assert!(page.contains(link));
    }

    #[test]
    fn hostile_text_stays_text() {
        let mut report = sample::report(sample::hostile());
        report.title = "</title><script>alert(1)</script>".into();
        let page = html(&report).replace(&*plotly::library(), "");
        assert_eq!(page.matches("<script").count(), 4);
        assert_eq!(page.matches("</script>").count(), 4);
        assert!(!page.contains("<img src=x") && page.contains("&lt;img src=x"));
    }

    #[test]
    fn a_report_without_figures_has_no_script() {
        let mut report = sample::report(sample::empty());
        report.sections[0].blocks.pop();
        assert!(!html(&report).contains("<script"));
    }

    #[test]
    fn an_empty_figure_says_so() {
        assert!(page(sample::empty()).contains("No values to draw"));
    }
}
