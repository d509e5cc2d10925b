//! `kleiber laws`: the catalogue of laws.

use crate::error::CliError;
use crate::output::Output;
use crate::render::{self, TableBlock};
use clap::Args;
use indexmap::IndexMap;
use kleiber_core::units::{format_quantity, format_significant};
use kleiber_laws::Law;
use kleiber_laws::form::Info;
use kleiber_laws::forms::{registry, with_presets};
use kleiber_laws::published::{Of, PREFIX, Preset, Printed};
use serde::Serialize;

/// List the laws: what each says, its variables and coefficients, what its paper printed.
///
/// With a name it shows that law whole: every coefficient with its meaning, every published coefficient set with
/// the numbers it is tested against, and where the published fit itself was wrong.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber laws
  kleiber laws chinchilla
  kleiber predict --preset paper:chinchilla/besiroglu --at params=7B,tokens=15T")]
pub(crate) struct LawsArgs {
    /// A law, to be shown whole.
    name: Option<String>,
    /// Print one JSON document (kleiber.laws/1).
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,
    /// Print the page of the documentation.
    #[arg(long)]
    markdown: bool,
}

#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    laws: Vec<Entry>,
}

/// A law as JSON.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    title: String,
    paper: String,
    slug: &'static str,
    equation: String,
    variables: Vec<String>,
    coefficients: Vec<String>,
    presets: Vec<String>,
    response: String,
    unit: &'static str,
    /// Smallest and largest credible response; null without an end.
    domain: [Option<f64>; 2],
    tested: &'static str,
    notes: &'static [&'static str],
    /// Meaning of each coefficient.
    meanings: IndexMap<String, String>,
    /// Each preset whole.
    sets: IndexMap<String, Set>,
}

#[derive(Debug, Serialize)]
struct Set {
    source: &'static str,
    coefficients: IndexMap<String, f64>,
    ranges: IndexMap<String, [Option<f64>; 2]>,
    note: &'static str,
    compat: bool,
}

fn ends((low, high): (f64, f64)) -> [Option<f64>; 2] {
    [low, high].map(|v| Some(v).filter(|v| v.is_finite()))
}

impl Set {
    fn new(info: &Info, preset: &Preset) -> Self {
        let names = info.coefficients.iter().map(|c| c.name.clone());
        let variables = info.variables.iter().map(|v| v.name.clone());
        Self {
            source: preset.source,
            coefficients: names.zip(preset.coefficients.iter().copied()).collect(),
            ranges: variables.zip(preset.ranges.iter().map(|r| ends(*r))).collect(),
            note: preset.note,
            compat: preset.compat,
        }
    }
}

/// The name under which a law is asked for.
fn name_of(info: &Info) -> String {
    let stem = info.name.split(':').next().unwrap_or_default();
    let with_number = format!("{stem}:K");
    if registry().iter().any(|e| e.name == with_number) { with_number } else { info.name.clone() }
}

impl Entry {
    fn new(law: &Law) -> Self {
        let info = law.info();
        Self {
            name: name_of(info),
            title: info.title.clone(),
            paper: info.paper.clone(),
            slug: info.published.slug,
            equation: info.equation.clone(),
            variables: info.variables.iter().map(|v| v.name.clone()).collect(),
            coefficients: info.coefficients.iter().map(|c| c.name.clone()).collect(),
            presets: info.published.presets.iter().map(|p| format!("{PREFIX}{}", p.name)).collect(),
            response: info.response.name.to_string(),
            unit: info.response.unit,
            domain: ends(info.response.domain),
            tested: info.published.tested,
            notes: info.published.notes,
            meanings: info.coefficients.iter().map(|c| (c.name.clone(), c.meaning.clone())).collect(),
            sets: info.published.presets.iter().map(|p| (format!("{PREFIX}{}", p.name), Set::new(info, p))).collect(),
        }
    }
}

/// Runs `kleiber laws`.
pub(crate) fn run(args: &LawsArgs) -> Result<Output, CliError> {
    let laws: Vec<Law> = match &args.name {
        Some(name) => {
            let known = with_presets().find(|l| name_of(l.info()).eq_ignore_ascii_case(name));
            vec![known.map_or_else(|| Law::named(name), Ok)?]
        }
        None => with_presets().collect(),
    };
    if args.json {
        let laws = laws.iter().map(Entry::new).collect();
        return Ok(Output::json(&Document { schema: "kleiber.laws/1", laws }));
    }
    if args.markdown {
        return Ok(Output::text(markdown(&laws)));
    }
    Ok(Output::text(if args.name.is_some() { whole(&laws[0]) } else { list(&laws) }))
}

fn list(laws: &[Law]) -> String {
    let row = |law: &Law| {
        let info = law.info();
        let variables: Vec<&str> = info.variables.iter().map(|v| v.name.as_str()).collect();
        let presets: Vec<&str> = info.published.presets.iter().filter_map(|p| p.name.split('/').nth(1)).collect();
        vec![name_of(info), info.title.clone(), variables.join(" "), info.response.name.to_string(), presets.join(" ")]
    };
    let block = TableBlock {
        headers: ["law", "says", "of", "predicts", "presets"].map(String::from).to_vec(),
        rows: laws.iter().map(row).collect(),
        numeric: vec![false; 5],
    };
    format!(
        "{}\n{} laws; `kleiber laws NAME` shows one whole, and --preset {PREFIX}LAW/PRESET uses what its paper printed\n",
        render::terminal_table(&block, Some(150)),
        laws.len()
    )
}

/// What a printed number is of, in words.
fn place(info: &Info, printed: &Printed) -> String {
    match printed.of {
        Of::At(x) => {
            let at: Vec<String> =
                info.variables.iter().zip(x).map(|(v, x)| format!("{}={}", v.name, format_quantity(*x))).collect();
            format!("{} at {}", info.response.name, at.join(" "))
        }
        Of::Derived(name) => name.into(),
    }
}

/// Each printed number of a preset: what it is of, the number, what the preset gives, where it is printed.
fn comparisons(law: &Law, preset: &Preset) -> impl Iterator<Item = [String; 4]> {
    let shown = |v: f64| format_significant(v, 4);
    preset.printed.iter().map(move |printed| {
        let got = preset.given(law, printed).map_or("-".into(), shown);
        [place(law.info(), printed), shown(printed.value), got, printed.place.to_string()]
    })
}

fn set_line(info: &Info, preset: &Preset) -> String {
    let set: Vec<String> = info
        .coefficients
        .iter()
        .zip(preset.coefficients)
        .map(|(c, v)| format!("{} {}", c.name, format_significant(*v, 9)))
        .collect();
    set.join(", ")
}

fn range_line(info: &Info, preset: &Preset) -> Option<String> {
    let known = info.variables.iter().zip(preset.ranges).filter(|(_, r)| r.0 > 0.0 || r.1.is_finite());
    let parts: Vec<String> =
        known.map(|(v, r)| format!("{} {} to {}", v.name, format_quantity(r.0), format_quantity(r.1))).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn whole(law: &Law) -> String {
    let info = law.info();
    let mut text = format!("{}: {}\n{}\n\n  {}\n\n", name_of(info), info.title, info.paper, info.equation);
    let coefficients = TableBlock {
        headers: ["coefficient", "meaning"].map(String::from).to_vec(),
        rows: info.coefficients.iter().map(|c| vec![c.name.clone(), c.meaning.clone()]).collect(),
        numeric: vec![false; 2],
    };
    text.push_str(&render::terminal_table(&coefficients, Some(110)));
    text.push_str(&format!("predicts {} ({})\n", info.response.name, info.response.unit));
    if !info.published.tested.is_empty() {
        text.push_str(&format!("tested on: {}\n", info.published.tested));
    }
    info.published.notes.iter().for_each(|note| text.push_str(&format!("note: {note}\n")));
    for preset in info.published.presets {
        let compat = if preset.compat { ", repeats a published slip" } else { "" };
        text.push_str(&format!(
            "\n{PREFIX}{}{compat}\n  {}\n  {}\n",
            preset.name,
            set_line(info, preset),
            preset.source
        ));
        if !preset.note.is_empty() {
            text.push_str(&format!("  {}\n", preset.note));
        }
        range_line(info, preset).into_iter().for_each(|range| text.push_str(&format!("  published range: {range}\n")));
        for [of, printed, got, place] in comparisons(law, preset) {
            text.push_str(&format!("  {of}: printed {printed}, gives {got} ({place})\n"));
        }
    }
    text
}

/// The page of the documentation: every law, its coefficients, its presets and its notes.
fn markdown(laws: &[Law]) -> String {
    let mut page = String::from(
        "# Laws\n\nMade by `kleiber laws --markdown`. Numbers under \"gives\" are computed from the coefficients beside what the paper prints.\n\n",
    );
    page.push_str("| law | says | of | predicts |\n|---|---|---|---|\n");
    for law in laws {
        let info = law.info();
        let name = name_of(info);
        let variables: Vec<&str> = info.variables.iter().map(|v| v.name.as_str()).collect();
        let anchor = name.to_lowercase().replace(':', "");
        page.push_str(&format!(
            "| [{name}](#{anchor}) | {} | {} | {} |\n",
            info.title,
            variables.join(", "),
            info.response.name
        ));
    }
    laws.iter().for_each(|law| section(law, &mut page));
    page
}

fn section(law: &Law, page: &mut String) {
    let info = law.info();
    page.push_str(&format!(
        "\n## {}\n\n{}. {}\n\n    {}\n\n",
        name_of(info),
        sentence(&info.title),
        info.paper,
        info.equation
    ));
    page.push_str("| coefficient | meaning |\n|---|---|\n");
    info.coefficients.iter().for_each(|c| page.push_str(&format!("| {} | {} |\n", c.name, c.meaning)));
    page.push_str(&format!("\nPredicts {} ({}).", info.response.name, info.response.unit));
    if !info.published.tested.is_empty() {
        page.push_str(&format!(" Tested on: {}.", info.published.tested));
    }
    page.push('\n');
    info.published.notes.iter().for_each(|note| page.push_str(&format!("\n{note}\n")));
    for preset in info.published.presets {
        let compat = if preset.compat { " (repeats a published slip)" } else { "" };
        page.push_str(&format!("\n`{PREFIX}{}`{compat}: {}. {}.", preset.name, set_line(info, preset), preset.source));
        if !preset.note.is_empty() {
            page.push_str(&format!(" {}.", sentence(preset.note)));
        }
        page.push_str("\n\n| quantity | printed | gives | where |\n|---|---|---|---|\n");
        for row in comparisons(law, preset) {
            page.push_str(&format!("| {} |\n", row.join(" | ")));
        }
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
