//! The number format to train in: the split of its bits, the data it bears, the bits that make the most of a budget (Sun et
//! al. 2025).

use super::answer::{Answer, Rows, Value};
use crate::LawError;
use crate::float_format::{FLOP_PER_BIT, FloatLaw, LOG2_BLOCK_CHANNEL, log2_block};
use crate::published::{PREFIX, Preset};
use crate::reason::Reason;
use kleiber_core::units::format_quantity;
use std::fmt;
use std::str::FromStr;

const PRESET: &str = "float-format/sun";
/// Bits of a number, sign included.
const BITS: (u32, u32) = (1, 16);
/// Largest model that the authors checked the law on.
const CHECKED_PARAMS: f64 = 70e9;
/// Beyond the fitted range by this factor an answer needs force.
const FAR: f64 = 10.0;

/// Which elements share a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScaleBlock {
    /// So many consecutive elements.
    Elements(u32),
    /// All elements of a channel.
    Channel,
}

impl ScaleBlock {
    fn log2(self) -> f64 {
        match self {
            Self::Elements(n) => log2_block(f64::from(n)),
            Self::Channel => LOG2_BLOCK_CHANNEL,
        }
    }
}

impl fmt::Display for ScaleBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elements(n) => n.fmt(f),
            Self::Channel => f.write_str("channel"),
        }
    }
}

impl FromStr for ScaleBlock {
    type Err = LawError;

    fn from_str(text: &str) -> Result<Self, LawError> {
        let refuse = |why: &str| Err(LawError::Request(format!("block `{text}`: {why}")));
        match text {
            "channel" => Ok(Self::Channel),
            "tensor" => {
                refuse("the constants of scales per tensor are not published; use `channel`, which costs less loss")
            }
            _ => match text.parse::<u32>() {
                Ok(n) if n >= 1 => Ok(Self::Elements(n)),
                _ => refuse("a block is a whole number of elements from 1, or `channel`"),
            },
        }
    }
}

/// What is asked of a plan of number formats.
#[derive(Debug, Clone, PartialEq)]
pub struct FormatRequest {
    /// Bits of a number, sign included.
    pub bits: u32,
    /// Parameters without embeddings.
    pub params: f64,
    /// Training tokens.
    pub tokens: f64,
    /// Elements that share a scale.
    pub block: ScaleBlock,
    /// Width of the layers' inputs, which the block must divide.
    pub width: Option<u32>,
    /// Training compute; that of the sizes given when `None`.
    pub flops: Option<f64>,
    /// Answer also far outside the fitted range.
    pub force: bool,
}

impl Default for FormatRequest {
    /// FP8 for 1B parameters and 100B tokens with blocks of 128.
    fn default() -> Self {
        Self {
            bits: 8,
            params: 1e9,
            tokens: 1e11,
            block: ScaleBlock::Elements(128),
            width: None,
            flops: None,
            force: false,
        }
    }
}

impl FormatRequest {
    fn check(&self) -> Result<(), LawError> {
        let refuse = |message: String| Err(LawError::Request(message));
        if !(BITS.0..=BITS.1).contains(&self.bits) {
            return refuse(format!(
                "{} bits: the law is of formats of {} to {} bits, sign included",
                self.bits, BITS.0, BITS.1
            ));
        }
        let flops = self.flops.unwrap_or(1.0);
        for (name, value) in [("params", self.params), ("tokens", self.tokens), ("flops", flops)] {
            if !(value.is_finite() && value > 0.0) {
                return refuse(format!("{name} = {value}: a size must be a positive number"));
            }
        }
        if let (ScaleBlock::Elements(block), Some(width)) = (self.block, self.width)
            && (width == 0 || block == 0 || !width.is_multiple_of(block))
        {
            return refuse(format!(
                "block {block} does not divide a width of {width}: give a block that does, or `channel`"
            ));
        }
        if self.block == ScaleBlock::Elements(0) {
            return refuse("a block has at least one element".into());
        }
        Ok(())
    }
}

/// `E4M3`.
fn named((exponent, mantissa): (u32, u32)) -> String {
    format!("E{exponent}M{mantissa}")
}

/// The best exponent and mantissa bits of a format, its loss, the tokens beyond which it gets worse, and the bits that make
/// the most of the compute.
///
/// ```
/// use kleiber_laws::plan::{FormatRequest, Value, plan_format};
/// # fn main() -> Result<(), kleiber_laws::LawError> {
/// let answer = plan_format(&FormatRequest { bits: 4, ..FormatRequest::default() })?;
/// assert_eq!(answer.answer["format"], Value::Word("E2M1".into()));
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`LawError::Request`] for bits out of 1 to 16, a block that does not divide the width, and, without `force`, sizes more
/// than ten times outside the fitted range.
pub fn plan_format(request: &FormatRequest) -> Result<Answer, LawError> {
    request.check()?;
    let (_, preset) = Preset::named(PRESET)?;
    let mut answer = Answer::new("format");
    let checked = [
        ("params", request.params, (preset.ranges[0].0, CHECKED_PARAMS)),
        ("tokens", request.tokens, preset.ranges[1]),
    ];
    for (quantity, value, range) in checked {
        if answer.outside(quantity, value, range) > FAR && !request.force {
            return Err(LawError::Request(format!(
                "{quantity} {} is more than {FAR} times outside the range the law was fitted and checked on ({} to {}), and its \
                 penalty never levels off; --force answers nevertheless",
                format_quantity(value),
                format_quantity(range.0),
                format_quantity(range.1)
            )));
        }
    }
    let law = FloatLaw::of(preset.coefficients);
    let FormatRequest { bits, params, tokens, .. } = *request;
    let block = request.block.log2();
    let Some(split @ (e, m)) = law.best_split(bits) else {
        return Err(LawError::Request("0 bits hold no number".into()));
    };
    let flops = request.flops.unwrap_or(FLOP_PER_BIT * params * tokens * f64::from(bits));
    answer.law(format!("{PREFIX}{PRESET}"));
    answer.given("bits", u64::from(bits));
    answer.given("params", params);
    answer.given("tokens", tokens);
    answer.given("block", request.block.to_string());
    answer.given("flops", flops);
    let penalty = law.penalty(params, tokens, e, m, block);
    let critical = law.critical_tokens(params, e, m, block);
    let (ideal_e, ideal_m) = law.ideal_split(f64::from(bits));
    answer.set("format", named(split));
    answer.set("exponent_bits", u64::from(e));
    answer.set("mantissa_bits", u64::from(m));
    answer.set("ideal_exponent_bits", ideal_e);
    answer.set("ideal_mantissa_bits", ideal_m);
    answer.set("loss", law.exact_loss(params, tokens) + penalty);
    answer.set("penalty", penalty);
    answer.set("effective_params", law.effective_params(params, tokens, e, m, block));
    answer.set("critical_tokens", critical);
    answer.set("past_critical", tokens > critical);
    budget(&law, request, flops, block, &mut answer);
    answer.table = Some(table(&law, request, block));
    assume(request, &mut answer);
    if tokens > critical {
        let what = format!(
            "more than {} tokens make this model worse in {}: train a larger model, or in more bits",
            format_quantity(critical),
            named(split)
        );
        answer.warn(Reason::Assumed { what });
    }
    Ok(answer)
}

/// Bits for the compute: with the tokens held, with the model held, and with both free.
fn budget(law: &FloatLaw, request: &FormatRequest, flops: f64, block: f64, answer: &mut Answer) {
    // Without a penalty fewer bits are always better, and there is no optimum.
    if block <= 0.0 {
        answer.warn(Reason::Assumed {
            what: "one element per scale keeps every number as it is: no best number of bits".into(),
        });
        return;
    }
    answer.set("best_bits_for_tokens", law.bits_for_tokens(request.tokens, block));
    answer.set("best_bits_for_params", law.bits_for_params(request.params, flops, block));
    let best = law.optimum(flops, block);
    answer.set("best_bits", best.bits);
    // A sign takes one of the bits, so a format starts at one.
    let whole = (best.bits.round() as u32).clamp(BITS.0, BITS.1);
    answer.set("best_format", law.best_split(whole).map_or(Value::Nothing, |s| named(s).into()));
    answer.set("best_params", best.params);
    answer.set("best_tokens", best.tokens);
}

fn table(law: &FloatLaw, request: &FormatRequest, block: f64) -> Rows {
    let mut rows = Rows::new(&["bits", "format", "loss", "penalty", "critical_tokens", "past_critical"]);
    let FormatRequest { params, tokens, .. } = *request;
    let exact = law.exact_loss(params, tokens);
    for bits in 3..=BITS.1 {
        let Some(split @ (e, m)) = law.best_split(bits) else { continue };
        let (penalty, critical) = (law.penalty(params, tokens, e, m, block), law.critical_tokens(params, e, m, block));
        rows.push(vec![
            Value::from(u64::from(bits)),
            named(split).into(),
            (exact + penalty).into(),
            penalty.into(),
            critical.into(),
            (tokens > critical).into(),
        ]);
    }
    rows
}

fn assume(request: &FormatRequest, answer: &mut Answer) {
    answer.assume("quantised are the weights in both passes and the activations of the weight gradient; gradients and sums stay in 16 and 32 bits");
    answer.assume(
        "every code of the format is a number (largest E4M3: 480), rounding is to nearest, scales are kept exactly",
    );
    answer
        .assume("training costs 6/16 FLOP per parameter, token and bit, so that 16 bits cost 6ND; scales cost nothing");
    answer.assume("params excludes embeddings; losses are nats per token of Dolma v1.7");
    if request.block == ScaleBlock::Channel {
        answer.assume("a scale per channel acts as a block of 2^13.1567 elements");
    }
    if request.flops.is_none() {
        answer.assume("the compute is that of the sizes and bits given, as --flops names none");
    }
}
