//! What a law is: a formula over [`Real`] numbers, its variables, its coefficients and the facts that
//! fitting, planning, help and documentation read from it.

use crate::data::Data;
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A functional form. One file in [`crate::forms`] implements it for one published law.
pub trait Form: Send + Sync {
    /// Names, units, bounds and starts.
    fn info(&self) -> &Info;

    /// The predicted response for natural coefficients `c` (in the order of [`Info::coefficients`])
    /// at one row of inputs (in the order of [`Info::variables`]).
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T;

    /// Quantities that follow from the coefficients, such as the exponents of the optimal allocation.
    fn derived(&self, _c: &[f64]) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// Starting points in natural coefficients, when a product grid of [`Coefficient::starts`] does not do.
    fn starts(&self, _data: &Data) -> Option<Vec<Vec<f64>>> {
        None
    }
}

/// One input of one row: the value and its logarithm, which most laws need.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Input {
    /// The value in the unit of its variable.
    pub value: f64,
    /// Natural logarithm of the value.
    pub ln: f64,
}

impl Input {
    /// The input for a value.
    pub fn new(value: f64) -> Self {
        Self { value, ln: value.ln() }
    }

    /// `value^exponent` for an exponent with derivatives.
    #[inline(always)]
    pub fn pow<T: Real>(self, exponent: T) -> T {
        exponent.scale(self.ln).exp()
    }
}

/// The facts of a form.
#[derive(Debug, Clone)]
pub struct Info {
    /// Name on the command line.
    pub name: String,
    /// What it says, in one sentence.
    pub title: String,
    /// Where it comes from.
    pub paper: String,
    /// The equation in plain text.
    pub equation: String,
    /// Inputs in order.
    pub variables: Vec<Variable>,
    /// What is predicted.
    pub response: Response,
    /// Coefficients in order.
    pub coefficients: Vec<Coefficient>,
    /// The objective a newcomer should get.
    pub objective: Objective,
    /// Rows are points of training curves, so every checkpoint counts, not only the last of a run.
    pub curve: bool,
    /// What its paper prints.
    pub published: Published,
}

impl Info {
    /// Position of the coefficient `name`.
    pub fn coefficient(&self, name: &str) -> Option<usize> {
        self.coefficients.iter().position(|c| c.name == name)
    }

    /// Position of the variable `name`.
    pub fn variable(&self, name: &str) -> Option<usize> {
        self.variables.iter().position(|v| v.name == name)
    }
}

/// An input of a law.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Canonical column name, or a column of the user's table for formulas.
    pub name: String,
    /// Columns that may stand in, in order of preference, when the table lacks the first.
    pub alternatives: &'static [&'static str],
}

impl Variable {
    /// The variable of a canonical column.
    pub fn named(name: &str) -> Self {
        Self { name: name.into(), alternatives: &[] }
    }

    /// Model size N: `params` (no embeddings, no head) unless the table only has another counting.
    pub fn params() -> Self {
        Self { name: "params".into(), alternatives: &["params_matmul", "params_total"] }
    }

    /// Whether 0 is a size and not a slip: a format may have no exponent or no mantissa bits.
    pub fn may_be_zero(&self) -> bool {
        ["exponent_bits", "mantissa_bits"].contains(&self.name.as_str())
    }

    /// The one size axis of a learning curve.
    pub fn axis() -> Self {
        Self { name: "x".into(), alternatives: &["tokens", "flops", "params", "unique_tokens", "step"] }
    }
}

/// What a law predicts.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// Canonical column name.
    pub name: Cow<'static, str>,
    /// Unit.
    pub unit: &'static str,
    /// Smallest and largest credible value; outside, another unit is suspected.
    pub domain: (f64, f64),
}

/// Cross entropy in nats per token. Below .3 bits per byte, above 15 perplexity is suspected.
pub const LOSS: Response = Response { name: Cow::Borrowed("loss"), unit: "nats per token", domain: (0.3, 15.0) };
/// Any positive quantity that falls with size.
pub const POSITIVE_LOSS: Response =
    Response { name: Cow::Borrowed("loss"), unit: "as given", domain: (0.0, f64::INFINITY) };
/// An error rate.
pub const ERROR: Response = Response { name: Cow::Borrowed("error"), unit: "fraction", domain: (0.0, 1.0) };

/// A coefficient of a law.
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficient {
    /// The letter of the paper.
    pub name: String,
    /// What it means, with its unit.
    pub meaning: String,
    /// The coordinate it is searched in.
    pub scale: Scale,
    /// Smallest natural value.
    pub lower: f64,
    /// Largest natural value.
    pub upper: f64,
    /// Starting values.
    pub starts: Starts,
    /// Range of the search coordinate that variable projection scans for a nonlinear coefficient.
    pub span: Option<(f64, f64)>,
    /// Whether the prediction is linear in it, so that variable projection can solve for it.
    pub linear: bool,
    /// Whether its profile is always shown: tables rarely determine it.
    pub doubtful: bool,
}

/// The coordinate in which a coefficient is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scale {
    /// The logarithm: positive coefficients of unknown magnitude.
    Log,
    /// The value itself.
    Linear,
}

impl Scale {
    /// Search coordinate of a natural value.
    pub fn coordinate(self, natural: f64) -> f64 {
        if self == Self::Log { natural.ln() } else { natural }
    }

    /// Natural value of a search coordinate.
    pub fn natural(self, coordinate: f64) -> f64 {
        if self == Self::Log { coordinate.exp() } else { coordinate }
    }
}

/// Where the search for a coefficient starts.
#[derive(Debug, Clone, PartialEq)]
pub enum Starts {
    /// These values of the search coordinate.
    At(Vec<f64>),
    /// So many natural values spread in logarithm over the range of the first variable, to this power.
    AcrossAxis {
        /// Number of values.
        count: usize,
        /// Power of the variable, 1 or -1.
        power: f64,
    },
    /// Solved for, given the others: linear coefficients only.
    Solved,
}

impl Coefficient {
    /// A positive coefficient searched in its logarithm.
    pub fn positive(name: &str, meaning: &str) -> Self {
        Self {
            name: name.into(),
            meaning: meaning.into(),
            scale: Scale::Log,
            lower: 1e-12,
            upper: 1e80,
            starts: Starts::Solved,
            span: None,
            linear: false,
            doubtful: false,
        }
    }

    /// A coefficient searched as it is, within bounds.
    pub fn plain(name: &str, meaning: &str, lower: f64, upper: f64) -> Self {
        Self { scale: Scale::Linear, lower, upper, ..Self::positive(name, meaning) }
    }

    /// Its profile is always shown.
    pub fn doubtful(self) -> Self {
        Self { doubtful: true, ..self }
    }

    /// Declares that the prediction is linear in the coefficient.
    pub fn linear(self) -> Self {
        Self { linear: true, ..self }
    }

    /// Bounds in natural values.
    pub fn within(self, lower: f64, upper: f64) -> Self {
        Self { lower, upper, ..self }
    }

    /// Starting values of the search coordinate.
    pub fn starting_at(self, coordinates: &[f64]) -> Self {
        Self { starts: Starts::At(coordinates.to_vec()), ..self }
    }

    /// Starting values spread over the first variable's range.
    pub fn starting_across(self, count: usize, power: f64) -> Self {
        Self { starts: Starts::AcrossAxis { count, power }, ..self }
    }

    /// Range of the search coordinate to scan.
    pub fn scanned(self, from: f64, to: f64) -> Self {
        Self { span: Some((from, to)), ..self }
    }

    /// Bounds of the search coordinate.
    pub fn bounds(&self) -> (f64, f64) {
        match self.scale {
            Scale::Linear => (self.lower, self.upper),
            Scale::Log => (self.lower.max(1e-300).ln(), self.upper.min(1e300).ln()),
        }
    }
}
