//! The one error type of this crate: usage and input that cannot be worked with. Tables that can be
//! read but do not support an answer are not errors but [`crate::Reason`]s for a refusal.

use kleiber_core::CoreError;

/// Everything that can go wrong before a law can be judged on its data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LawError {
    /// Reading, mapping or writing a table failed.
    #[error(transparent)]
    Table(#[from] CoreError),
    /// No law of this name.
    #[error("no law `{name}`; the laws are {known}, or a formula such as 'E + A*params^-alpha'")]
    UnknownLaw {
        /// The name as given.
        name: String,
        /// Known names.
        known: String,
        /// The closest known name.
        nearest: Option<String>,
    },
    /// A formula that cannot be fitted.
    #[error("cannot use the formula `{text}`: {why}")]
    Formula {
        /// The formula as given.
        text: String,
        /// What is wrong.
        why: String,
    },
    /// A coefficient that the law does not have.
    #[error("{law} has no coefficient `{name}`; it has {}", known.join(", "))]
    UnknownCoefficient {
        /// The name as given.
        name: String,
        /// The law.
        law: String,
        /// The law's coefficients.
        known: Vec<String>,
    },
    /// A fixed value that the coefficient cannot have.
    #[error("{name} = {value} is outside {lower} .. {upper}")]
    Bounds {
        /// Coefficient.
        name: String,
        /// Value as given.
        value: f64,
        /// Smallest allowed.
        lower: f64,
        /// Largest allowed.
        upper: f64,
    },
    /// More free coefficients than the solver takes.
    #[error("{free} free coefficients, at most {limit} can be fitted")]
    TooManyCoefficients {
        /// Free coefficients.
        free: usize,
        /// The limit.
        limit: usize,
    },
    /// An option value that cannot be read.
    #[error("--{option}: found `{found}`, expected {expected}")]
    Option {
        /// Option name without dashes.
        option: &'static str,
        /// Value as given.
        found: String,
        /// What is accepted.
        expected: String,
    },
    /// A method that does not apply to the law or the table.
    #[error("the method {method} does not apply: {why}")]
    Method {
        /// Method name.
        method: String,
        /// Why not.
        why: String,
    },
    /// A file that should hold a fitted law and does not.
    #[error("{source_name}: not a fitted law: {why}")]
    NotALaw {
        /// File name.
        source_name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A request that the fitted law cannot answer.
    #[error("{0}")]
    Request(String),
}

impl LawError {
    /// One thing to try, in a sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::Table(e) => e.hint(),
            Self::UnknownLaw { nearest: Some(near), .. } => format!("did you mean `{near}`?"),
            Self::UnknownLaw { .. } => "`kleiber fit --help` lists the laws".into(),
            Self::Formula { .. } => {
                "columns are variables and every other name a coefficient: --law 'E + A*params^-alpha + B*tokens^-beta'"
                    .into()
            }
            Self::UnknownCoefficient { .. } => "use the letters of the law's equation".into(),
            Self::Bounds { .. } => "give a value inside the bounds".into(),
            Self::TooManyCoefficients { .. } => "fix some with --fix NAME=VALUE or tie them with --tie A=B".into(),
            Self::Option { option: "gpu", .. } => {
                "pick one of the list, or leave --gpu out and work from the FLOP".into()
            }
            Self::Option { .. } => "`kleiber fit --help` shows the accepted values".into(),
            Self::Method { .. } => "leave --method out to get the one that suits the law".into(),
            Self::NotALaw { .. } => "write one with `kleiber fit TABLE -o law.json`".into(),
            Self::Request(_) => "see --help for what can be asked of this law".into(),
        }
    }
}
