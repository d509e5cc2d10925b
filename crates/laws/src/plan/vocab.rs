//! The best vocabulary for a body and a budget.

use super::answer::{Answer, Rows, Value};
use crate::reason::Reason;
use crate::uncertainty::interval::percentile;
use crate::vocabulary::{
    Budget, Parametric, TokenizationCurve, derivative_vocab, envelope_vocab_params, growth_vocab_params, optimal_flops,
    round_to, width_of,
};
use crate::{Fit, LawError};
use std::str::FromStr;

/// The published coefficients, slip and all, for comparison.
const PUBLISHED: &str = "vocabulary/tao";
/// Loss within this share of the best counts as about as good.
const SHARE: f64 = 0.005;
/// Approaches whose answers differ by this factor disagree.
const DISAGREE: f64 = 1.5;
/// How far a budget may be from the one for which a body is best before approaches 1 and 2 are off.
const OFF_BUDGET: f64 = 2.0;
/// Tokens per entry below which rare entries are hardly trained.
const FEWEST_PER_ENTRY: f64 = 100.0;
/// Entries of a tokenizer that has bytes alone.
const BYTES: f64 = 256.0;
/// Bodies below this are likely to be given in millions or billions.
const FEWEST_PARAMS: f64 = 3000.0;
/// Vocabularies whose penalty is shown.
const COMMON: [u64; 3] = [32_768, 65_536, 131_072];

/// How the vocabulary is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VocabApproach {
    /// Approach 1: the envelope of many runs, by compute.
    Envelope,
    /// Approach 2: the growth of the vocabulary with the fewest FLOP for the same text, by the body.
    Derivative,
    /// Approach 3: the parametric law at the budget.
    #[default]
    Parametric,
}

impl VocabApproach {
    /// Number in the paper and what it does.
    pub fn name(self) -> &'static str {
        match self {
            Self::Envelope => "approach 1, envelope of runs",
            Self::Derivative => "approach 2, derivative of FLOP",
            Self::Parametric => "approach 3, parametric law",
        }
    }
}

impl FromStr for VocabApproach {
    type Err = LawError;

    fn from_str(text: &str) -> Result<Self, LawError> {
        match text {
            "1" | "envelope" => Ok(Self::Envelope),
            "2" | "derivative" => Ok(Self::Derivative),
            "3" | "parametric" => Ok(Self::Parametric),
            _ => Err(LawError::Option {
                option: "approach",
                found: text.into(),
                expected: "1 (envelope), 2 (derivative) or 3 (parametric)".into(),
            }),
        }
    }
}

/// What is asked. At most one of `flops` and `tokens` is given.
#[derive(Debug, Clone, Default)]
pub struct VocabRequest {
    /// Name of the law under which it is shown, such as `paper:vocabulary/corrected`.
    pub source: String,
    /// Parameters of the body, without embedding and head.
    pub params: f64,
    /// Training compute in FLOP; that for which the body is best by approach 1 when neither is given.
    pub flops: Option<f64>,
    /// Training tokens of the run at the best vocabulary.
    pub tokens: Option<f64>,
    /// Width of the residual stream; the usual one of such a body when absent.
    pub width: Option<f64>,
    /// Embedding and head are one matrix.
    pub tied: bool,
    /// How the vocabulary is found.
    pub approach: VocabApproach,
    /// The vocabulary is rounded to a multiple of this; 0 for 128.
    pub multiple: u64,
    /// Nominal coverage of an interval from a fit's draws.
    pub level: f64,
}

/// Plans a vocabulary by the law of a fit of `vocabulary`, or its published coefficients.
///
/// # Errors
/// [`LawError::Request`] for a fit of another law and for sizes that no model has.
pub fn plan_vocab(fit: &Fit, request: &VocabRequest) -> Result<Answer, LawError> {
    check(fit, request)?;
    let multiple = if request.multiple == 0 { 128 } else { request.multiple };
    let width = request.width.unwrap_or_else(|| width_of(request.params));
    let plan = Plan { law: Parametric::new(&fit.point()), params: request.params, width };
    let budget = match (request.flops, request.tokens) {
        (_, Some(tokens)) => Budget::Tokens(tokens),
        (flops, None) => Budget::Flops(flops.unwrap_or_else(|| optimal_flops(request.params))),
    };
    let head = plan.head(request.approach, budget)?;
    let flops = plan.flops(budget, head);
    let best = plan.head(VocabApproach::Parametric, Budget::Flops(flops))?;
    let tokens = flops / (6.0 * (plan.params + head));
    let vocab = head / width;

    let mut answer = Answer::new("vocab");
    if request.approach != VocabApproach::Parametric {
        answer.law(request.approach.name());
    }
    answer.law(request.source.as_str());
    answer.given("params", request.params);
    match (request.flops, request.tokens) {
        (_, Some(tokens)) => answer.given("tokens", tokens),
        (Some(flops), None) => answer.given("flops", flops),
        (None, None) => {}
    }
    answer.given("width", width);
    answer.given("tied", request.tied);
    answer.set("approach", request.approach.name());
    answer.set("vocab", vocab.round() as u64);
    answer.set("vocab_rounded", round_to(vocab, multiple));
    answer.set("vocab_params", head);
    if let Some(flat) = plan.law.flat(plan.params, flops, 1.0, SHARE) {
        answer.set("low", (flat.low / width).ceil());
        answer.set("high", (flat.high / width).floor());
    }
    if let Some((low, high)) = plan.interval(fit, request, budget) {
        answer.set("fit_low", low);
        answer.set("fit_high", high);
    }
    let matrices = if request.tied { 1.0 } else { 2.0 };
    answer.set("params_total", plan.params + matrices * head);
    answer.set("flops", flops);
    answer.set("tokens", tokens);
    answer.set("loss_unigram", plan.law.loss(plan.params, head, tokens));
    answer.table = Some(plan.table(request, budget, flops, head, best, multiple)?);
    plan.assume(&mut answer, request);
    plan.warn(&mut answer, fit, request, flops, tokens, vocab)?;
    Ok(answer)
}

fn check(fit: &Fit, request: &VocabRequest) -> Result<(), LawError> {
    let refuse = |why: String| Err(LawError::Request(why));
    let params = request.params;
    if fit.law != "vocabulary" {
        return refuse(format!("{} says nothing about vocabularies: fit the law `vocabulary`, or give none", fit.law));
    }
    if request.flops.is_some() && request.tokens.is_some() {
        return refuse("give --flops or --tokens: with the body either follows from the other".into());
    }
    if !(FEWEST_PARAMS..=1e15).contains(&params) {
        return refuse(format!("a body of {params} parameters: give the count itself, such as 7B or 7e9"));
    }
    if let Some(width) = request.width.filter(|d| !(*d >= 8.0 && d * d <= params)) {
        return refuse(format!(
            "a width of {width} for a body of {params:e} parameters: one square matrix of it has {:e}; give the width of the \
             residual stream, usually {} for such a body",
            width * width,
            width_of(params)
        ));
    }
    if let Some(tokens) = request.tokens.or_else(|| Some(request.flops? / (6.0 * params))).filter(|t| *t < 1e5) {
        return refuse(format!(
            "the budget pays for {tokens:.0} tokens: give FLOP or tokens as counts, such as 1e21 or 140B"
        ));
    }
    Ok(())
}

struct Plan {
    law: Parametric,
    params: f64,
    width: f64,
}

impl Plan {
    /// Vocabulary parameters by an approach.
    fn head(&self, approach: VocabApproach, budget: Budget) -> Result<f64, LawError> {
        match (approach, budget) {
            (VocabApproach::Derivative, _) => Ok(growth_vocab_params(self.params)),
            (VocabApproach::Envelope, Budget::Flops(flops)) => Ok(envelope_vocab_params(flops)),
            // The compute contains the head, which grows more slowly than it: this settles quickly.
            (VocabApproach::Envelope, Budget::Tokens(_)) => {
                Ok((0..100).fold(0.0, |head, _| envelope_vocab_params(self.flops(budget, head))))
            }
            (VocabApproach::Parametric, _) => self.law.best(self.params, budget, 1.0).ok_or_else(none),
        }
    }

    fn flops(&self, budget: Budget, head: f64) -> f64 {
        match budget {
            Budget::Flops(flops) => flops,
            Budget::Tokens(tokens) => 6.0 * (self.params + head) * tokens,
        }
    }

    /// Ends of the interval of the best vocabulary over the draws of a fit.
    fn interval(&self, fit: &Fit, request: &VocabRequest, budget: Budget) -> Option<(f64, f64)> {
        let draws = fit.model.as_ref().map(|m| &m.draws).filter(|d| !d.is_empty())?;
        let drawn = draws.iter().filter_map(|c| Parametric::new(c).best(self.params, budget, 1.0));
        let vocabs: Vec<f64> = drawn.map(|head| head / self.width).collect();
        (request.approach == VocabApproach::Parametric).then(|| percentile(&vocabs, request.level))?
    }

    /// Every approach, what the plan is sensitive to, and what common vocabularies cost.
    fn table(
        &self,
        request: &VocabRequest,
        budget: Budget,
        flops: f64,
        head: f64,
        best: f64,
        multiple: u64,
    ) -> Result<Rows, LawError> {
        let published = Parametric::new(&Fit::published(PUBLISHED)?.point());
        let scaled = |by: f64| match budget {
            Budget::Flops(c) => Budget::Flops(by * c),
            Budget::Tokens(d) => Budget::Tokens(by * d),
        };
        let curve =
            |curve: &TokenizationCurve| derivative_vocab(curve, self.params, self.width).map(|v| v * self.width);
        let of = |approach| self.head(approach, budget).ok();
        let mut cases: Vec<(String, Option<f64>)> = vec![
            ("this plan".into(), Some(head)),
            (format!("rounded to {multiple}"), Some(round_to(head / self.width, multiple) as f64 * self.width)),
            (VocabApproach::Envelope.name().into(), of(VocabApproach::Envelope)),
            (VocabApproach::Derivative.name().into(), of(VocabApproach::Derivative)),
            (VocabApproach::Parametric.name().into(), of(VocabApproach::Parametric)),
            ("approach 3 as published".into(), published.best(self.params, budget, 1.0)),
            ("10% less budget".into(), self.head(request.approach, scaled(0.9)).ok()),
            ("10% more budget".into(), self.head(request.approach, scaled(1.1)).ok()),
            ("FLOP of the embedding counted".into(), self.law.best(self.params, budget, 2.0)),
            ("fewest FLOP for a text, parabola".into(), curve(&TokenizationCurve::published())),
            ("fewest FLOP for a text, measured".into(), curve(&TokenizationCurve::measured())),
        ];
        cases.extend(COMMON.iter().map(|v| (format!("{}k entries", v / 1024), Some(*v as f64 * self.width))));
        let lowest = self.law.loss_at(self.params, best, flops, 1.0);
        let mut rows = Rows::new(&["case", "vocab", "vocab_params", "loss_penalty", "extra_compute_percent"]);
        for (case, head) in cases {
            let penalty = head.map(|v| visible(self.law.loss_at(self.params, v, flops, 1.0) - lowest));
            let factor = head.and_then(|v| self.law.compute_factor(self.params, v, flops, 1.0));
            rows.push(vec![
                case.into(),
                head.map_or(Value::Nothing, |v| Value::Count((v / self.width).round() as u64)),
                head.into(),
                penalty.into(),
                factor.map(|f| 100.0 * (f - 1.0)).map(visible).into(),
            ]);
        }
        Ok(rows)
    }

    fn assume(&self, answer: &mut Answer, request: &VocabRequest) {
        if request.flops.is_none() && request.tokens.is_none() {
            answer.assume("the compute is that for which approach 1 finds such a body best, params = 0.0834 C^0.5");
        }
        if request.width.is_none() {
            answer.assume(format!(
                "a width of {}, usual for such a body; the law gives vocab_params, so the vocabulary is in inverse proportion to it",
                self.width
            ));
        }
        answer.assume("a token costs 6 FLOP per parameter of body and head; looking up an embedding costs none");
        answer.assume(format!(
            "low to high: the loss at this compute is within {}% of its best; penalties and extra compute are by the parametric law",
            100.0 * SHARE
        ));
        if request.tied {
            answer.assume("embedding and head are one matrix; the law was fitted to models in which they are two, at the same FLOP");
        }
    }

    fn warn(
        &self,
        answer: &mut Answer,
        fit: &Fit,
        request: &VocabRequest,
        flops: f64,
        tokens: f64,
        vocab: f64,
    ) -> Result<(), LawError> {
        let all = [VocabApproach::Envelope, VocabApproach::Derivative, VocabApproach::Parametric];
        let found: Vec<(String, f64)> = all
            .iter()
            .map(|a| Ok((a.name().to_string(), self.head(*a, Budget::Flops(flops))? / self.width)))
            .collect::<Result<_, LawError>>()?;
        let (low, high) = found.iter().fold((f64::INFINITY, 0.0f64), |(l, h), f| (l.min(f.1), h.max(f.1)));
        if high / low > DISAGREE {
            answer.warn(Reason::MethodsDisagree { what: "the vocabulary".into(), found });
        }
        let off = flops / optimal_flops(self.params);
        if request.approach != VocabApproach::Parametric && off.max(1.0 / off) > OFF_BUDGET {
            answer.warn(Reason::Assumed {
                what: format!(
                    "the budget is {off:.2} times that for which such a body is best, which {} takes for granted; approach 3 takes the real one",
                    request.approach.name()
                ),
            });
        }
        for (name, value) in [("params", self.params), ("tokens", tokens), ("vocab_params", vocab * self.width)] {
            if let Some((low, high)) = fit.model.as_ref().and_then(|m| m.ranges.get(name)) {
                let factor = (value / high).max(low / value);
                if factor > 1.0 && factor.is_finite() {
                    answer.warn(Reason::Extrapolation { quantity: name.into(), factor });
                }
            }
        }
        if tokens / vocab < FEWEST_PER_ENTRY {
            let each = tokens / vocab;
            let what = format!(
                "{each:.0} training tokens per entry: rare entries stay untrained; keep {FEWEST_PER_ENTRY} or more"
            );
            answer.warn(Reason::Assumed { what });
        }
        if vocab < BYTES {
            let what =
                format!("the best vocabulary of {vocab:.0} is below the {BYTES} entries of bytes alone: use bytes");
            answer.warn(Reason::Assumed { what });
        }
        answer.warnings.extend(fit.inherited_warnings());
        Ok(())
    }
}

/// Differences that are rounding alone are none.
fn visible(difference: f64) -> f64 {
    if difference < 1e-9 { 0.0 } else { difference }
}

fn none() -> LawError {
    LawError::Request(
        "a term of the law is zero, so the smallest or the largest vocabulary is always best: fit it to runs of more vocabularies".into(),
    )
}
