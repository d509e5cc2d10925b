//! `kleiber plan mixture`: the best data mixture, by small runs.

use super::show;
use crate::commands::quantity;
use crate::commands::table::TableArgs;
use crate::error::CliError;
use crate::output::Output;
use clap::{Args, ValueEnum};
use kleiber_core::table::Table;
use kleiber_laws::mixture::{Method, MixtureTable, TreeOptions, caps_of_epochs, pair};
use kleiber_laws::plan::{MixtureRequest, plan_mixture};
use std::path::{Path, PathBuf};

/// The best data mixture by a regression on small runs, and how far to trust it.
///
/// The table has one row per run: the share of each domain (columns that add up to 1) and a measured loss. The regression is judged by the
/// rank correlation of rows it has not seen, then a million random mixtures are predicted and the best averaged. Shares are fractions of
/// the training tokens; losses have the unit of the table.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber plan mixture runs.csv
  kleiber plan mixture mixtures.csv --losses losses.csv --target pile_cc --test mixtures-1b.csv --test-losses losses-1b.csv
  kleiber plan mixture runs.csv --natural web=0.7,code=0.2,books=0.1 --method sqrt --json
  kleiber plan mixture runs.csv --tokens 100B --available web=5T,code=20B,books=5B --max-epochs 4")]
pub(crate) struct MixtureArgs {
    #[command(flatten)]
    table: TableArgs,
    /// A second table with the losses of the same runs, paired by the first column that both have.
    #[arg(long, value_name = "TABLE")]
    losses: Option<PathBuf>,
    /// Columns of shares: their names, or how they begin. [default: those between 0 and 1 that add up to 1]
    #[arg(long, value_name = "NAMES|BEGINNING")]
    shares: Option<String>,
    /// Target columns, whose mean is predicted; a part that one name has is enough. [default: the column with `loss` in its name]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    target: Vec<String>,
    /// A larger target is better, such as an accuracy.
    #[arg(long)]
    maximise: bool,
    /// Regression.
    #[arg(long, value_enum, default_value_t = MethodName::Trees)]
    method: MethodName,
    /// Trees of --method trees.
    #[arg(long, default_value_t = TreeOptions::default().trees, value_name = "N")]
    trees: usize,
    /// Share of each tree that is added.
    #[arg(long, default_value_t = TreeOptions::default().rate)]
    rate: f64,
    /// Fewest runs in a leaf of a tree.
    #[arg(long, default_value_t = TreeOptions::default().rows, value_name = "N")]
    leaf_rows: usize,
    /// Random mixtures to predict.
    #[arg(long, default_value = "1M", value_name = "N", value_parser = quantity)]
    candidates: f64,
    /// How many of the best are averaged.
    #[arg(long, default_value_t = 100, value_name = "N")]
    top: usize,
    /// How closely random mixtures keep to the natural one: the concentration of their Dirichlet distribution.
    #[arg(long, default_value_t = 1.0)]
    strength: f64,
    /// The mixture without a choice, such as the token shares of the domains; scaled to add up to 1. [default: mean of the runs]
    #[arg(long, value_name = "DOMAIN=SHARE,..", value_parser = domain_values)]
    natural: Option<DomainValues>,
    /// Largest share of some domains.
    #[arg(long, value_name = "DOMAIN=SHARE,..", value_parser = domain_values)]
    largest: Option<DomainValues>,
    /// Unique tokens there are of some domains; with --tokens they limit shares.
    #[arg(long, value_name = "DOMAIN=TOKENS,..", value_parser = domain_values, requires = "tokens")]
    available: Option<DomainValues>,
    /// Tokens of the training that the mixture is for.
    #[arg(long, value_name = "TOKENS", value_parser = quantity, requires = "available")]
    tokens: Option<f64>,
    /// How often the tokens of a domain may be seen.
    #[arg(long, default_value_t = 4.0, requires = "available")]
    max_epochs: f64,
    /// Runs with the same columns, such as of a larger model, whose order the regression is tested on.
    #[arg(long, value_name = "TABLE")]
    test: Option<PathBuf>,
    /// A second table with the losses of the test runs.
    #[arg(long, value_name = "TABLE", requires = "test")]
    test_losses: Option<PathBuf>,
    /// Parts of the rows that are held out in turn.
    #[arg(long, default_value_t = 5, value_name = "N")]
    folds: usize,
    /// Seed of the random mixtures and of the parts.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print one JSON document (kleiber.plan/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// Names of the regressions.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum MethodName {
    /// Boosted trees.
    Trees,
    /// Least squares on shares and their square roots.
    Sqrt,
    /// Least squares on shares.
    Linear,
    /// c + exp(sum t_i w_i).
    Exponential,
}

/// Values by domain, as given.
#[derive(Debug, Clone)]
struct DomainValues(Vec<(String, f64)>);

fn domain_values(text: &str) -> Result<DomainValues, String> {
    let one = |part: &str| {
        let (name, value) = part.rsplit_once('=').ok_or_else(|| format!("`{part}` is not DOMAIN=VALUE"))?;
        let value = if matches!(value.trim(), "0" | "0.0") { 0.0 } else { quantity(value.trim())? };
        Ok((name.trim().to_string(), value))
    };
    text.split(',').map(one).collect::<Result<_, String>>().map(DomainValues)
}

impl DomainValues {
    /// One value per domain; `rest` where none is given.
    fn spread(&self, runs: &MixtureTable, rest: f64) -> Result<Vec<f64>, CliError> {
        let mut values = vec![rest; runs.domains.len()];
        for (name, value) in &self.0 {
            values[runs.domain(name)?] = *value;
        }
        Ok(values)
    }
}

/// Runs `kleiber plan mixture`.
pub(super) fn run(args: &MixtureArgs) -> Result<Output, CliError> {
    let runs = MixtureTable::read(
        &with_losses(args.table.read()?, args.losses.as_deref())?,
        args.shares.as_deref(),
        &args.target,
    )?;
    let test = match &args.test {
        Some(path) => Some(runs.same(&with_losses(Table::read(path)?, args.test_losses.as_deref())?)?),
        None => None,
    };
    let natural = args.natural.as_ref().map(|n| natural(n, &runs)).transpose()?;
    let request = MixtureRequest {
        test,
        method: method(args),
        natural,
        caps: caps(args, &runs)?,
        candidates: args.candidates as usize,
        keep: args.top,
        strength: args.strength,
        folds: args.folds,
        seed: args.seed,
        maximise: args.maximise,
        runs,
    };
    Ok(show::output(&plan_mixture(&request)?, args.json))
}

fn with_losses(table: Table, losses: Option<&Path>) -> Result<Table, CliError> {
    Ok(match losses {
        Some(path) => pair(&table, &Table::read(path)?)?,
        None => table,
    })
}

fn method(args: &MixtureArgs) -> Method {
    match args.method {
        MethodName::Linear => Method::Linear,
        MethodName::Sqrt => Method::SquareRoot,
        MethodName::Exponential => Method::Exponential,
        MethodName::Trees => Method::Trees(TreeOptions {
            trees: args.trees,
            rate: args.rate,
            rows: args.leaf_rows,
            ..TreeOptions::default()
        }),
    }
}

fn natural(given: &DomainValues, runs: &MixtureTable) -> Result<Vec<f64>, CliError> {
    let shares = given.spread(runs, f64::NAN)?;
    let without: Vec<&str> =
        runs.domains.iter().zip(&shares).filter(|(_, s)| s.is_nan()).map(|(d, _)| d.as_str()).collect();
    if without.is_empty() {
        return Ok(shares);
    }
    Err(CliError::usage(
        format!("--natural gives no share for {}", without.join(", ")),
        "name every domain; 0 keeps one out of the search",
    ))
}

fn caps(args: &MixtureArgs, runs: &MixtureTable) -> Result<Vec<f64>, CliError> {
    let mut caps = args.largest.as_ref().map_or(Ok(vec![1.0; runs.domains.len()]), |l| l.spread(runs, 1.0))?;
    if let (Some(available), Some(tokens)) = (&args.available, args.tokens) {
        let limits = caps_of_epochs(&available.spread(runs, f64::INFINITY)?, tokens, args.max_epochs);
        caps.iter_mut().zip(limits).for_each(|(cap, limit)| *cap = cap.min(limit));
    }
    Ok(caps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_take_units() {
        let given = domain_values("web=5T, a=b=20B,books=0").unwrap().0;
        assert_eq!(given, [("web".into(), 5e12), ("a=b".into(), 2e10), ("books".into(), 0.0)]);
        for bad in ["web", "web=-1", "web=x", ""] {
            assert!(domain_values(bad).is_err(), "{bad}");
        }
    }
}
