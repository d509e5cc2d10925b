//! Approaches 1 and 2 of Hoffmann et al. 2022: the compute-optimal size without a law of (N, D).
//!
//! `isoflop` finds the best size at each budget, `envelope` the best run at each compute along training
//! curves; both then fit N* = N0 C^a, D* = C / (6 N*) and the frontier loss L* = E + K C^-gamma.

mod akima;
mod envelope;
mod isoflop;

use crate::evaluate::Evaluate;
use crate::fitted::{Estimate, Fit, Model, ObjectiveValue};
use crate::form::{Form, Variable};
use crate::forms::{Allocation, find};
use crate::objective::Objective;
use crate::options::{Checkpoints, Method, Options};
use crate::prepare::{prepare, reduce};
use crate::problem::Problem;
use crate::reason::{Findings, Reason};
use crate::solve::varpro;
use crate::uncertainty::interval;
use crate::{LawError, coordinates::Coordinates, data::Data};
use kleiber_core::rng::Rng;
use kleiber_core::stats;
use kleiber_core::table::Table;
use rayon::prelude::*;
use std::collections::HashSet;

/// A floor below this, in nats per token, is none.
const VANISHED: f64 = 1e-6;
/// Fewest budgets for a power law of compute.
const FEWEST_BUDGETS: usize = 3;

/// The optimum at one budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Optimum {
    pub(crate) ln_flops: f64,
    pub(crate) ln_params: f64,
    pub(crate) loss: f64,
}

/// One measured point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) run: u32,
    pub(crate) ln_flops: f64,
    pub(crate) ln_params: f64,
    pub(crate) loss: f64,
}

/// Fits the allocation to `table` by `options.method`.
pub(crate) fn fit(table: &Table, options: &Options) -> Result<Fit, LawError> {
    let method = options.method.unwrap_or(Method::IsoflopAkima);
    let form = Allocation::new();
    let mut info = Form::info(&form).clone();
    info.variables = vec![Variable::params(), Variable::named("flops")];
    let mut findings = Findings::default();
    let by_curve = method == Method::Envelope;
    let options = &Options {
        checkpoints: options.checkpoints.or(by_curve.then_some(Checkpoints::All)),
        cluster: options.cluster.clone().or(by_curve.then(|| run_column(table)).flatten()),
        ..options.clone()
    };
    if options.holdout.is_some() || options.sigma.is_some() || !options.fixed.is_empty() || !options.tied.is_empty() {
        let why = "it has no --holdout, --sigma, --fix or --tie; use varpro or grid".into();
        return Err(LawError::Method { method: method.name().into(), why });
    }
    let table = reduce(table, info.curve, options, &mut findings);
    let prepared = prepare(&info, table, options, Objective::LogMse, &mut findings)?;
    findings.settle(options.force);
    let mut fit = Fit::blank(&info.name, method.name(), "log-mse", &info.equation, options.seed);
    fit.rows = prepared.data.rows();
    fit.columns = prepared.columns.iter().cloned().collect();
    if findings.refused() {
        return Ok(fit.conclude(&findings));
    }
    let points = points(&prepared.data);
    let single_rows = by_curve && prepared.data.rows() == prepared.data.clusters().iter().collect::<HashSet<_>>().len();
    let optima = match method {
        Method::Envelope => envelope::optima(&points),
        _ => isoflop::optima(&points, method, &mut findings),
    };
    let budgets = distinct(&optima);
    if budgets < FEWEST_BUDGETS {
        if single_rows {
            findings.refuse(Reason::NoCurves);
        } else if budgets == 0 {
            findings.refuse(Reason::NoInteriorMinimum {
                budgets: isoflop::budgets(&points).iter().take(8).map(|b| b.0.exp()).collect(),
            });
        } else {
            findings.refuse(Reason::TooFewBudgets { interior: budgets, needed: FEWEST_BUDGETS });
        }
        // Two points define no power law with an error, so there is nothing that --force could print.
        return Ok(fit.conclude(&findings));
    }
    if single_rows {
        findings.warn(Reason::Assumed {
            what: "every run has one row: the envelope is that of final losses, not of training curves".into(),
        });
    }
    let (c, value) = coefficients(&optima);
    let noise = if by_curve { 0.0 } else { isoflop::noise(&points) };
    let draws = draws(&points, method, noise, options);
    if draws.len() < options.bootstrap {
        findings.warn(Reason::Bootstrap { used: draws.len(), asked: options.bootstrap });
    }
    if c[5].is_nan() {
        findings.warn(Reason::Assumed {
            what: "the losses at the optima follow no falling power law of compute: E, K and gamma are left out".into(),
        });
    } else if c[4].is_nan() {
        findings.warn(Reason::Assumed {
            what: "fewer than 4 budgets: the frontier loss is a power law without a floor".into(),
        });
    }
    fill(&mut fit, &form, &c, &draws, options, value);
    let widen = |(low, high): (f64, f64), x: f64| (low.min(x.exp()), high.max(x.exp()));
    let range = optima.iter().fold((f64::INFINITY, 0.0), |r, o| widen(r, o.ln_flops));
    fit.model = Some(Model {
        bounds: Vec::new(),
        variables: vec!["flops".into()],
        draws,
        residuals: residuals(&optima, &c),
        log: true,
        ranges: [("flops".to_string(), range)].into_iter().collect(),
        flops_range: Some(range),
        ratio_range: None,
        rows: optima
            .iter()
            .take(Model::MAX_ROWS)
            .map(|o| (format!("budget {:.3e}", o.ln_flops.exp()), vec![o.ln_flops.exp()], o.loss))
            .collect(),
        optima: optima.iter().map(|o| [o.ln_flops.exp(), o.ln_params.exp(), o.loss]).collect(),
        chained: None,
    });
    Ok(fit.conclude(&findings))
}

fn run_column(table: &Table) -> Option<String> {
    let column = ["run", "params"].iter().find_map(|name| kleiber_core::table::recognise(table, name));
    column.map(str::to_string)
}

fn points(data: &Data) -> Vec<Point> {
    let point = |i: usize| Point {
        run: data.clusters()[i],
        ln_params: data.row(i)[0].ln,
        ln_flops: data.row(i)[1].ln,
        loss: data.response()[i],
    };
    (0..data.rows()).map(point).collect()
}

fn distinct(optima: &[Optimum]) -> usize {
    let mut sizes: Vec<f64> = optima.iter().map(|o| o.ln_params).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    sizes.dedup_by(|a, b| (*a - *b).abs() < 1e-9);
    sizes.len().min(optima.len())
}

/// N0, a, D0, b, E, K, gamma and the sum of squared log residuals of N*.
fn coefficients(optima: &[Optimum]) -> (Vec<f64>, f64) {
    let x: Vec<f64> = optima.iter().map(|o| o.ln_flops).collect();
    let n: Vec<f64> = optima.iter().map(|o| o.ln_params).collect();
    let (a, ln_n0, sd) = stats::line(&x, &n);
    // D* = C / (6 N*), so its exponent and height follow.
    let d0 = (-6f64.ln() - ln_n0).exp();
    let frontier = frontier(optima);
    let c = vec![ln_n0.exp(), a, d0, 1.0 - a, frontier.0, frontier.1, frontier.2];
    (c, 0.5 * sd * sd * (x.len() as f64 - 2.0))
}

/// E, K and gamma of the loss along the optima; E is `NaN` (no floor) below four budgets.
fn frontier(optima: &[Optimum]) -> (f64, f64, f64) {
    let rows: Vec<(Vec<f64>, f64)> = optima.iter().map(|o| (vec![o.ln_flops.exp()], o.loss)).collect();
    let name = if optima.len() >= 4 { "m2" } else { "m1" };
    let data = Data::from_rows(&["flops"], "loss", &rows);
    let Some(form) = find(name) else { return (f64::NAN, f64::NAN, f64::NAN) };
    let Ok(at) = Coordinates::new(Evaluate::info(form.as_ref()), &[], &[]) else {
        return (f64::NAN, f64::NAN, f64::NAN);
    };
    let problem = Problem { form: form.as_ref(), at: &at, data: &data, objective: Objective::LogMse };
    match varpro::search(&problem, 0).map(|(minimum, _)| at.natural(&minimum.u)) {
        Some(c) if name == "m2" => (c[0], c[1], -c[2]),
        Some(c) => (f64::NAN, c[0], -c[1]),
        None => (f64::NAN, f64::NAN, f64::NAN),
    }
}

fn residuals(optima: &[Optimum], c: &[f64]) -> Vec<f64> {
    let floor = if c[4].is_nan() { 0.0 } else { c[4] };
    optima
        .iter()
        .map(|o| (floor + c[5] * (-c[6] * o.ln_flops).exp()).ln() - o.loss.ln())
        .filter(|r| r.is_finite())
        .collect()
}

/// Budgets (or runs) drawn with replacement, losses shaken by the measured noise, optima found again.
fn draws(points: &[Point], method: Method, noise: f64, options: &Options) -> Vec<Vec<f64>> {
    let groups: Vec<Vec<Point>> = if method == Method::Envelope {
        let mut runs: std::collections::BTreeMap<u32, Vec<Point>> = std::collections::BTreeMap::new();
        points.iter().for_each(|p| runs.entry(p.run).or_default().push(*p));
        runs.into_values().collect()
    } else {
        isoflop::budgets(points).into_iter().map(|b| b.1).collect()
    };
    let replicate = |b: usize| {
        let mut rng = Rng::new(options.seed, "allocation bootstrap", b as u32);
        let drawn: Vec<Vec<Point>> = (0..groups.len())
            .map(|copy| {
                let group = &groups[rng.below(groups.len())];
                // Copies of one budget or run stay separate.
                let mut shaken =
                    |p: &Point| Point { run: copy as u32, loss: p.loss * (noise * rng.normal()).exp(), ..*p };
                group.iter().map(&mut shaken).collect()
            })
            .collect();
        let optima = match method {
            Method::Envelope => envelope::optima(&drawn.concat()),
            _ => isoflop::resampled_optima(drawn, method),
        };
        (distinct(&optima) >= FEWEST_BUDGETS).then(|| coefficients(&optima).0).filter(|c| c[1].is_finite())
    };
    (0..options.bootstrap).into_par_iter().filter_map(replicate).collect()
}

fn fill(fit: &mut Fit, form: &Allocation, c: &[f64], draws: &[Vec<f64>], options: &Options, value: f64) {
    let estimate = |i: usize| {
        let values: Vec<f64> = draws.iter().map(|d| d[i]).collect();
        match interval::percentile(&values, options.level) {
            Some((low, high)) if c[i].is_finite() => Estimate::interval(c[i], low, high, options.level),
            _ => Estimate::point(c[i], options.level),
        }
    };
    for (i, coefficient) in Form::info(form).coefficients.iter().enumerate() {
        let mut estimate = estimate(i);
        // A floor that shrank to nothing in a draw has no lower end.
        estimate.low = estimate.low.filter(|low| *low > VANISHED || coefficient.name != "E");
        fit.coefficients.insert(coefficient.name.clone(), estimate);
    }
    fit.derived.insert("a".into(), estimate(1));
    fit.derived.insert("b".into(), estimate(3));
    fit.objective = ObjectiveValue { name: "log-mse".into(), value: Some(value) };
    fit.starts = crate::solve::Starts { tried: 1, converged: 1, at_best: 1 };
    fit.bootstrap = draws.len();
    fit.interval = if options.bootstrap == 0 { "none".into() } else { "percentile".into() };
}
