//! Fitting a law to a run table: options in, a [`Fit`] or a refusal out.

use crate::coordinates::Coordinates;
use crate::data::Data;
use crate::fitted::{Fit, Model, ObjectiveValue};
use crate::holdout::{check_leak, holdout};
use crate::objective::Objective;
use crate::options::{Method, Options};
use crate::prepare::{Prepared, prepare, reduce};
use crate::problem::Problem;
use crate::reason::{Findings, Reason};
use crate::solve::bfgs::{Settings, minimise};
use crate::solve::newton::polish;
use crate::solve::{Minimum, Starts, grid, varpro};
use crate::uncertainty::{IntervalKind, bootstrap, estimates::estimates, influence};
use crate::{Law, LawError, allocation, checks, recovery};
use kleiber_core::table::Table;

/// Rows that a search looks at; larger tables are searched on a sample and refined on all rows.
const SEARCHED_ROWS: usize = 4000;
/// Relative spread of the predictions below which the law says nothing about size.
const CONSTANT: f64 = 1e-9;

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
        let table = reduce(table, info.curve, options, &mut findings);
        let (held, kept) = match &options.holdout {
            Some(condition) => {
                let (held, kept) = table.partition(condition)?;
                (Some(held), kept)
            }
            None => (None, table),
        };
        let prepared = prepare(info, kept, options, objective, &mut findings)?;
        let mut of_held = Findings::default();
        let held = held
            .filter(|h| h.rows() > 0)
            .map(|h| prepare(info, h, options, objective, &mut of_held).map(|p| p.data))
            .transpose()?
            .filter(|data| data.rows() > 0);
        of_held.reasons.into_iter().for_each(|reason| findings.refuse(reason));
        if options.holdout.is_some() && held.is_none() {
            findings.refuse(Reason::NothingHeldOut);
        }
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
        judge(&problem, &solution, &mut findings);
        let identification = checks::identification(&problem, &solution.minimum.u, &mut findings);
        findings.settle(options.force);
        fit.starts = solution.starts;
        fit.did_not_move = solution.moved == Some(0.0);
        fit.objective = ObjectiveValue { name: objective.to_string(), value: Some(solution.minimum.value) };
        fit.bound_hits = identification.at_bound.iter().map(|&i| info.coefficients[i].name.clone()).collect();
        fit.condition_number = Some(identification.condition).filter(|c| c.is_finite());
        if findings.refused() {
            return Ok(fit.conclude(&findings));
        }
        let draws =
            estimates(&mut fit, &problem, &solution.minimum.u, options, &identification.at_bound, &mut findings);
        if fit.interval == IntervalKind::Percentile.name() {
            recovery::warning(&info.name).into_iter().for_each(|reason| findings.warn(reason));
        }
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

/// Searches for the minimum. Large tables are searched on a seeded sample of rows, whose minimum is then
/// carried to that of all rows.
fn solve(problem: &Problem<'_>, method: Method, seed: u64) -> Result<Option<Solution>, LawError> {
    let Some(sample) = sample_rows(problem.data, seed) else { return search(problem, method, seed) };
    let found = search(&Problem { data: &sample, ..*problem }, method, seed)?;
    Ok(found.map(|solution| {
        let minimum = polish(problem, minimise(problem, &solution.minimum.u, Settings::POLISH));
        Solution { minimum, ..solution }
    }))
}

fn search(problem: &Problem<'_>, method: Method, seed: u64) -> Result<Option<Solution>, LawError> {
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

fn sample_rows(data: &Data, seed: u64) -> Option<Data> {
    (data.rows() > SEARCHED_ROWS).then(|| {
        let mut rng = kleiber_core::rng::Rng::new(seed, "searched rows", 0);
        let mut rows: Vec<usize> = (0..SEARCHED_ROWS).map(|_| rng.below(data.rows())).collect();
        rows.sort_unstable();
        data.take(&rows)
    })
}

fn judge(problem: &Problem<'_>, solution: &Solution, findings: &mut Findings) {
    let predictions = problem.predictions_at(&problem.at.natural(&solution.minimum.u));
    let (low, high) = predictions.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), y| (l.min(*y), h.max(*y)));
    if high - low < CONSTANT * high.abs() {
        findings.refuse(Reason::NoSizeEffect { variables: problem.data.variables().to_vec() });
    }
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

fn model(law: &Law, data: &Data, draws: Vec<Vec<f64>>, mut residuals: Vec<f64>, objective: Objective) -> Model {
    // A thinned, ordered sample of residuals has the same distribution.
    residuals.sort_unstable_by(f64::total_cmp);
    if residuals.len() > Model::MAX_RESIDUALS {
        let step = residuals.len() as f64 / Model::MAX_RESIDUALS as f64;
        residuals = (0..Model::MAX_RESIDUALS).map(|i| residuals[((i as f64 + 0.5) * step) as usize]).collect();
    }
    let info = law.form().info();
    let ranges =
        info.variables.iter().enumerate().map(|(v, variable)| (variable.name.clone(), data.range(v))).collect();
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
        flops_range: range(data, |x| law.compute(x)),
        ratio_range: range(data, |x| law.tokens_per_param(x)),
        rows,
        optima: Vec::new(),
        chained: None,
    }
}

fn range(data: &Data, quantity: impl Fn(&[f64]) -> Option<f64>) -> Option<(f64, f64)> {
    let of = |i: usize| quantity(&data.row(i).iter().map(|x| x.value).collect::<Vec<_>>());
    of(0)?;
    let all = (0..data.rows()).filter_map(of);
    Some(all.fold((f64::INFINITY, 0f64), |(l, h), c| (l.min(c), h.max(c))))
}
