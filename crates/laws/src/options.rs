//! How a fit is made.

use crate::LawError;
use crate::objective::Objective;
use crate::uncertainty::IntervalKind;
use std::str::FromStr;

/// Bootstrap fits made when the caller does not say.
pub const DEFAULT_BOOTSTRAP: usize = 1000;

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
