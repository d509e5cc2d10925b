//! Fitting a law to a run table: options in, a [`Fit`] or a refusal out.

use crate::checks;
use crate::coordinates::Coordinates;
use crate::data::Data;
use crate::evaluate::Evaluate;
use crate::fitted::{Estimate, Fit, HeldOut, Holdout, Model, ObjectiveValue};
use crate::objective::Objective;
use crate::prepare::{Prepared, prepare};
use crate::problem::Problem;
use crate::reason::{Findings, Reason};
use crate::solve::{Minimum, Starts, grid, varpro};
use crate::uncertainty::{IntervalKind, bootstrap, influence, interval, profile};
use crate::{Law, LawError, allocation};
use kleiber_core::table::Table;
use std::str::FromStr;

/// Bootstrap fits made when the caller does not say.
pub const DEFAULT_BOOTSTRAP: usize = 1000;
/// Width of a bootstrap interval, in the search coordinate of a positive coefficient, beyond which
/// its profile is examined.
const FLAT_WIDTH: f64 = 3.5;

/// How a fit is made. The defaults are right for a newcomer.
#[derive(Debug, Clone)]
pub struct Options {
    /// Objective; the law's own when `None`.
    pub objective: Option<Objective>,
    /// Method; variable projection where the law has linear coefficients, else the grid.
    pub method: Option<Method>,
    /// Bootstrap fits; 0 for no intervals.
    pub bootstrap: usize,
    /// Column whose equal labels are drawn together.
    pub cluster: Option<String>,
    /// Condition that holds rows out of the fit.
    pub holdout: Option<String>,
    /// Column with the known standard deviation of each row's response.
    pub sigma: Option<String>,
    /// Coefficients held at a value.
    pub fixed: Vec<(String, f64)>,
    /// Coefficients made equal.
    pub tied: Vec<(String, String)>,
    /// Which checkpoints of a run count; the law's own choice when `None`.
    pub checkpoints: Option<Checkpoints>,
    /// Kind of interval.
    pub interval: IntervalKind,
    /// Nominal coverage.
    pub level: f64,
    /// Seed of everything random.
    pub seed: u64,
    /// Answer even where a refusal is due.
    pub force: bool,
    /// Whether to look for influential rows.
    pub influence: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            objective: None,
            method: None,
            bootstrap: DEFAULT_BOOTSTRAP,
            cluster: None,
            holdout: None,
            sigma: None,
            fixed: Vec::new(),
            tied: Vec::new(),
            checkpoints: None,
            interval: IntervalKind::Percentile,
            level: 0.95,
            seed: 0,
            force: false,
            influence: true,
        }
    }
}

/// Which checkpoints of a run are rows of the fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkpoints {
    /// The last one of each run.
    Last,
    /// All, drawn together by run.
    All,
}

/// How the coefficients are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Variable projection: solve the linear coefficients, scan the others, refine.
    Varpro,
    /// Quasi-Newton descents from the law's grid of starts.
    Grid,
    /// Best size per budget, by a parabola in ln N.
    IsoflopParabola,
    /// Best size per budget, by an Akima spline of ln loss over ln N.
    IsoflopAkima,
    /// Lower envelope of training curves.
    Envelope,
}

impl Method {
    const NAMES: [(&'static str, Self); 5] = [
        ("varpro", Self::Varpro),
        ("grid", Self::Grid),
        ("isoflop:parabola", Self::IsoflopParabola),
        ("isoflop:akima", Self::IsoflopAkima),
        ("envelope", Self::Envelope),
    ];

    /// Name on the command line.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, m)| *m == self).map_or("", |(n, _)| n)
    }
}

impl FromStr for Method {
    type Err = LawError;

    fn from_str(text: &str) -> Result<Self, LawError> {
        Self::NAMES.iter().find(|(n, _)| *n == text).map(|(_, m)| *m).ok_or_else(|| LawError::Option {
            option: "method",
            found: text.into(),
            expected: "varpro, grid, isoflop:parabola, isoflop:akima or envelope".into(),
        })
    }
}

impl Law {
    /// Fits the law to the rows of `table`.
    ///
    /// # Errors
    /// [`LawError`] when the table or the options cannot be worked with. A table that can be read but does
    /// not support an answer gives a [`Fit`] with `status` refused and its reasons.
    ///
    /// ```
    /// use kleiber_laws::{Law, Options, simulate};
    /// let law = Law::named("chinchilla").unwrap();
    /// let truth = [1.8, 480.0, 2000.0, 0.35, 0.37];
    /// let table = simulate::Design::grid(8, 6).table(&law, &truth, 0.0, 0);
    /// let fit = law.fit(&table, &Options { bootstrap: 0, ..Options::default() }).unwrap();
    /// assert!((fit.value("alpha").unwrap() - 0.35).abs() < 1e-8);
    /// ```
    pub fn fit(&self, table: &Table, options: &Options) -> Result<Fit, LawError> {
        if matches!(options.method, Some(Method::IsoflopParabola | Method::IsoflopAkima | Method::Envelope)) {
            return allocation::fit(table, options);
        }
        let form = self.form();
        let info = form.info();
        let objective = options.objective.unwrap_or(info.objective);
        let at = Coordinates::new(info, &options.fixed, &options.tied)?;
        let mut findings = Findings::default();
        let (held, kept) = match &options.holdout {
            Some(condition) => {
                let (held, kept) = table.partition(condition)?;
                (Some(held), kept)
            }
            None => (None, table.clone()),
        };
        let prepared = prepare(info, &kept, options, objective, &mut findings)?;
        let held = held
            .filter(|h| h.rows() > 0)
            .map(|h| prepare(info, &h, options, objective, &mut Findings::default()).map(|p| p.data))
            .transpose()?;
        checks::design(form, &at, &prepared.data, &mut findings);
        if let Some(held) = &held {
            check_leak(held, &prepared.data, &mut findings);
        }
        findings.settle(options.force);
        let problem = Problem { form, at: &at, data: &prepared.data, objective };
        let method = options.method.unwrap_or_else(|| default_method(&problem));
        let mut fit = Fit::blank(&info.name, method.name(), &objective.to_string(), &info.equation, options.seed);
        describe(&mut fit, &prepared);
        if findings.refused() || prepared.data.rows() == 0 {
            return Ok(fit.conclude(&findings));
        }
        let Some(solution) = solve(&problem, method, options.seed)? else {
            findings.refuse(Reason::NotConverged);
            return Ok(fit.conclude(&findings));
        };
        judge(&solution, &mut findings);
        let identification = checks::identification(&problem, &solution.minimum.u, &mut findings);
        findings.settle(options.force);
        fit.starts = solution.starts;
        fit.did_not_move = solution.moved == Some(0.0);
        fit.objective = ObjectiveValue { name: objective.to_string(), value: Some(solution.minimum.value) };
        fit.condition_number = Some(identification.condition).filter(|c| c.is_finite());
        if findings.refused() {
            return Ok(fit.conclude(&findings));
        }
        let draws = intervals(&mut fit, &problem, &solution.minimum.u, options, &identification.at_bound, &mut findings);
        let c = at.natural(&solution.minimum.u);
        let residuals = bootstrap::inflated_residuals(&problem, &solution.minimum.u);
        fit.residual_sd = Some((residuals.iter().map(|r| r * r).sum::<f64>() / residuals.len() as f64).sqrt());
        fit.holdout = held.as_ref().map(|h| holdout(form, &c, h));
        if options.influence {
            fit.influence = influence::strongest(&problem, &solution.minimum.u);
        }
        fit.model = Some(model(self, &prepared.data, draws, residuals, objective));
        Ok(fit.conclude(&findings))
    }
}

struct Solution {
    minimum: Minimum,
    starts: Starts,
    /// Distance from the winning start, for the grid.
    moved: Option<f64>,
}

fn default_method(problem: &Problem<'_>) -> Method {
    if varpro::Projection::new(*problem).is_some() { Method::Varpro } else { Method::Grid }
}

fn solve(problem: &Problem<'_>, method: Method, seed: u64) -> Result<Option<Solution>, LawError> {
    if method == Method::Varpro {
        if varpro::Projection::new(*problem).is_none() {
            let why = format!("{} has no free linear coefficient", problem.form.info().name);
            return Err(LawError::Method { method: "varpro".into(), why });
        }
        return Ok(varpro::search(problem, seed).map(|(minimum, starts)| Solution { minimum, starts, moved: None }));
    }
    let starts = grid::starts(problem, seed);
    Ok(grid::search(problem, &starts).map(|s| Solution { minimum: s.best, starts: s.starts, moved: Some(s.moved) }))
}

fn judge(solution: &Solution, findings: &mut Findings) {
    if solution.moved == Some(0.0) {
        findings.refuse(Reason::DidNotMove);
    }
    if !solution.minimum.converged {
        findings.warn(Reason::NotConverged);
    }
    if solution.moved.is_some() && solution.starts.at_best == 1 && solution.starts.tried > 4 {
        findings.warn(Reason::BestStartAlone { tried: solution.starts.tried });
    }
}

fn describe(fit: &mut Fit, prepared: &Prepared) {
    fit.rows = prepared.data.rows();
    fit.columns = prepared.columns.iter().cloned().collect();
    let named = prepared.data.labels().iter().filter(|l| !l.starts_with("row "));
    let mut runs: Vec<String> = named.map(|l| l.to_string()).collect();
    runs.dedup();
    runs.truncate(100);
    fit.runs = runs;
}

/// Coefficients and derived quantities with their intervals; returns the draws as natural coefficients.
fn intervals(
    fit: &mut Fit,
    problem: &Problem<'_>,
    u: &[f64],
    options: &Options,
    at_bound: &[usize],
    findings: &mut Findings,
) -> Vec<Vec<f64>> {
    let info = problem.form.info();
    let c = problem.at.natural(u);
    let made = bootstrap::draw(problem, u, options.bootstrap, options.seed);
    if made.coordinates.len() < options.bootstrap {
        findings.warn(Reason::Bootstrap { used: made.coordinates.len(), asked: options.bootstrap });
    }
    fit.bootstrap = made.coordinates.len();
    fit.interval = match (options.bootstrap, options.interval, made.kind) {
        (0, IntervalKind::Profile, _) | (_, IntervalKind::Profile, _) => "profile".into(),
        (0, ..) => "none".into(),
        (_, kind, "case") => kind.name().into(),
        (_, _, other) => other.into(),
    };
    let draws: Vec<Vec<f64>> = made.coordinates.iter().map(|d| problem.at.natural(d)).collect();
    let jackknife = if options.interval == IntervalKind::Bca { leave_one_out(problem, u) } else { Vec::new() };
    let bound = |values: &[f64], point: f64, left_out: &[f64]| match options.interval {
        IntervalKind::Bca if made.kind == "case" => interval::bca(values, point, left_out, options.level),
        _ => interval::percentile(values, options.level),
    };
    for (i, coefficient) in info.coefficients.iter().enumerate() {
        let mut estimate = Estimate::point(c[i], options.level);
        if problem.at.fixed(i).is_none() {
            let values: Vec<f64> = draws.iter().map(|d| d[i]).collect();
            let left_out: Vec<f64> = jackknife.iter().map(|d| d[i]).collect();
            if let Some((low, high)) = bound(&values, c[i], &left_out) {
                estimate = Estimate::interval(c[i], low, high, options.level);
                let wide = coefficient.scale.coordinate(high) - coefficient.scale.coordinate(low);
                let flat = coefficient.scale == crate::form::Scale::Log && (wide > FLAT_WIDTH || wide.is_nan());
                if (flat && !at_bound.contains(&i)) || options.interval == IntervalKind::Profile {
                    examine(fit, problem, u, i, options, &mut estimate, flat, findings);
                }
            } else if options.interval == IntervalKind::Profile {
                examine(fit, problem, u, i, options, &mut estimate, false, findings);
            }
        }
        fit.coefficients.insert(coefficient.name.clone(), estimate);
    }
    for (index, (name, value)) in problem.form.derived(&c).into_iter().enumerate() {
        if fit.coefficients.contains_key(name) && name != "a" && name != "b" {
            continue;
        }
        let of = |d: &Vec<f64>| problem.form.derived(d)[index].1;
        let values: Vec<f64> = draws.iter().map(of).collect();
        let left_out: Vec<f64> = jackknife.iter().map(of).collect();
        let estimate = match bound(&values, value, &left_out) {
            Some((low, high)) => Estimate::interval(value, low, high, options.level),
            None => Estimate::point(value, options.level),
        };
        fit.derived.insert(name.to_string(), estimate);
    }
    draws
}

/// The profile of a flat coefficient replaces what the bootstrap cannot say about it.
#[allow(clippy::too_many_arguments)]
fn examine(
    fit: &mut Fit,
    problem: &Problem<'_>,
    u: &[f64],
    i: usize,
    options: &Options,
    estimate: &mut Estimate,
    flat: bool,
    findings: &mut Findings,
) {
    let Some(profile) = profile::profile(problem, u, i, options.level) else { return };
    let name = &problem.form.info().coefficients[i].name;
    if flat {
        (estimate.low, estimate.high) = (profile.low, profile.high);
        findings.warn(Reason::WeaklyIdentified { coefficient: name.clone(), low: profile.low, high: profile.high });
    } else if options.interval == IntervalKind::Profile {
        (estimate.low, estimate.high) = (profile.low, profile.high);
    }
    fit.profiles.insert(name.clone(), profile);
}

/// Natural coefficients with each row left out, to first order.
fn leave_one_out(problem: &Problem<'_>, u: &[f64]) -> Vec<Vec<f64>> {
    let Some(effects) = influence::one_step(problem, u) else { return Vec::new() };
    let clusters = problem.data.clusters();
    let count = clusters.iter().copied().max().map_or(0, |c| c as usize + 1);
    let mut sums = vec![vec![0.0; u.len()]; count];
    for (row, cluster) in effects.row_iter().zip(clusters) {
        sums[*cluster as usize].iter_mut().zip(row.iter()).for_each(|(s, e)| *s += e);
    }
    // Only the skewness is used; a small step keeps the exponentials of the coordinates in range.
    let largest = sums.iter().flatten().fold(0f64, |m, v| m.max(v.abs())).max(f64::MIN_POSITIVE);
    let step = (0.05 / largest).min(1.0);
    sums.iter().map(|s| problem.at.natural(&u.iter().zip(s).map(|(x, e)| x + step * e).collect::<Vec<_>>())).collect()
}

fn check_leak(held: &Data, fitted: &Data, findings: &mut Findings) {
    let key = |data: &Data, i: usize| data.row(i).iter().map(|x| x.value.to_bits()).collect::<Vec<_>>();
    let known: std::collections::HashSet<Vec<u64>> = (0..fitted.rows()).map(|i| key(fitted, i)).collect();
    if let Some(i) = (0..held.rows()).find(|&i| known.contains(&key(held, i))) {
        findings.refuse(Reason::TargetInFit { label: held.labels()[i].to_string() });
    }
}

/// Prediction errors on rows outside the fit.
pub(crate) fn holdout(form: &dyn Evaluate, c: &[f64], held: &Data) -> Holdout {
    let mut predicted = vec![0.0; held.rows()];
    form.values(c, held.inputs(), &mut predicted);
    let one = |(i, p): (usize, &f64)| HeldOut {
        label: held.labels()[i].to_string(),
        observed: held.response()[i],
        predicted: *p,
        rel_error: p / held.response()[i] - 1.0,
    };
    let mut predictions: Vec<HeldOut> = predicted.iter().enumerate().map(one).collect();
    let errors: Vec<f64> = predictions.iter().map(|p| p.rel_error.abs()).collect();
    predictions.truncate(200);
    Holdout {
        rows: held.rows(),
        mean_abs_rel_error: kleiber_core::stats::mean(&errors),
        max_abs_rel_error: errors.iter().fold(0.0, |m, e| m.max(*e)),
        predictions,
    }
}

fn model(law: &Law, data: &Data, draws: Vec<Vec<f64>>, mut residuals: Vec<f64>, objective: Objective) -> Model {
    // A thinned, ordered sample of residuals has the same distribution.
    residuals.sort_unstable_by(f64::total_cmp);
    if residuals.len() > Model::MAX_RESIDUALS {
        let step = residuals.len() as f64 / Model::MAX_RESIDUALS as f64;
        residuals = (0..Model::MAX_RESIDUALS).map(|i| residuals[((i as f64 + 0.5) * step) as usize]).collect();
    }
    let info = law.form().info();
    let ranges = info.variables.iter().enumerate().map(|(v, variable)| (variable.name.clone(), data.range(v))).collect();
    let rows = (0..data.rows().min(Model::MAX_ROWS))
        .map(|i| (data.labels()[i].to_string(), data.row(i).iter().map(|x| x.value).collect(), data.response()[i]))
        .collect();
    Model {
        bounds: law.bounds().iter().map(|b| (b.name.clone(), b.lower, b.upper)).collect(),
        variables: info.variables.iter().map(|v| v.name.clone()).collect(),
        draws,
        residuals,
        log: objective.is_log(),
        ranges,
        flops_range: compute_range(law, data),
        rows,
        chained: None,
    }
}

fn compute_range(law: &Law, data: &Data) -> Option<(f64, f64)> {
    let compute = |i: usize| law.compute(&data.row(i).iter().map(|x| x.value).collect::<Vec<_>>());
    compute(0)?;
    let all = (0..data.rows()).filter_map(compute);
    Some(all.fold((f64::INFINITY, 0f64), |(l, h), c| (l.min(c), h.max(c))))
}
