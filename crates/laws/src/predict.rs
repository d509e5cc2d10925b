//! Predictions of a fitted law, with intervals that hold the scatter of a new run as well as the
//! uncertainty of the coefficients, and with the distance beyond the fitted range.

use crate::form::LOSS;
use crate::reason::{Finding, Findings, Reason, Status};
use crate::uncertainty::interval::percentile;
use crate::{Fit, Law, LawError};
use indexmap::IndexMap;
use kleiber_core::rng::Rng;
use serde::Serialize;

/// Schema of [`Predictions`] as JSON.
pub const SCHEMA: &str = "kleiber.predict/1";
/// Beyond the fitted range by this factor, a prediction carries a warning.
const FAR: f64 = 100.0;

/// Predictions at one or more points.
#[derive(Debug, Clone, Serialize)]
pub struct Predictions {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// The law.
    pub law: String,
    /// What is predicted.
    pub response: String,
    /// One per point asked for.
    pub predictions: Vec<Prediction>,
    /// Answer or refusal.
    pub status: Status,
    /// Why refused.
    pub reasons: Vec<Finding>,
    /// What else to know.
    pub warnings: Vec<Finding>,
    /// Runs the law was fitted to (at most 100).
    pub fitted_runs: Vec<String>,
}

/// A predicted response.
#[derive(Debug, Clone, Serialize)]
pub struct Prediction {
    /// The inputs.
    pub at: IndexMap<String, f64>,
    /// Value of the law.
    pub value: Option<f64>,
    /// Lower end of the interval for a new run.
    pub low: Option<f64>,
    /// Upper end of the interval for a new run.
    pub high: Option<f64>,
    /// Lower and upper end for the law itself, without the scatter of a run.
    pub law_interval: Option<(f64, f64)>,
    /// Nominal coverage.
    pub level: f64,
    /// How many times beyond the fitted range: of compute, or of the worst variable; 1 inside.
    pub extrapolation: f64,
    /// Loss of the chained law, for laws of loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
}

impl Fit {
    /// Predicts at points given as variable names and values. `params`, `tokens`, `flops` and
    /// `multiplier` (tokens per parameter) determine each other.
    ///
    /// # Errors
    /// [`LawError::Request`] for a point that lacks a variable or has an unusable value.
    pub fn predict(&self, points: &[IndexMap<String, f64>], level: f64, force: bool) -> Result<Predictions, LawError> {
        let law = Law::of(self)?;
        let mut findings = Findings::default();
        let mut predictions = Vec::new();
        for point in points {
            let mut of_point = Findings::default();
            let mut prediction = self.predict_one(&law, point, level, &mut of_point)?;
            of_point.settle(force);
            if of_point.refused() {
                (prediction.value, prediction.low, prediction.high) = (None, None, None);
                prediction.law_interval = None;
            }
            predictions.push(prediction);
            findings.merge(of_point);
        }
        Ok(Predictions {
            schema: SCHEMA,
            law: self.law.clone(),
            response: law.info().response.name.to_string(),
            predictions,
            status: if findings.refused() { Status::Refused } else { Status::Ok },
            reasons: findings.reasons.iter().map(Reason::finding).collect(),
            warnings: findings.warnings.iter().map(Reason::finding).chain(self.inherited_warnings()).collect(),
            fitted_runs: self.runs.clone(),
        })
    }

    /// Parameters and tokens of a point given as for [`Fit::predict`].
    ///
    /// # Errors
    /// [`LawError::Request`] for a point that does not determine them, or a law without them.
    pub fn size_of(&self, point: &IndexMap<String, f64>) -> Result<(f64, f64), LawError> {
        let law = Law::of(self)?;
        let info = law.info();
        let x = complete(&law, point)?;
        let size = info.variables.iter().position(|v| v.name.starts_with("params"));
        match (size, info.variable("tokens")) {
            (Some(n), Some(d)) => Ok((x[n], x[d])),
            _ => Err(LawError::Request(format!("{} is not a law of params and tokens", info.name))),
        }
    }

    fn predict_one(
        &self,
        law: &Law,
        point: &IndexMap<String, f64>,
        level: f64,
        findings: &mut Findings,
    ) -> Result<Prediction, LawError> {
        let zero = |name: &str| law.info().variables.iter().any(|v| v.name == name && v.may_be_zero());
        let unusable = |(name, v): &(&String, &f64)| !(v.is_finite() && (**v > 0.0 || (**v == 0.0 && zero(name))));
        if let Some((name, value)) = point.iter().find(unusable) {
            return Err(LawError::Request(format!("{name} = {value}: a size must be a positive number")));
        }
        let chained = self.model.as_ref().and_then(|m| m.chained.as_ref()).filter(|_| !point.contains_key("loss"));
        if let Some(first) = chained {
            return self.predict_chain(law, first, point, level, findings);
        }
        let x = complete(law, point)?;
        if self.law == "allocation" && !point.contains_key("flops") {
            let what = "this law only knows the best loss at a compute: the value is that of the optimal size at C = 6ND, not of this one";
            findings.warn(Reason::Assumed { what: what.into() });
        }
        self.check_target(&x, findings);
        let value = law.predict(&self.point(), &x);
        let draws = self.draws_at(law, &x);
        let (low, high) = split(percentile(&self.with_noise(&draws, 0), level));
        let (quantity, extrapolation) = self.extrapolation(law, &x);
        if extrapolation > FAR {
            findings.warn(Reason::Extrapolation { quantity, factor: extrapolation });
        }
        let (low, high) = (low.map(|v| inside(law, v)), high.map(|v| inside(law, v)));
        Ok(Prediction {
            at: point.clone(),
            value: Some(value).filter(|v| v.is_finite()),
            low,
            high,
            law_interval: percentile(&draws, level),
            level,
            extrapolation,
            loss: None,
        })
    }

    /// Loss by the first law, then this law of that loss; the interval carries both.
    fn predict_chain(
        &self,
        law: &Law,
        first: &Self,
        point: &IndexMap<String, f64>,
        level: f64,
        findings: &mut Findings,
    ) -> Result<Prediction, LawError> {
        let loss_law = Law::of(first)?;
        let mut prediction = first.predict_one(&loss_law, point, level, findings)?;
        let x = complete(&loss_law, point)?;
        let of_law = first.draws_at(&loss_law, &x);
        let of_run = first.with_noise(&of_law, 1);
        let own = self.model.as_ref().map(|m| m.draws.as_slice()).unwrap_or_default();
        let chain = |losses: &[f64]| -> Vec<f64> {
            own.iter().zip(losses).map(|(draw, loss)| law.predict(draw, &[*loss])).collect()
        };
        let loss = prediction.value;
        let (low, high) = split(percentile(&self.with_noise(&chain(&of_run), 0), level));
        prediction.value = loss.map(|l| law.predict(&self.point(), &[l]));
        (prediction.low, prediction.high) = (low.map(|v| inside(law, v)), high.map(|v| inside(law, v)));
        prediction.law_interval = percentile(&chain(&of_law), level);
        prediction.loss = loss;
        if let Some((quantity, factor)) = loss.map(|l| self.extrapolation(law, &[l])).filter(|(_, f)| *f > 1.0) {
            prediction.extrapolation = prediction.extrapolation.max(factor);
            findings.warn(Reason::Extrapolation { quantity, factor });
        }
        Ok(prediction)
    }

    /// The law under every draw.
    fn draws_at(&self, law: &Law, x: &[f64]) -> Vec<f64> {
        let draws = self.model.as_ref().map(|m| m.draws.as_slice()).unwrap_or_default();
        draws.iter().map(|c| law.predict(c, x)).collect()
    }

    /// A residual of the fit added to each value.
    fn with_noise(&self, values: &[f64], stream: u32) -> Vec<f64> {
        let Some(model) = self.model.as_ref().filter(|m| !m.residuals.is_empty()) else { return values.to_vec() };
        let mut rng = Rng::new(self.seed, "prediction noise", stream);
        let noisy = |v: &f64| {
            let r = model.residuals[rng.below(model.residuals.len())];
            if model.log { v * (-r).exp() } else { v - r }
        };
        values.iter().map(noisy).collect()
    }

    fn check_target(&self, x: &[f64], findings: &mut Findings) {
        let same =
            |row: &&(String, Vec<f64>, f64)| row.1.iter().zip(x).all(|(a, b)| a == b || (a / b - 1.0).abs() < 1e-9);
        let rows = self.model.as_ref().map(|m| m.rows.as_slice()).unwrap_or_default();
        if let Some(row) = rows.iter().find(same) {
            findings.refuse(Reason::TargetInFit { label: row.0.clone() });
        }
    }

    /// How many times `x` lies beyond the fitted range of compute, of tokens per parameter or of any variable,
    /// whichever is worst, and which that is.
    pub(crate) fn extrapolation(&self, law: &Law, x: &[f64]) -> (String, f64) {
        let beyond = |v: f64, (low, high): (f64, f64)| (v / high).max(low / v).max(1.0);
        let Some(model) = &self.model else { return (String::new(), 1.0) };
        let compute = law.compute(x).zip(model.flops_range).map(|(c, range)| ("compute", beyond(c, range)));
        let ratio =
            law.tokens_per_param(x).zip(model.ratio_range).map(|(m, range)| ("tokens per parameter", beyond(m, range)));
        // Counts that may be 0 are compared with the half that the laws add to them.
        let half = |i: usize| if law.info().variables.get(i).is_some_and(|v| v.may_be_zero()) { 0.5 } else { 0.0 };
        let variables = model
            .ranges
            .iter()
            .zip(x)
            .enumerate()
            .map(|(i, ((name, r), v))| (name.as_str(), beyond(*v + half(i), (r.0 + half(i), r.1 + half(i)))));
        let worst = compute.into_iter().chain(ratio).chain(variables).max_by(|a, b| a.1.total_cmp(&b.1));
        worst.map_or((String::new(), 1.0), |(name, factor)| (name.into(), factor))
    }
}

/// Rates stay rates: an interval ends where the response does.
fn inside(law: &Law, value: f64) -> f64 {
    let response = &law.info().response;
    if *response == LOSS { value } else { value.clamp(response.domain.0, response.domain.1) }
}

fn split(pair: Option<(f64, f64)>) -> (Option<f64>, Option<f64>) {
    pair.map_or((None, None), |(low, high)| (Some(low), Some(high)))
}

/// The law's inputs from what was given, using C = 6ND and M = D/N.
fn complete(law: &Law, point: &IndexMap<String, f64>) -> Result<Vec<f64>, LawError> {
    let info = law.info();
    check_names(law, point)?;
    let given = |names: &[&str]| names.iter().find_map(|n| point.get(*n).copied());
    let size = given(&["params", "params_matmul", "params_total", "N"]);
    let tokens = given(&["tokens", "D"]);
    let flops = given(&["flops", "C"]);
    let multiplier = given(&["multiplier", "M"]);
    let known = |name: &str| -> Option<f64> {
        match name {
            "params" | "params_matmul" | "params_total" => size
                .or_else(|| Some(flops? / (6.0 * tokens?)))
                .or_else(|| Some(tokens? / multiplier?))
                .or_else(|| Some((flops? / (6.0 * multiplier?)).sqrt())),
            "tokens" => tokens
                .or_else(|| Some(flops? / (6.0 * size?)))
                .or_else(|| Some(size? * multiplier?))
                .or_else(|| Some((flops? * multiplier? / 6.0).sqrt())),
            "flops" => {
                flops.or_else(|| Some(6.0 * size? * tokens?)).or_else(|| Some(6.0 * size? * size? * multiplier?))
            }
            "unique_tokens" => given(&["unique_tokens", "U"]).or(tokens),
            _ => None,
        }
    };
    let axis = |name: &str| (name == "x" && point.len() == 1).then(|| point.values().next().copied()).flatten();
    let value = |name: &String| {
        point.get(name).copied().or_else(|| known(name)).or_else(|| axis(name)).ok_or_else(|| {
            let names: Vec<&str> = info.variables.iter().map(|v| v.name.as_str()).collect();
            LawError::Request(format!(
                "{} needs {}: `{name}` is missing; for example --at {}",
                info.name,
                names.join(" and "),
                names.iter().map(|n| format!("{n}=1e9")).collect::<Vec<_>>().join(",")
            ))
        })
    };
    let x = info.variables.iter().map(|v| value(&v.name)).collect::<Result<Vec<f64>, _>>()?;
    // Two sizes determine the rest; a third must agree.
    if let (Some(n), Some(d)) = (known("params"), known("tokens")) {
        let differs = |given: Option<f64>, implied: f64| given.is_some_and(|v| (v / implied - 1.0).abs() > 0.02);
        if differs(size, n) || differs(tokens, d) || differs(flops, 6.0 * n * d) || differs(multiplier, d / n) {
            return Err(LawError::Request(
                "params, tokens, flops and multiplier contradict each other: give two of them".into(),
            ));
        }
    }
    Ok(x)
}

/// Names that mean nothing to the law, and values that contradict each other.
fn check_names(law: &Law, point: &IndexMap<String, f64>) -> Result<(), LawError> {
    const SIZES: [&str; 13] = [
        "params",
        "params_matmul",
        "params_total",
        "N",
        "tokens",
        "D",
        "flops",
        "C",
        "multiplier",
        "M",
        "unique_tokens",
        "U",
        "x",
    ];
    let own: Vec<&str> = law.info().variables.iter().map(|v| v.name.as_str()).chain(SIZES).collect();
    let axis = law.info().variable("x").is_some() && point.len() == 1;
    if let Some(stray) = point.keys().find(|name| !own.contains(&name.as_str()) && !axis) {
        let near =
            kleiber_core::table::nearest(stray, &own).map_or(String::new(), |n| format!("; did you mean `{n}`?"));
        let needs: Vec<&str> = law.info().variables.iter().map(|v| v.name.as_str()).collect();
        let message = format!("`{stray}` is no size this law knows{near}: it needs {}", needs.join(" and "));
        return Err(LawError::Request(message));
    }
    for same in
        [&["params", "params_matmul", "params_total", "N"][..], &["tokens", "D"], &["flops", "C"], &["multiplier", "M"]]
    {
        let given: Vec<&str> = same.iter().copied().filter(|name| point.contains_key(*name)).collect();
        if let [first, second, ..] = given[..] {
            return Err(LawError::Request(format!("{first} and {second} say the same thing twice: give one of them")));
        }
    }
    Ok(())
}
