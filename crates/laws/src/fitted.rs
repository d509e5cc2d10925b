//! The result of a fit: what is printed, saved, predicted from and planned with.

use crate::reason::{Finding, Findings, Status};
use crate::solve::Starts;
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize};

/// Schema of `Fit` as JSON.
pub(crate) const SCHEMA: &str = "kleiber.fit/1";
/// Method of coefficients that were printed, not fitted.
pub(crate) const PUBLISHED: &str = "published";

/// A number with its interval; an end that was not computed or has no bound is `None` (JSON null).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Point estimate.
    pub value: Option<f64>,
    /// Lower end.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Nominal coverage of the interval, such as 0.95.
    pub level: f64,
}

impl Estimate {
    /// A value without an interval.
    pub fn point(value: f64, level: f64) -> Self {
        Self { value: finite(value), low: None, high: None, level }
    }

    /// A value with both ends.
    pub fn interval(value: f64, low: f64, high: f64, level: f64) -> Self {
        Self { value: finite(value), low: finite(low), high: finite(high), level }
    }
}

// JSON knows no NaN and no infinity: both are written as null and read back here.

fn with_gaps<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Vec<f64>>, D::Error> {
    let rows: Vec<Vec<Option<f64>>> = Deserialize::deserialize(from)?;
    Ok(rows.into_iter().map(|row| row.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect()).collect())
}

fn without_fit<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    let values: Vec<Option<f64>> = Deserialize::deserialize(from)?;
    Ok(values.into_iter().map(|v| v.unwrap_or(f64::INFINITY)).collect())
}

fn open_ends<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, f64, f64)>, D::Error> {
    let bounds: Vec<(String, Option<f64>, Option<f64>)> = Deserialize::deserialize(from)?;
    let closed = |(name, low, high): (String, Option<f64>, Option<f64>)| {
        (name, low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY))
    };
    Ok(bounds.into_iter().map(closed).collect())
}

fn finite(v: f64) -> Option<f64> {
    v.is_finite().then_some(v)
}

/// The objective and its value at the fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveValue {
    /// Name with its argument, such as `log-huber:0.001`.
    pub name: String,
    /// Sum over rows.
    pub value: Option<f64>,
}

/// How well the law does on rows it has not seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Holdout {
    /// Rows held out.
    pub rows: usize,
    /// Mean of |predicted - observed| / observed.
    pub mean_abs_rel_error: f64,
    /// Largest of |predicted - observed| / observed.
    pub max_abs_rel_error: f64,
    /// Each held-out row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub predictions: Vec<HeldOut>,
}

/// One held-out row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Run name or row number.
    pub label: String,
    /// Observed response.
    pub observed: f64,
    /// Predicted response.
    pub predicted: f64,
    /// (predicted - observed) / observed.
    pub rel_error: f64,
}

/// How far one row moves the fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Influence {
    /// Run name or row number.
    pub label: String,
    /// Change of each coefficient when the row is left out, relative to its value.
    pub change: IndexMap<String, f64>,
}

/// The objective along one coefficient, all others re-fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Values of the coefficient.
    pub values: Vec<f64>,
    /// Objective over its minimum, at each value; infinite, and null in JSON, where there is no fit.
    #[serde(deserialize_with = "without_fit")]
    pub ratio: Vec<f64>,
    /// Ratio beyond which a value is outside the interval.
    pub threshold: f64,
    /// Lower end, `None` when the profile never rises beyond the threshold.
    pub low: Option<f64>,
    /// Upper end, likewise.
    pub high: Option<f64>,
}

/// What `predict` and `plan` need beyond the printed result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Bounds of a formula's coefficients; an open end is infinite, and null in JSON.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "open_ends")]
    pub bounds: Vec<(String, f64, f64)>,
    /// Columns of a formula's variables.
    pub variables: Vec<String>,
    /// Natural coefficients of bootstrap fits; one that a draw leaves open is `NaN`, and null in JSON.
    #[serde(deserialize_with = "with_gaps")]
    pub draws: Vec<Vec<f64>>,
    /// Residuals (predicted - observed, of logarithms if `log`), inflated for the coefficients spent.
    pub residuals: Vec<f64>,
    /// Whether residuals are of logarithms.
    pub log: bool,
    /// Smallest and largest fitted value of each variable.
    pub ranges: IndexMap<String, (f64, f64)>,
    /// Smallest and largest compute (6 x params x tokens, or the law's own), if the law has any.
    pub flops_range: Option<(f64, f64)>,
    /// Smallest and largest tokens per parameter, if the law has both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio_range: Option<(f64, f64)>,
    /// The rows of the fit: label, inputs, response (at most [`Model::MAX_ROWS`]).
    pub rows: Vec<(String, Vec<f64>, f64)>,
    /// IsoFLOP and envelope fits: compute, parameters and loss at each optimum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub optima: Vec<[f64; 3]>,
    /// A loss law chained before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chained: Option<Box<Fit>>,
}

impl Model {
    /// Most rows kept in a saved law.
    pub const MAX_ROWS: usize = 5000;
    /// Most residuals kept in a saved law.
    pub const MAX_RESIDUALS: usize = 1000;
}

/// A fitted law, or the reasons why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// Always `kleiber.fit/1`.
    pub schema: String,
    /// Name or formula of the law.
    pub law: String,
    /// Method that found the coefficients.
    pub method: String,
    /// Rows fitted.
    pub rows: usize,
    /// Objective.
    pub objective: ObjectiveValue,
    /// Coefficients in the paper's letters, with intervals; empty when refused.
    pub coefficients: IndexMap<String, Estimate>,
    /// Quantities that follow from them.
    pub derived: IndexMap<String, Estimate>,
    /// How the starts fared.
    pub starts: Starts,
    /// Answer or refusal.
    pub status: Status,
    /// Why refused.
    pub reasons: Vec<Finding>,
    /// What else to know.
    pub warnings: Vec<Finding>,
    /// Reasons for a refusal that `force` overrode; whatever is made with the law repeats them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forced: Vec<Finding>,
    /// Error on held-out rows.
    pub holdout: Option<Holdout>,
    /// The law's equation.
    pub equation: String,
    /// The column behind each variable and the response.
    pub columns: IndexMap<String, String>,
    /// How intervals were made: `percentile`, `bca`, `profile`, `sandwich` or `none`.
    pub interval: String,
    /// Bootstrap fits used.
    pub bootstrap: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// Condition number of the information matrix in search coordinates.
    pub condition_number: Option<f64>,
    /// Coefficients that ended at a bound or vanished.
    #[serde(default)]
    pub bound_hits: Vec<String>,
    /// Whether the search ended where it started.
    pub did_not_move: bool,
    /// Typical relative (or absolute, for plain residuals) error of a row: residual standard deviation.
    pub residual_sd: Option<f64>,
    /// The rows that carry the fit, strongest first.
    pub influence: Vec<Influence>,
    /// Profiles of flat coefficients.
    pub profiles: IndexMap<String, Profile>,
    /// Names of the runs used, when the table names them (at most 100).
    pub runs: Vec<String>,
    /// Present in saved laws only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Model>,
}

impl Fit {
    /// A refusal, or an empty result to be filled in.
    pub(crate) fn blank(law: &str, method: &str, objective: &str, equation: &str, seed: u64) -> Self {
        Self {
            schema: SCHEMA.into(),
            law: law.into(),
            method: method.into(),
            rows: 0,
            objective: ObjectiveValue { name: objective.into(), value: None },
            coefficients: IndexMap::new(),
            derived: IndexMap::new(),
            starts: Starts::default(),
            status: Status::Refused,
            reasons: Vec::new(),
            warnings: Vec::new(),
            forced: Vec::new(),
            holdout: None,
            equation: equation.into(),
            columns: IndexMap::new(),
            interval: "none".into(),
            bootstrap: 0,
            seed,
            condition_number: None,
            bound_hits: Vec::new(),
            did_not_move: false,
            residual_sd: None,
            influence: Vec::new(),
            profiles: IndexMap::new(),
            runs: Vec::new(),
            model: None,
        }
    }

    /// Writes the findings down; refused when any reason is left.
    pub(crate) fn conclude(mut self, findings: &Findings) -> Self {
        self.reasons = findings.reasons.iter().map(crate::Reason::finding).collect();
        self.warnings = findings.warnings.iter().map(crate::Reason::finding).collect();
        self.forced = findings.forced.iter().map(crate::Reason::finding).collect();
        self.status = if findings.refused() { Status::Refused } else { Status::Ok };
        if findings.refused() {
            self.coefficients.clear();
            self.derived.clear();
            self.model = None;
        }
        self
    }

    /// Whether an answer was given.
    pub fn is_ok(&self) -> bool {
        self.status == Status::Ok
    }

    /// The value of a coefficient or derived quantity.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.coefficients.get(name).or_else(|| self.derived.get(name)).and_then(|e| e.value)
    }

    /// The coefficients in the law's order; `NaN` where unknown.
    pub fn point(&self) -> Vec<f64> {
        self.coefficients.values().map(|e| e.value.unwrap_or(f64::NAN)).collect()
    }

    /// What every use of the law must say: where its coefficients come from when they are published, and what stood
    /// against it when it was forced.
    pub(crate) fn inherited_warnings(&self) -> Vec<Finding> {
        let published = if self.method == PUBLISHED { self.warnings.as_slice() } else { &[] };
        let message = |f: &Finding| format!("the law was fitted by force although {}", f.message);
        let forced = self.forced.iter().map(|f| Finding { code: f.code.clone(), message: message(f) });
        published.iter().cloned().chain(forced).collect()
    }

    /// The result as it is printed: without the model.
    pub fn printed(&self) -> Self {
        Self { model: None, ..self.clone() }
    }
}
