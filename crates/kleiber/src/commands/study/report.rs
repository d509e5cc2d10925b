//! The report of a study.

use crate::error::CliError;
use crate::render::{self, Axis, Block, Figure, Layer, Report, Section, TableBlock};
use indexmap::IndexMap;
use kleiber_core::assertion::Truth;
use kleiber_core::stats::mean;
use kleiber_core::table::{Cells, Selection, Table};
use kleiber_core::units::format_significant;
use kleiber_studies::{Figure as Declared, Finished, Outcome, Preset, Study, catalogue};

/// Rows of a table that are shown; the CSV beside holds all.
const ROWS: usize = 30;
/// Columns that every run has and that say little in a report.
const PLAIN: [&str; 11] = [
    "corpus",
    "tokenizer",
    "start",
    "version",
    "device",
    "skipped_steps",
    "params_matmul",
    "params_total",
    "norm",
    "mlp",
    "bpb",
];

/// What came out, for the terminal.
pub(super) fn text(outcome: &Outcome) -> String {
    let mut text = format!("{}: {} ({})\n\n", outcome.slug, outcome.verdict.name(), outcome.reason);
    text += &render::terminal_table(&claims(&outcome.expectations), Some(140));
    text += "\n\n";
    if !outcome.further.is_empty() {
        text +=
            &render::terminal_table(&TableBlock { headers: further_headers(), ..claims(&outcome.further) }, Some(140));
        text += "\n\n";
    }
    text += &render::terminal_table(&controls(outcome), Some(140));
    text.push('\n');
    text
}

/// Headings of what would explain a difference.
fn further_headers() -> Vec<String> {
    ["looked into", "is", "found", "because"].map(String::from).to_vec()
}

fn claims(claims: &[kleiber_studies::Judged]) -> TableBlock {
    let row = |e: &kleiber_studies::Judged| {
        let truth = match (e.gate, e.finding.truth) {
            (true, Truth::True) => "gate: open".to_string(),
            (true, _) => "gate: closed".into(),
            (false, truth) => truth.to_string(),
        };
        vec![e.name.clone(), truth, e.finding.why.clone(), e.because.clone()]
    };
    TableBlock {
        headers: ["expectation", "is", "found", "because"].map(String::from).to_vec(),
        rows: claims.iter().map(row).collect(),
        numeric: vec![false; 4],
    }
}

fn controls(outcome: &Outcome) -> TableBlock {
    let row = |c: &kleiber_studies::ControlOutcome| {
        let fails = match (c.fails, c.untested) {
            (false, _) => "does NOT fail",
            (true, true) => "tests nothing",
            (true, false) => "fails, as it must",
        };
        vec![c.expectation.clone(), fails.into(), c.why.clone(), c.because.clone()]
    };
    TableBlock {
        headers: ["control of", "it", "found", "because"].map(String::from).to_vec(),
        rows: outcome.controls.iter().map(row).collect(),
        numeric: vec![false; 4],
    }
}

/// The report.
pub(super) fn report(study: &Study, finished: &Finished) -> Result<Report, CliError> {
    let outcome = &finished.outcome;
    let header = &outcome.header;
    let mut summary = vec![
        format!("Question: {}", header.question),
        format!("Claim ({}): {}", header.source, header.claim),
        format!("Verdict: {}. {}.", outcome.verdict.name(), outcome.reason),
    ];
    if outcome.declared.len() > 1 {
        let earlier = outcome.declared.len() - 1;
        summary.push(format!(
            "The declaration was changed after a first run in this folder, {earlier} time(s); the hashes are below."
        ));
    }
    let figures = study.figures.iter().enumerate().map(|(i, f)| Ok(Block::Figure(figure(i, f, &finished.tables)?)));
    let mut sections = vec![
        Section { title: "Expectations".into(), blocks: vec![Block::Table(claims(&outcome.expectations))] },
        Section {
            title: "Negative controls".into(),
            blocks: vec![Block::Text(header.negative_control.clone()), Block::Table(controls(outcome))],
        },
        Section {
            title: "What was declared".into(),
            blocks: vec![
                Block::Text(format!("Expected: {}", header.expectation)),
                Block::Text(format!("Against it: {}", header.failure)),
                Block::Text(format!("Baseline: {}", header.baseline)),
            ],
        },
    ];
    if !outcome.further.is_empty() {
        let about = "Claims that are no part of the verdict: they look into why it is what it is.";
        let table = TableBlock { headers: further_headers(), ..claims(&outcome.further) };
        let blocks = vec![Block::Text(about.into()), Block::Table(table)];
        sections.insert(1, Section { title: "Looked into".into(), blocks });
    }
    let figures = figures.collect::<Result<Vec<_>, CliError>>()?;
    if !figures.is_empty() {
        sections.insert(1, Section { title: "Pictures".into(), blocks: figures });
    }
    for (name, table) in &finished.tables {
        sections.push(Section { title: format!("Table `{name}`"), blocks: vec![Block::Table(shown(table))] });
    }
    sections.push(Section { title: "How to repeat it".into(), blocks: repeat(study, outcome) });
    Ok(Report { title: header.title.clone(), summary, sections })
}

fn repeat(study: &Study, outcome: &Outcome) -> Vec<Block> {
    // A declaration of one's own is named by its file.
    let known = catalogue::find(&study.slug).is_ok_and(|own| own.hash == study.hash);
    let mut command = format!("kleiber study run {}{}", study.slug, if known { "" } else { "/study.toml" });
    match outcome.preset {
        Preset::Quick => command += " --quick",
        Preset::Thorough => command += " --thorough",
        Preset::Default => {}
    }
    if outcome.seed > 0 {
        command += &format!(" --seed {}", outcome.seed);
    }
    if let Some(seeds) = outcome.seeds {
        command += &format!(" --seeds {seeds}");
    }
    let hashes: Vec<String> = outcome.declared.iter().map(|d| format!("{} at {} s", d.hash, d.time)).collect();
    vec![
        Block::Code(command),
        Block::Text(format!(
            "Version {}, {}, on {} with {} threads, {} s. Declared before the first step (hash, seconds since 1970): {}.",
            outcome.version,
            outcome.date,
            outcome.machine,
            outcome.threads,
            format_significant(outcome.seconds, 3),
            hashes.join(", ")
        )),
    ]
}

fn shown(table: &Table) -> TableBlock {
    let varies = |cells: &Cells| (1..cells.len()).any(|row| cells.text(row) != cells.text(0));
    let told =
        |c: &&kleiber_core::table::Column| !PLAIN.contains(&c.name.as_str()) && (table.rows() < 2 || varies(&c.cells));
    let columns: Vec<_> = table.columns().iter().filter(told).collect();
    let cell = |cells: &Cells, row: usize| match cells {
        Cells::Number(v) => format_significant(v[row], 5),
        Cells::Text(v) => v[row].to_string(),
    };
    let rows = (0..table.rows().min(ROWS)).map(|row| columns.iter().map(|c| cell(&c.cells, row)).collect());
    TableBlock {
        headers: columns.iter().map(|c| c.name.clone()).collect(),
        rows: rows.collect(),
        numeric: columns.iter().map(|c| matches!(c.cells, Cells::Number(_))).collect(),
    }
}

/// A declared picture: points, and through their means a line, for each group.
fn figure(index: usize, declared: &Declared, tables: &IndexMap<String, Table>) -> Result<Figure, CliError> {
    let selection = declared.filter.iter().try_fold(Selection::new(), |s, condition| s.filter(condition))?;
    let table = selection.apply(&tables[&declared.table])?;
    let groups = match &declared.group {
        Some(group) => table.group_by(group)?.into_iter().map(|(label, rows)| (label.to_string(), rows)).collect(),
        None => vec![(declared.y.clone(), table)],
    };
    let mut layers = Vec::new();
    for (color, (name, rows)) in groups.into_iter().enumerate() {
        let (x, y) = (rows.numbers(&declared.x)?, rows.numbers(&declared.y)?);
        let mut means: Vec<(f64, Vec<f64>)> = Vec::new();
        for (x, y) in x.iter().zip(&y) {
            match means.iter_mut().find(|(at, _)| at == x) {
                Some((_, values)) => values.push(*y),
                None => means.push((*x, vec![*y])),
            }
        }
        means.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (line_x, line_y) = means.iter().map(|(x, values)| (*x, mean(values))).unzip();
        if let Some([low, high]) = &declared.band {
            let (low, high) = (rows.numbers(low)?, rows.numbers(high)?);
            layers.push(Layer::Band { name: String::new(), x: x.clone(), low, high, color });
        }
        layers.push(Layer::Points { name: String::new(), x, y, labels: Vec::new(), color });
        layers.push(Layer::Line { name, x: line_x, y: line_y, dashed: false, color });
    }
    let axis = |place: &str, name: &str| Axis {
        label: name.replace('_', " "),
        unit: String::new(),
        log: declared.log.iter().any(|l| l == place),
    };
    Ok(Figure {
        id: format!("figure-{}", index + 1),
        title: declared.title.clone(),
        caption: "Points: rows. Lines: their means.".into(),
        x: axis("x", &declared.x),
        y: axis("y", &declared.y),
        layers,
    })
}
