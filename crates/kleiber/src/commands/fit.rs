//! `kleiber fit`: a law, its coefficients and their intervals.

use super::table::{TableArgs, law_for};
use super::{level, quantity};
use crate::error::CliError;
use crate::figures;
use crate::output::Output;
use crate::render::{self, TableBlock};
use clap::Args;
use indexmap::IndexMap;
use kleiber_core::table::Table;
use kleiber_core::units::format_significant;
use kleiber_laws::forms::{Bound, registry};
use kleiber_laws::plan::plans;
use kleiber_laws::{Checkpoints, Estimate, Finding, Fit, IntervalKind, Law, Method, Objective, Options, Status};
use std::path::PathBuf;

/// Fit a law to a table of runs.
///
/// Without options: columns are recognised by their usual names, the law is chinchilla for tables with model size
/// and tokens and m2 for tables with one size axis, the method is variable projection where the law allows it,
/// and intervals come from 1000 bootstrap fits.
///
/// A law is a name (`kleiber laws` lists them) or a formula in quotes, where columns are variables and every other name is a
/// coefficient.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber fit runs.csv -o law.json --report law.html
  kleiber fit runs.csv --map params=N --map 'tokens=flops/(6*params)' --where 'loss<5 && corpus==\"c4\"'
  kleiber fit runs.csv --law 'E + A*params^-alpha + B*tokens^-beta' --bounds 'alpha=0..1'
  kleiber fit runs.csv --law over-training --holdout 'flops>1e20'
  kleiber fit curves.csv --law bnsl:1 --map 'x=Seen Examples'")]
pub(crate) struct FitArgs {
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// Law: a name or a formula. [default: by the columns of the table]
    #[arg(long, value_name = "NAME|FORMULA", help_heading = "Law", long_help = names())]
    law: Option<String>,
    /// Bounds of a formula's coefficient; without, coefficients are positive.
    #[arg(long, value_name = "NAME=LOW..HIGH", help_heading = "Law")]
    bounds: Vec<Bound>,
    /// Hold a coefficient at a value.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair_value, help_heading = "Law")]
    fix: Vec<(String, f64)>,
    /// Make two coefficients equal.
    #[arg(long, value_name = "NAME=NAME", value_parser = pair_name, help_heading = "Law")]
    tie: Vec<(String, String)>,
    /// Loss law (from `fit -o`) to chain before downstream-error, so that it predicts from params and tokens.
    #[arg(long, value_name = "FILE", help_heading = "Law")]
    loss_law: Option<PathBuf>,
    /// What is minimised: log-huber:DELTA, log-mse, mse (half sums of squares), mae or asym:RATIO. [default: the law's own]
    #[arg(long, help_heading = "Fitting")]
    objective: Option<Objective>,
    /// varpro, grid, isoflop:parabola, isoflop:akima or envelope. [default: varpro where it applies, else grid]
    #[arg(long, help_heading = "Fitting")]
    method: Option<Method>,
    /// Column with the known standard deviation of each row's response.
    #[arg(long, value_name = "COLUMN", help_heading = "Fitting")]
    sigma: Option<String>,
    /// Fit each value of this column by itself.
    #[arg(long, value_name = "COLUMN", help_heading = "Fitting")]
    by: Option<String>,
    /// Which checkpoints of a run count: last or all. [default: last, all for laws of curves]
    #[arg(long, value_name = "last|all", value_parser = checkpoints, help_heading = "Fitting")]
    checkpoints: Option<Checkpoints>,
    /// Hold rows out of the fit and report the error on them.
    #[arg(long, value_name = "EXPR", help_heading = "Fitting")]
    holdout: Option<String>,
    /// Bootstrap fits; 0 for none.
    #[arg(long, value_name = "N", default_value_t = kleiber_laws::DEFAULT_BOOTSTRAP, help_heading = "Intervals")]
    bootstrap: usize,
    /// Draw rows with equal values of this column together.
    #[arg(long, value_name = "COLUMN", help_heading = "Intervals")]
    cluster: Option<String>,
    /// percentile, bca or profile.
    #[arg(long, default_value = "percentile", help_heading = "Intervals")]
    interval: IntervalKind,
    /// Nominal coverage.
    #[arg(long, default_value = "0.95", value_parser = level, help_heading = "Intervals")]
    level: f64,
    /// Seed of everything random.
    #[arg(long, default_value_t = 0, help_heading = "Intervals")]
    seed: u64,
    /// Answer even where a refusal is due; the reasons stay in the output as warnings.
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Print one JSON document (kleiber.fit/1).
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Save the law for predict and plan.
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Write a report: .html, .md, .svg or .png; the data of each figure is put beside it as CSV.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    report: Vec<PathBuf>,
}

/// Help of `--law`: every name of the catalogue.
fn names() -> String {
    let names: Vec<&str> = registry().iter().map(|entry| entry.name).collect();
    format!(
        "Law: a name or a formula. [default: by the columns of the table]\n\nNames (K stands for a number of breaks): {}",
        names.join(", ")
    )
}

fn pair_value(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let value = quantity(value).or_else(|e| value.parse::<f64>().map_err(|_| e))?;
    Ok((name.trim().into(), value))
}

fn pair_name(text: &str) -> Result<(String, String), String> {
    let (a, b) = text.split_once('=').ok_or("expected NAME=NAME")?;
    Ok((a.trim().into(), b.trim().into()))
}

fn checkpoints(text: &str) -> Result<Checkpoints, String> {
    match text {
        "last" => Ok(Checkpoints::Last),
        "all" => Ok(Checkpoints::All),
        _ => Err("expected last or all".into()),
    }
}

impl FitArgs {
    fn options(&self) -> Options {
        Options {
            objective: self.objective,
            method: self.method,
            bootstrap: self.bootstrap,
            cluster: self.cluster.clone(),
            holdout: self.holdout.clone(),
            sigma: self.sigma.clone(),
            fixed: self.fix.clone(),
            tied: self.tie.clone(),
            checkpoints: self.checkpoints,
            interval: self.interval,
            level: self.level,
            seed: self.seed,
            force: self.force,
            influence: true,
        }
    }
}

/// Runs `kleiber fit`.
pub(crate) fn run(args: &FitArgs) -> Result<Output, CliError> {
    if args.bootstrap > 1_000_000 {
        return Err(CliError::usage("--bootstrap takes at most 1000000", "a few thousand are plenty for an interval"));
    }
    let table = args.table.read()?;
    keep_table(args)?;
    args.report.iter().try_for_each(|path| render::check_target(path))?;
    match &args.by {
        Some(column) => by_group(args, &table, column),
        None => one(args, &table),
    }
}

/// Refuses to write a law or a report over the table it comes from.
fn keep_table(args: &FitArgs) -> Result<(), CliError> {
    let real = |path: &PathBuf| path.canonicalize().ok();
    let table = real(&args.table.table);
    match args.output.iter().chain(&args.report).find(|path| real(path).is_some() && real(path) == table) {
        Some(path) => Err(CliError::usage(
            format!("{} is the table itself and would be lost", path.display()),
            "write to another file: -o law.json",
        )),
        None => Ok(()),
    }
}

fn fit(args: &FitArgs, table: &Table) -> Result<(Law, Fit), CliError> {
    let law = law_for(args.law.as_deref(), table, &args.bounds)?;
    let mut fit = law.fit(table, &args.options())?;
    if let Some(named) = args.law.as_ref().filter(|_| fit.law == "allocation") {
        fit.warnings.push(Finding {
            code: "law-not-used".into(),
            message: format!("{} fits the best size at each compute directly; {named} plays no part in it", fit.method),
        });
    }
    if let Some(path) = &args.loss_law {
        if fit.law != "downstream-error" {
            return Err(CliError::usage(
                "--loss-law is chained before downstream-error only",
                "add --law downstream-error",
            ));
        }
        let loss = Fit::read(path)?;
        if let Some(model) = &mut fit.model {
            model.chained = Some(Box::new(loss));
        }
    }
    Ok((law, fit))
}

fn one(args: &FitArgs, table: &Table) -> Result<Output, CliError> {
    let (law, fit) = fit(args, table)?;
    let mut written = Vec::new();
    if fit.is_ok() {
        if let Some(path) = &args.output {
            fit.write(path)?;
            written.push(path.clone());
        }
        let report = figures::fit_report(&fit, &law, table.source());
        for path in &args.report {
            written.extend(render::write_report(&report, path)?);
        }
    }
    let mut output =
        if args.json { Output::json(&fit.printed()) } else { Output::text(text(&fit, &law, table.source())) };
    output = output.with_findings(fit.status, &fit.reasons, &fit.warnings);
    output.hints.extend(written.iter().map(|p| format!("wrote {}", p.display())));
    match &args.output {
        Some(path) if fit.is_ok() => output.hints.push(next(&fit, &path.to_string_lossy())),
        None if fit.is_ok() => {
            output.hints.push("next: save the law with -o law.json, then kleiber predict or kleiber plan".into())
        }
        Some(path) => output.notes.push(format!("{} is not written: there is no law to save", path.display())),
        None => {}
    }
    Ok(output)
}

/// What to do with a saved law: plan with it where it can plan, else predict beyond its runs.
fn next(fit: &Fit, path: &str) -> String {
    let path = figures::quoted(path);
    let Some(model) = &fit.model else { return String::new() };
    let budget = 10.0 * model.flops_range.map_or(1e20, |range| range.1);
    if plans(fit) {
        return format!("next: kleiber plan compute {path} --flops {budget:.0e}");
    }
    let beyond = |(name, range): (&String, &(f64, f64))| format!("{name}={:.3e}", 2.0 * range.1);
    let point: Vec<String> = match model.chained {
        Some(_) => vec!["params=7B".into(), "tokens=140B".into()],
        None => model.ranges.iter().map(beyond).collect(),
    };
    format!("next: kleiber predict {path} --at {}", point.join(","))
}

fn by_group(args: &FitArgs, table: &Table, column: &str) -> Result<Output, CliError> {
    if args.output.is_some() || !args.report.is_empty() {
        return Err(CliError::usage("-o and --report take one fit, --by makes several", "pick a group with --where"));
    }
    let mut fits = IndexMap::new();
    let mut output = Output::default();
    for (label, group) in table.group_by(column)? {
        let (law, fit) = fit(args, &group)?;
        if !args.json {
            output.text.push_str(&format!("{column} = {label}\n{}\n", text(&fit, &law, table.source())));
        }
        let named = |finding: &Finding| Finding { message: format!("{label}: {}", finding.message), ..finding.clone() };
        let (reasons, warnings): (Vec<_>, Vec<_>) =
            (fit.reasons.iter().map(named).collect(), fit.warnings.iter().map(named).collect());
        // One group that supports no answer does not make the others unusable.
        output = output.with_findings(Status::Ok, &reasons, &warnings);
        fits.insert(label.to_string(), fit.printed());
    }
    output.code = if fits.values().all(|f| !f.is_ok()) { 2 } else { 0 };
    if args.json {
        let status = if output.code == 2 { Status::Refused } else { Status::Ok };
        let document =
            serde_json::json!({ "schema": "kleiber.fit-by/1", "by": column, "status": status, "fits": fits });
        output.text = Output::json(&document).text;
    }
    Ok(output)
}

fn text(fit: &Fit, law: &Law, source: &str) -> String {
    let columns: Vec<String> =
        fit.columns.iter().map(|(n, c)| if n == c { n.clone() } else { format!("{n} = `{c}`") }).collect();
    let name = if fit.equation.contains(&fit.law) { String::new() } else { format!("{}: ", fit.law) };
    let mut text = format!("{name}{}\n{} rows of {source}, {}\n", fit.equation, fit.rows, columns.join(", "));
    if !fit.is_ok() {
        text.push_str("no answer: see the reasons below\n");
        return text;
    }
    let number = |v: f64| format_significant(v, 4);
    text.push_str(&format!(
        "method {}, objective {} = {}, starts {} ({} converged, {} at the best), seed {}\n\n",
        fit.method,
        fit.objective.name,
        fit.objective.value.map_or("-".into(), number),
        fit.starts.tried,
        fit.starts.converged,
        fit.starts.at_best,
        fit.seed
    ));
    text.push_str(&render::terminal_table(&coefficient_table(fit, law), Some(100)));
    text.push('\n');
    if let Some(sd) = fit.residual_sd {
        let relative = fit.model.as_ref().is_some_and(|m| m.log);
        let size = if relative { format!("{}%", number(100.0 * sd)) } else { number(sd) };
        text.push_str(&format!(
            "residual standard deviation {size}; intervals: {} ({} draws)\n",
            fit.interval, fit.bootstrap
        ));
    }
    if !fit.influence.is_empty() {
        let rows: Vec<&str> = fit.influence.iter().map(|i| i.label.as_str()).collect();
        text.push_str(&format!("rows that move the fit most when left out: {}\n", rows.join(", ")));
    }
    if let Some(h) = &fit.holdout {
        let percent = |v: f64| format!("{}%", number(100.0 * v));
        text.push_str(&format!(
            "held out {} rows: mean error {}, largest {}\n",
            h.rows,
            percent(h.mean_abs_rel_error),
            percent(h.max_abs_rel_error)
        ));
    }
    if let Some(figure) = figures::main_figure(fit, law) {
        text.push('\n');
        text.push_str(&render::terminal_plot(&figure, 90, 20, false));
    }
    text
}

/// Coefficients and derived quantities as a table.
pub(crate) fn coefficient_table(fit: &Fit, law: &Law) -> TableBlock {
    let level = fit.coefficients.values().next().map_or(0.95, |e| e.level);
    let meaning = |name: &str| law_meaning(fit, law, name);
    let row = |(name, e): (&String, &Estimate)| {
        let show = |v: Option<f64>, open: &str| v.map_or_else(|| open.to_string(), |v| format_significant(v, 4));
        vec![name.clone(), show(e.value, "-"), show(e.low, "-"), show(e.high, "-"), meaning(name)]
    };
    let derived = fit.derived.iter().filter(|(n, _)| !fit.coefficients.contains_key(*n));
    TableBlock {
        headers: vec!["".into(), "value".into(), format!("{:.0}% low", 100.0 * level), "high".into(), "meaning".into()],
        rows: fit.coefficients.iter().chain(derived).map(row).collect(),
        numeric: vec![false, true, true, true, false],
    }
}

fn law_meaning(fit: &Fit, law: &Law, name: &str) -> String {
    let allocation = (fit.law == "allocation").then(|| Law::of(fit).ok()).flatten();
    let info = allocation.as_ref().unwrap_or(law).info();
    match info.coefficients.iter().find(|c| c.name == name) {
        Some(c) => c.meaning.clone(),
        None => match name {
            "a" => "optimal params ~ compute^a".into(),
            "b" => "optimal tokens ~ compute^b".into(),
            "G" => "optimal params = G * (compute/6)^a".into(),
            "M_opt" => "compute-optimal tokens per parameter".into(),
            "floor" => "value at infinite size".into(),
            _ => String::new(),
        },
    }
}
