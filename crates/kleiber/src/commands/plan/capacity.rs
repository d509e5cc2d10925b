//! `kleiber plan capacity`: parameters for facts.

use super::show;
use crate::commands::quantity;
use crate::error::CliError;
use crate::output::Output;
use clap::{Args, ValueEnum};
use kleiber_laws::knowledge::{Build, Storage};
use kleiber_laws::plan::{CapacityRequest, plan_capacity};

/// Parameters that hold facts, or facts that a model holds: two bits per parameter, less what training, precision and
/// junk take.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber plan capacity --bits 14e9
  kleiber plan capacity --people 10M --exposures 100 --build gated
  kleiber plan capacity --params 7B --weight-bits 4")]
pub(crate) struct CapacityArgs {
    /// Bits of facts.
    #[arg(long, value_name = "BITS", value_parser = quantity, conflicts_with = "people")]
    bits: Option<f64>,
    /// People of whom six attributes are to be known, about 55 bits each.
    #[arg(long, value_name = "COUNT", value_parser = quantity)]
    people: Option<f64>,
    /// Parameters of a given model.
    #[arg(long, value_name = "PARAMS", value_parser = quantity)]
    params: Option<f64>,
    /// How often each fact is seen in training, from 100.
    #[arg(long, value_name = "COUNT", default_value = "1000", value_parser = quantity)]
    exposures: f64,
    /// Bits per stored weight: 32, 16, 8 or 4.
    #[arg(long, value_name = "BITS", default_value_t = 16)]
    weight_bits: u32,
    /// Build of the model.
    #[arg(long, value_enum, default_value = "plain")]
    build: BuildName,
    /// Seven of eight training tokens are junk that never repeats.
    #[arg(long)]
    junk: bool,
    /// Useful paragraphs begin with a token of their own.
    #[arg(long, requires = "junk")]
    marked: bool,
    /// Print one JSON document (kleiber.plan/1).
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum BuildName {
    /// GPT-2 with rotary positions.
    Plain,
    /// LLaMA and Mistral.
    Gated,
    /// Attention alone.
    NoMlp,
    /// 32 experts, one chosen.
    Experts,
}

impl From<BuildName> for Build {
    fn from(name: BuildName) -> Self {
        match name {
            BuildName::Plain => Self::Plain,
            BuildName::Gated => Self::Gated,
            BuildName::NoMlp => Self::NoMlp,
            BuildName::Experts => Self::Experts,
        }
    }
}

/// Runs `kleiber plan capacity`.
pub(super) fn run(args: &CapacityArgs) -> Result<Output, CliError> {
    let storage = Storage {
        exposures: args.exposures,
        build: args.build.into(),
        weight_bits: args.weight_bits,
        junk: args.junk,
        marked: args.marked,
    };
    let request = CapacityRequest { bits: args.bits, people: args.people, params: args.params, storage };
    Ok(show::output(&plan_capacity(&request)?, args.json))
}
