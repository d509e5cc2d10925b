//! Why an answer is refused, or given with a warning: a type with values, so that programs can act
//! on the code and people on the sentence.

use serde::{Deserialize, Serialize};

/// A finding that stands between a table and an honest answer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are named as in the sentences of `message`
pub enum Reason {
    TooFewRows { rows: usize, coefficients: usize },
    FewRows { rows: usize, coefficients: usize },
    TokensTied { exponent: f64 },
    SingleSize { variable: String, value: f64 },
    SingleBudget { flops: f64 },
    TooFewBudgets { interior: usize, needed: usize },
    NoInteriorMinimum { budgets: Vec<f64> },
    LossDomain { column: String, row: u64, value: f64, low: f64, high: f64 },
    ResponseDomain { column: String, row: u64, value: f64, low: f64, high: f64 },
    LossUnit { column: String, unit: String, convert: String },
    UnitsSuspected { column: String, quantity: String, median: f64 },
    NothingHeldOut,
    NoOptimum,
    NoCurves,
    NoSizeEffect { variables: Vec<String> },
    MixedFlops { low: f64, high: f64 },
    FlopsConvention { ratio: f64 },
    DuplicateRows { first: u64, second: u64, count: usize },
    NonFinite { column: String, row: u64, found: String },
    NonPositive { column: String, row: u64, found: f64 },
    Unidentified { coefficients: Vec<String>, direction: Vec<(String, f64)> },
    WeaklyIdentified { coefficient: String, low: Option<f64>, high: Option<f64> },
    BoundHit { coefficient: String, bound: f64 },
    DidNotMove,
    NotConverged,
    TargetInFit { label: String },
    Extrapolation { quantity: String, factor: f64 },
    BestStartAlone { tried: usize },
    Checkpoints { kept: usize, dropped: usize },
    Bootstrap { used: usize, asked: usize },
    Stand { wanted: String, used: String },
    Derived { column: String, formula: String },
    Assumed { what: String },
    DroppedRows { count: usize },
    MethodsDisagree { what: String, found: Vec<(String, f64)> },
    OutsideRange { what: String, low: f64, high: f64 },
    ShortIntervals { shares: Vec<(String, f64)>, tables: usize },
}

impl Reason {
    /// Stable machine-readable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooFewRows { .. } => "too-few-rows",
            Self::FewRows { .. } => "few-rows",
            Self::TokensTied { .. } => "tokens-tied-to-params",
            Self::SingleSize { .. } => "single-size",
            Self::SingleBudget { .. } => "single-budget",
            Self::TooFewBudgets { .. } => "too-few-budgets",
            Self::NoInteriorMinimum { .. } => "no-interior-minimum",
            Self::LossDomain { .. } => "loss-domain",
            Self::ResponseDomain { .. } => "response-domain",
            Self::LossUnit { .. } => "loss-unit",
            Self::UnitsSuspected { .. } => "units-suspected",
            Self::NothingHeldOut => "nothing-held-out",
            Self::NoOptimum => "no-interior-optimum",
            Self::NoCurves => "no-training-curves",
            Self::NoSizeEffect { .. } => "no-size-effect",
            Self::MixedFlops { .. } => "mixed-flop-conventions",
            Self::FlopsConvention { .. } => "flop-convention",
            Self::DuplicateRows { .. } => "duplicate-rows",
            Self::NonFinite { .. } => "non-finite",
            Self::NonPositive { .. } => "non-positive",
            Self::Unidentified { .. } => "unidentified",
            Self::WeaklyIdentified { .. } => "weakly-identified",
            Self::BoundHit { .. } => "bound-hit",
            Self::DidNotMove => "did-not-move",
            Self::NotConverged => "not-converged",
            Self::TargetInFit { .. } => "target-in-fit",
            Self::Extrapolation { .. } => "extrapolation",
            Self::BestStartAlone { .. } => "best-start-alone",
            Self::Checkpoints { .. } => "checkpoints",
            Self::Bootstrap { .. } => "bootstrap",
            Self::Stand { .. } => "stand-in-column",
            Self::Derived { .. } => "derived-column",
            Self::Assumed { .. } => "assumed",
            Self::DroppedRows { .. } => "dropped-rows",
            Self::MethodsDisagree { .. } => "methods-disagree",
            Self::OutsideRange { .. } => "outside-range",
            Self::ShortIntervals { .. } => "short-intervals",
        }
    }

    /// What was found and what to do about it, in one or two sentences.
    pub fn message(&self) -> String {
        let q = kleiber_core::units::format_quantity;
        match self {
            Self::TooFewRows { rows, coefficients } => format!(
                "{} cannot determine {}: at least {} are needed, {} are better; add runs, or hold coefficients with --fix or --tie",
                counted(*rows, "row"),
                counted(*coefficients, "coefficient"),
                coefficients + 1,
                2 * coefficients
            ),
            Self::FewRows { rows, coefficients } => {
                format!(
                    "{rows} rows for {coefficients} coefficients: expect wide intervals; {} rows or more are better",
                    2 * coefficients
                )
            }
            Self::TokensTied { exponent } => format!(
                "tokens follow params (tokens ~ params^{exponent:.2} in every row), so the model term and the data term cannot be \
                 told apart; add runs with other tokens-per-parameter ratios"
            ),
            Self::SingleSize { variable, value } => {
                format!(
                    "every row has {variable} = {}: nothing can be said about its effect; add runs that vary it",
                    q(*value)
                )
            }
            Self::SingleBudget { flops } => format!(
                "every row has the same compute ({} FLOP): how loss falls with compute is not in the table; add runs at other budgets",
                q(*flops)
            ),
            Self::TooFewBudgets { interior, needed } => format!(
                "{interior} compute budgets with a usable optimum, at least {needed} are needed for a power law of compute; add budgets, \
                 or use --method varpro"
            ),
            Self::NoInteriorMinimum { budgets } => format!(
                "no budget has its lowest loss inside the sampled sizes ({}): train smaller and larger models at each budget",
                budgets.iter().map(|b| q(*b)).collect::<Vec<_>>().join(", ")
            ),
            Self::LossDomain { column, row, value, low, high } => {
                let suspect = if value > high {
                    "perplexity or bits per sequence"
                } else if *value <= 0.0 {
                    "a normalised or negated loss"
                } else {
                    "bits per byte, or a rate"
                };
                format!(
                    "row {row}, column `{column}`: {value} is outside {low} to {high}, so this may be {suspect}, not nats per token; convert it \
                     (--map loss=ln(perplexity), or --map 'loss=bits*0.6931'), or use --force if it is right"
                )
            }
            Self::ResponseDomain { column, row, value, low, high } => {
                let suspect =
                    if *value > *high && *value <= 100.0 * high { ", so this may be a percentage" } else { "" };
                format!(
                    "row {row}, column `{column}`: {value} is outside {low} to {high}{suspect}; convert it (--map '{column}={{{column}}}/100'), or use \
                     --force if it is right"
                )
            }
            Self::LossUnit { column, unit, convert } => format!(
                "the loss comes from column `{column}`, which by its name is in {unit}, not in nats per token; convert it \
                 (--map 'loss={convert}'), or use --force to keep the unit: E and all predictions are then in it"
            ),
            Self::UnitsSuspected { column, quantity, median } => format!(
                "half of the rows have {quantity} below {} in column `{column}`: if it counts millions or billions, say so (--map '{quantity}={{{column}}}*1e9'), \
                 or every budget and plan is wrong by that factor",
                q(*median)
            ),
            Self::NothingHeldOut => "no row satisfies --holdout: nothing is held out; loosen the condition".into(),
            Self::NoOptimum => "the law has no interior optimum at this budget: its best size is the smallest or largest possible, so the \
                                allocation does not follow from it; fit another law"
                .into(),
            Self::NoCurves => "every run has one row: an envelope needs several checkpoints of each run; use --method isoflop:akima, or varpro".into(),
            Self::NoSizeEffect { variables } => format!(
                "the fitted law is a constant: in these rows the response does not fall with {}; look at the rows, or at the sign of the response",
                variables.join(" or ")
            ),
            Self::MixedFlops { low, high } => format!(
                "flops / (6*params*tokens) runs from {low:.2} to {high:.2} without pattern: rows follow different FLOP or parameter \
                 conventions; recompute one of them (--map 'flops=6*params*tokens'), or fit by group"
            ),
            Self::FlopsConvention { ratio } => format!(
                "flops is about {ratio:.2} x 6*params*tokens: plans here count C = 6*params*tokens, so convert your budget accordingly"
            ),
            Self::DuplicateRows { first, second, count } => format!(
                "rows {first} and {second} are equal in every column ({count} such rows): copies would count as evidence twice; remove them"
            ),
            Self::NonFinite { column, row, found } => format!(
                "row {row}, column `{column}`: found {found}, expected a number; leave such rows out with --where '{} > 0'",
                operand(column)
            ),
            Self::NonPositive { column, row, found } => format!(
                "row {row}, column `{column}`: found {found}, expected a positive number; leave such rows out with --where '{} > 0'",
                operand(column)
            ),
            Self::Unidentified { coefficients, direction } => format!(
                "the table does not determine {}: the fit stays as good along {}; add runs that vary what they depend on, or hold one with --fix",
                coefficients.join(", "),
                direction.iter().map(|(n, v)| format!("{v:+.2} {n}")).collect::<Vec<_>>().join(" ")
            ),
            Self::WeaklyIdentified { coefficient, low, high } => {
                let end = |v: &Option<f64>, open: &str| {
                    v.map_or_else(|| open.to_string(), |x| kleiber_core::units::format_significant(x, 3))
                };
                format!(
                    "{coefficient} is not identified: values from {} to {} fit about as well (profile likelihood); do not read its value alone",
                    end(low, "its lower bound"),
                    end(high, "its upper bound")
                )
            }
            Self::BoundHit { coefficient, bound } => {
                format!(
                    "{coefficient} ended at its bound {bound:.3e}: the table asks for a value beyond it, or for none at all"
                )
            }
            Self::DidNotMove => "the search ended where it started: its result is its initial guess, not a fit".into(),
            Self::NotConverged => "the search stopped before it converged".into(),
            Self::TargetInFit { label } => {
                format!(
                    "`{label}` was used in the fit: comparing with it is not a prediction; leave it out with --holdout or --where"
                )
            }
            Self::Extrapolation { quantity, factor } => {
                format!(
                    "{quantity} is {} times beyond the fitted range: the interval covers noise and sampling, not a law that stops holding",
                    kleiber_core::units::format_significant(*factor, 3)
                )
            }
            Self::BestStartAlone { tried } => {
                format!(
                    "only one of {tried} starts reached the best objective: the minimum may be missed; try the other --method"
                )
            }
            Self::Checkpoints { kept, dropped } => format!(
                "kept the last checkpoint of each of {} and left {} out; --checkpoints all keeps them, clustered by run",
                counted(*kept, "run"),
                counted(*dropped, "earlier row")
            ),
            Self::Bootstrap { used, asked } => format!("{used} of {asked} bootstrap fits converged and were used"),
            Self::Stand { wanted, used } if wanted == "x" => {
                format!("the size axis is {used}; choose another with --map x=COLUMN")
            }
            Self::Stand { wanted, used } => {
                format!("no column for {wanted}: `{used}` stands in, so N means {used} in all results")
            }
            Self::Derived { column, formula } => format!("no column for {column}: computed as {formula}"),
            Self::Assumed { what } => what.clone(),
            Self::DroppedRows { count } => format!("left out {} without usable numbers", counted(*count, "row")),
            Self::MethodsDisagree { what, found } => format!(
                "published methods disagree about {what}: {}; train two or three sizes around them, or take the interval for the answer",
                found.iter().map(|(name, v)| format!("{name} gives {}", q(*v))).collect::<Vec<_>>().join(", ")
            ),
            Self::OutsideRange { what, low, high } => format!("{what} must lie between {} and {}", q(*low), q(*high)),
            Self::ShortIntervals { shares, tables } => format!(
                "95% intervals of this law are too short: in {tables} simulated tables they held {}; take them for a lower bound of the doubt, or \
                 try --interval profile",
                shares.iter().map(|(n, s)| format!("{n} ({:.0}% of the time)", 100.0 * s)).collect::<Vec<_>>().join(", ")
            ),
        }
    }

    /// The finding as it stands in JSON.
    pub fn finding(&self) -> Finding {
        Finding { code: self.code().into(), message: self.message() }
    }
}

/// A column as it is written in an expression.
fn operand(column: &str) -> String {
    let plain = column.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { column.into() } else { format!("{{{column}}}") }
}

/// `1 row`, `2 rows`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A [`Reason`] as JSON: its code and its sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable code.
    pub code: String,
    /// Sentence.
    pub message: String,
}

/// Whether an answer was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// An answer was given, perhaps with warnings.
    Ok,
    /// No answer, for the reasons given.
    Refused,
}

/// What speaks against an answer so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings {
    pub(crate) reasons: Vec<Reason>,
    pub(crate) warnings: Vec<Reason>,
    /// Reasons that force has turned into warnings.
    pub(crate) forced: Vec<Reason>,
}

impl Findings {
    /// A reason to refuse.
    pub(crate) fn refuse(&mut self, reason: Reason) {
        self.reasons.push(reason);
    }

    /// Something the reader should know.
    pub(crate) fn warn(&mut self, reason: Reason) {
        self.warnings.push(reason);
    }

    /// Under `--force` every reason becomes a warning.
    pub(crate) fn settle(&mut self, force: bool) {
        if force {
            self.forced.extend(self.reasons.iter().cloned());
            self.warnings.append(&mut self.reasons);
        }
    }

    /// Adds what another look found.
    pub(crate) fn merge(&mut self, mut other: Self) {
        self.reasons.append(&mut other.reasons);
        self.warnings.append(&mut other.warnings);
        self.forced.append(&mut other.forced);
    }

    pub(crate) fn refused(&self) -> bool {
        !self.reasons.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_carry_values_and_a_cure() {
        let reason = Reason::TooFewRows { rows: 5, coefficients: 5 };
        assert_eq!(reason.code(), "too-few-rows");
        assert!(reason.message().contains("5 rows") && reason.message().contains("at least 6"));
        let domain = Reason::LossDomain { column: "ppl".into(), row: 3, value: 25.0, low: 0.3, high: 15.0 };
        assert!(domain.message().contains("perplexity") && domain.message().contains("row 3"));
    }

    #[test]
    fn force_turns_reasons_into_warnings() {
        let mut findings = Findings::default();
        findings.refuse(Reason::DidNotMove);
        findings.settle(false);
        assert!(findings.refused());
        findings.settle(true);
        assert!(!findings.refused() && findings.warnings == [Reason::DidNotMove]);
    }
}
