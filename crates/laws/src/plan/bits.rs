//! The fewest bits to which a trained model can be quantised within a budget of loss (Ouyang et al. 2024).

use super::answer::{Answer, Rows, Value};
use crate::forms::LowBit;
use crate::published::{PREFIX, Preset};
use crate::reason::Reason;
use crate::storage::{Stored, most_tokens_per_second};
use crate::{Law, LawError};
use kleiber_core::units::{format_quantity, format_significant};
use std::str::FromStr;

/// Nc, Dc, alphaN and alphaD of the form `kaplan` for 16-bit Pythia models (Ouyang et al. 2024, figure 7).
const BASELINE: [f64; 4] = [4.74e19, 7.63e10, 0.045, 0.399];
/// Bit widths that were measured.
const MEASURED: [u32; 3] = [2, 3, 4];
/// Bit widths that the joint law is continued to on request.
const CONTINUED: [u32; 3] = [5, 6, 8];
/// Tokens per parameter of the longest and the shortest of the fitted runs: 206e9 for 85e6, 1e9 for 11.3e9.
const RATIO: (f64, f64) = (1e9 / 11.3e9, 206e9 / 85e6);
/// Fewer are usually written in billions.
const FEWEST_PARAMS: f64 = 3000.0;
const FEWEST_TOKENS: f64 = 30_000.0;
/// Weights per 16-bit scale of a stored checkpoint.
const GROUP: u32 = 128;

/// Which law of degradation is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BitsForm {
    /// One power law per bit width: those behind the published table.
    #[default]
    PerBit,
    /// The published law of all bit widths.
    Joint,
}

impl BitsForm {
    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::PerBit => "per-bit",
            Self::Joint => "joint",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::PerBit => Self::Joint,
            Self::Joint => Self::PerBit,
        }
    }

    /// The preset for a bit width; none beyond the measured ones for laws per bit width.
    fn preset(self, bits: u32) -> Option<&'static str> {
        match (self, bits) {
            (Self::Joint, _) => Some("low-bit/joint"),
            (Self::PerBit, 2) => Some("low-bit/2-bit"),
            (Self::PerBit, 3) => Some("low-bit/3-bit"),
            (Self::PerBit, 4) => Some("low-bit/4-bit"),
            _ => None,
        }
    }
}

impl FromStr for BitsForm {
    type Err = LawError;

    fn from_str(text: &str) -> Result<Self, LawError> {
        [Self::PerBit, Self::Joint].into_iter().find(|f| f.name() == text).ok_or_else(|| LawError::Option {
            option: "form",
            found: text.into(),
            expected: "per-bit or joint".into(),
        })
    }
}

/// What is asked of a plan of bits.
#[derive(Debug, Clone, PartialEq)]
pub struct BitsRequest {
    /// Parameters without embeddings.
    pub params: f64,
    /// Training tokens.
    pub tokens: f64,
    /// Most nats per token that quantisation may add.
    pub max_qid: f64,
    /// Which law.
    pub form: BitsForm,
    /// Words of the vocabulary: a loss above its logarithm is worse than guessing.
    pub vocabulary: f64,
    /// Also 5, 6 and 8 bits, which nobody measured; joint law only.
    pub extrapolate: bool,
    /// Bytes per second of memory, for the speed that reading the weights allows.
    pub bandwidth: Option<f64>,
}

impl Default for BitsRequest {
    /// 7B parameters and 2T tokens, 0.2 nats (the paper's "training level"), the padded vocabulary of Pythia.
    fn default() -> Self {
        Self {
            params: 7e9,
            tokens: 2e12,
            max_qid: 0.2,
            form: BitsForm::PerBit,
            vocabulary: 50_304.0,
            extrapolate: false,
            bandwidth: None,
        }
    }
}

impl BitsRequest {
    fn check(&self) -> Result<(), LawError> {
        let refuse = |message: String| Err(LawError::Request(message));
        for (name, value, least) in [("params", self.params, FEWEST_PARAMS), ("tokens", self.tokens, FEWEST_TOKENS)] {
            if !(value.is_finite() && value > 0.0) {
                return refuse(format!("{name} = {value}: a size must be a positive number"));
            }
            if value < least {
                let shown = format_quantity(value);
                return refuse(format!(
                    "{name} {shown} looks like billions: write {shown}B, for the law wants the number itself"
                ));
            }
        }
        if !(self.vocabulary.is_finite() && self.vocabulary >= 2.0) {
            return refuse(format!("a vocabulary of {} words: give the tokenizer's number of words", self.vocabulary));
        }
        if !(self.max_qid > 0.0 && self.max_qid < self.vocabulary.ln()) {
            return refuse(format!(
                "max-qid {} must lie between 0 and {}, the loss of guessing: 0.2 takes a fifth off each token's likelihood",
                self.max_qid,
                format_significant(self.vocabulary.ln(), 3)
            ));
        }
        if self.bandwidth.is_some_and(|b| !(b.is_finite() && b > 0.0)) {
            return refuse("the memory bandwidth must be a positive number of bytes per second".into());
        }
        if self.extrapolate && self.form == BitsForm::PerBit {
            return refuse(
                "the laws per bit width exist for 2, 3 and 4 bits only: add --form joint to continue the joint law beyond them".into(),
            );
        }
        Ok(())
    }

    fn widths(&self) -> Vec<u32> {
        let continued = if self.extrapolate { &CONTINUED[..] } else { &[] };
        MEASURED.iter().chain(continued).copied().collect()
    }
}

/// What a bit width costs.
struct Width {
    bits: u32,
    qid: f64,
    tokens_at: f64,
}

fn width(request: &BitsRequest, form: BitsForm, bits: u32) -> Result<Option<Width>, LawError> {
    let Some(name) = form.preset(bits) else { return Ok(None) };
    let (law, preset) = Preset::named(name)?;
    let p = f64::from(bits);
    Ok(Some(Width {
        bits,
        qid: preset.predict(&law, &[request.params, request.tokens, p]),
        tokens_at: LowBit::tokens_at(preset.coefficients, request.params, p, request.max_qid),
    }))
}

/// The fewest bits within the budget, by one form.
fn fewest(request: &BitsRequest, form: BitsForm) -> Result<Option<Width>, LawError> {
    for bits in request.widths() {
        if let Some(found) = width(request, form, bits)?.filter(|w| w.qid <= request.max_qid) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The fewest bits to which a model can be quantised without losing more than `max_qid` nats per token, and the tokens at
/// which each bit width would cross that budget. 16 bits stay where none is within it.
///
/// ```
/// use kleiber_laws::plan::{BitsRequest, plan_bits};
/// # fn main() -> Result<(), kleiber_laws::LawError> {
/// let answer = plan_bits(&BitsRequest { params: 7e9, tokens: 1e12, ..BitsRequest::default() })?;
/// assert_eq!(answer.number("bits"), Some(4.0));
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`LawError::Request`] for sizes that look like billions, budgets beyond guessing, and bit widths without a law.
pub fn plan_bits(request: &BitsRequest) -> Result<Answer, LawError> {
    request.check()?;
    let mut answer = Answer::new("bits");
    let exact = Law::named("kaplan")?.predict(&BASELINE, &[request.params, request.tokens]);
    let guessing = request.vocabulary.ln();
    let best = fewest(request, request.form)?;
    let mut used: Vec<&str> = request.widths().iter().filter_map(|b| request.form.preset(*b)).collect();
    used.dedup();
    used.iter().for_each(|name| answer.law(format!("{PREFIX}{name}")));
    answer.law("kaplan with the 16-bit coefficients of Ouyang et al. 2024");
    answer.given("params", request.params);
    answer.given("tokens", request.tokens);
    answer.given("max_qid", request.max_qid);
    answer.given("form", request.form.name());
    answer.given("vocabulary", request.vocabulary);
    let bits = best.as_ref().map_or(16, |w| w.bits);
    let qid = best.as_ref().map_or(0.0, |w| w.qid);
    let bytes = stored(bits).bytes(request.params);
    answer.set("bits", u64::from(bits));
    answer.set("quantise", best.is_some());
    answer.set("qid", qid);
    answer.set("likelihood_kept", (-qid).exp());
    answer.set("loss_16bit", exact);
    answer.set("loss_quantised", (exact + qid).min(guessing));
    answer.set("tokens_at_max_qid", best.as_ref().map(|w| w.tokens_at));
    answer.set("tokens_per_param", request.tokens / request.params);
    answer.set("bytes", bytes);
    if bits == 4 {
        answer.set("bytes_nf4", Stored::named("nf4")?.bytes(request.params));
        answer.set("bytes_nf4_dq", Stored::named("nf4-dq")?.bytes(request.params));
    }
    if let Some(bandwidth) = request.bandwidth {
        answer.given("bandwidth", bandwidth);
        answer.set("tokens_per_second_at_most", most_tokens_per_second(bandwidth, bytes));
    }
    answer.table = Some(table(request, exact, guessing)?);
    assume(request, &mut answer);
    if bits == 4 {
        answer.assume("nf4 and fp4 take 4.5 bits per weight with their scales, doubly quantised 4.127; the degradation is that of GPTQ");
    }
    warn(request, best.as_ref(), &mut answer)?;
    Ok(answer)
}

fn stored(bits: u32) -> Stored {
    if bits == 16 { Stored::grouped(16.0, 0) } else { Stored::grouped(f64::from(bits), GROUP) }
}

fn table(request: &BitsRequest, exact: f64, guessing: f64) -> Result<Rows, LawError> {
    let other = request.form.other();
    let by_other = if other == BitsForm::Joint { "tokens_by_joint" } else { "tokens_by_per-bit" };
    let mut rows = Rows::new(&["bits", "qid", "loss", "within", "tokens_at_max_qid", by_other, "bytes", "guessing"]);
    for bits in request.widths() {
        let Some(w) = width(request, request.form, bits)? else { continue };
        rows.push(vec![
            Value::from(u64::from(bits)),
            w.qid.into(),
            (exact + w.qid).min(guessing).into(),
            (w.qid <= request.max_qid).into(),
            w.tokens_at.into(),
            width(request, other, bits)?.map(|o| o.tokens_at).into(),
            stored(bits).bytes(request.params).into(),
            (exact + w.qid >= guessing).into(),
        ]);
    }
    Ok(rows)
}

fn assume(request: &BitsRequest, answer: &mut Answer) {
    answer.assume(match request.form {
        BitsForm::PerBit => {
            "form per-bit: one law per bit width, those behind the published table; the published joint law does not give that table (--form joint uses it)"
        }
        BitsForm::Joint => {
            "form joint: the published law of all bit widths, from which the published table of tokens does not come (--form per-bit gives the table)"
        }
    });
    answer.assume("GPTQ on the linear weights of Pythia models, tested on RefinedWeb; other methods follow the trend with other constants");
    answer.assume("params excludes embeddings; the loss without quantisation is that of Pythia at 16 bits");
    answer.assume(format!("weights take their bits and one 16-bit scale per {GROUP} weights; embeddings stay as they are and are not counted"));
    if request.bandwidth.is_some() {
        answer.assume("the speed is a bound for one stream that reads every weight once per token; kernels that expand codes to 16 bits stay below it");
    }
}

fn warn(request: &BitsRequest, best: Option<&Width>, answer: &mut Answer) -> Result<(), LawError> {
    let (_, joint) = Preset::named("low-bit/joint")?;
    answer.outside("params", request.params, joint.ranges[0]);
    answer.outside("tokens", request.tokens, joint.ranges[1]);
    answer.outside("tokens per parameter", request.tokens / request.params, RATIO);
    if best.is_some_and(|w| CONTINUED.contains(&w.bits)) {
        let what = "more than 4 bits were not measured: the joint law is continued and soon falls below what a test can resolve";
        answer.warn(Reason::Assumed { what: what.into() });
    }
    let measured = BitsRequest { extrapolate: false, ..request.clone() };
    let other = fewest(&measured, request.form.other())?.map_or(16, |w| w.bits);
    let own = fewest(&measured, request.form)?.map_or(16, |w| w.bits);
    if other != own {
        let what = format!(
            "the form {} would say {other} bits where {} says {own}, of the measured widths: the answer depends on the law",
            request.form.other().name(),
            request.form.name()
        );
        answer.warn(Reason::Assumed { what });
    }
    Ok(())
}
