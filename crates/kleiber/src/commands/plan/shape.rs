//! `kleiber plan shape`: the shape of a network for a size.

use super::show;
use crate::commands::quantity;
use crate::error::CliError;
use crate::output::Output;
use clap::Args;
use clap::builder::PossibleValuesParser;
use kleiber_laws::plan::{BytesRequest, CnnRequest, TransformerRequest, plan_bytes, plan_cnn, plan_transformer};
use kleiber_laws::serving;

/// The shape of a network for so many operations, parameters or bytes.
///
/// --family transformer finds layers and width of a decoder for --params. --family cnn scales a published network to --times its
/// operations; rules are fast, uniform, efficientnet, width, depth, resolution, depth-resolution, alpha=0.7 or d1_w8_r1. --bytes
/// finds the small encoder with most operations in a file of that size.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber plan shape --params 1.3B --head-width 128 --vocab 32000 --context 2048
  kleiber plan shape --params 1.2B --sparsity 0.75 --tokens 26B
  kleiber plan shape --family cnn --base regnety-4.0gf --times 4 --rule fast
  kleiber plan shape --bytes 3MB --bits 8 --vocab-min 4000
  kleiber plan shape --bytes 3MB --published")]
pub(crate) struct ShapeArgs {
    /// Family. [default: cnn with --base, else transformer]
    #[arg(long, value_parser = PossibleValuesParser::new(["cnn", "transformer"]))]
    family: Option<String>,
    /// Parameters of a decoder, without embeddings and head.
    #[arg(long, value_name = "PARAMS", value_parser = quantity, conflicts_with_all = ["bytes", "base"], help_heading = "Decoder")]
    params: Option<f64>,
    /// Width over layers. [default: that of published decoders of the size]
    #[arg(long, value_name = "RATIO", value_parser = quantity, requires = "params", help_heading = "Decoder")]
    aspect: Option<f64>,
    /// Numbers of a head.
    #[arg(long, value_name = "N", default_value_t = 64, help_heading = "Decoder")]
    head_width: u64,
    /// Query heads for each head of keys.
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Decoder")]
    group: u64,
    /// The feed-forward layer has two matrices, not three.
    #[arg(long, help_heading = "Decoder")]
    plain: bool,
    /// Vocabulary.
    #[arg(long, value_name = "N", default_value_t = 32_000, help_heading = "Decoder")]
    vocab: u64,
    /// The head shares the embedding.
    #[arg(long, help_heading = "Decoder")]
    tied: bool,
    /// Tokens of a sequence, for FLOP.
    #[arg(long, value_name = "TOKENS", default_value_t = 2048, help_heading = "Decoder")]
    context: u64,
    /// Share of zeros in pretraining, for the FLOP that it saves.
    #[arg(long, value_name = "SHARE", requires = "params", help_heading = "Decoder")]
    sparsity: Option<f64>,
    /// Tokens of pretraining. [default: 20 per parameter]
    #[arg(long, value_name = "TOKENS", value_parser = quantity, requires = "sparsity", help_heading = "Decoder")]
    tokens: Option<f64>,
    /// Tokens of dense fine-tuning.
    #[arg(long, value_name = "TOKENS", value_parser = quantity, requires = "sparsity", help_heading = "Decoder")]
    fine_tuning: Option<f64>,
    /// Network to scale, such as regnetx-1.6gf, resnet-50, resnext-50 or efficientnet-b0. [default: regnety-4.0gf]
    #[arg(long, value_name = "NAME", help_heading = "Convolutional network")]
    base: Option<String>,
    /// How many times its operations.
    #[arg(long, value_name = "FACTOR", default_value = "4", value_parser = quantity, help_heading = "Convolutional network")]
    times: f64,
    /// How depth, width and resolution share them.
    #[arg(long, value_name = "RULE", default_value = "fast", help_heading = "Convolutional network")]
    rule: String,
    /// Bytes of an encoder's weights, such as 3MB.
    #[arg(long, value_name = "BYTES", value_parser = quantity, conflicts_with_all = ["family", "base"], help_heading = "File")]
    bytes: Option<f64>,
    /// Bits of a weight.
    #[arg(long, value_name = "BITS", default_value = "32", value_parser = bits, help_heading = "File")]
    bits: f64,
    /// Least tokens of the vocabulary.
    #[arg(long, value_name = "N", default_value_t = 1000, help_heading = "File")]
    vocab_min: u64,
    /// The objective as released: a soft limit, and operations as the released code counts them.
    #[arg(long, requires = "bytes", help_heading = "File")]
    published: bool,
    /// Print one JSON document (kleiber.plan/1).
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

fn bits(text: &str) -> Result<f64, String> {
    serving::bits(text).map_err(|e| e.to_string())
}

/// Runs `kleiber plan shape`.
pub(super) fn run(args: &ShapeArgs) -> Result<Output, CliError> {
    if let Some(bytes) = args.bytes {
        let request = BytesRequest { bytes, bits: args.bits, vocab: args.vocab_min, published: args.published };
        return Ok(show::output(&plan_bytes(&request)?, args.json));
    }
    let cnn = args.family.as_deref() == Some("cnn");
    if args.base.is_some() && args.family.as_deref() == Some("transformer") || cnn && args.params.is_some() {
        return Err(CliError::usage(
            "--base is a convolutional network, --params the size of a decoder",
            "give --family cnn with --base and --times, or --family transformer with --params",
        ));
    }
    if cnn || args.base.is_some() {
        let base = args.base.clone().unwrap_or_else(|| "regnety-4.0gf".into());
        let request = CnnRequest { base, times: args.times, rule: args.rule.clone() };
        return Ok(show::output(&plan_cnn(&request)?, args.json));
    }
    let Some(params) = args.params else {
        return Err(CliError::usage(
            "no size is given",
            "give --params for a decoder, --family cnn for a convolutional network, or --bytes for a file",
        ));
    };
    let request = TransformerRequest {
        aspect: args.aspect,
        head_width: args.head_width,
        group: args.group,
        gated: !args.plain,
        vocab: args.vocab,
        tied: args.tied,
        context: args.context,
        sparsity: args.sparsity,
        tokens: args.tokens,
        fine_tuning: args.fine_tuning.unwrap_or(0.0),
        ..TransformerRequest::new(params)
    };
    Ok(show::output(&plan_transformer(&request)?, args.json))
}
