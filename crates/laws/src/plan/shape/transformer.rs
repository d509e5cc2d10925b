//! A decoder for a number of parameters, in the proportions of published ones.

use crate::LawError;
use crate::plan::{Answer, Rows};
use crate::sparse::SparseFlops;
use kleiber_core::catalogue::Catalogue;
use kleiber_core::shape::{Biases, Convention, Kind, NormKind, Norms, Positions, Shape, usual_hidden};
use kleiber_core::stats::line;

/// What is asked.
#[derive(Debug, Clone)]
pub struct TransformerRequest {
    /// Parameters without embeddings and head.
    pub params: f64,
    /// Width over layers; without it that of published models of the size.
    pub aspect: Option<f64>,
    /// Numbers of a head.
    pub head_width: u64,
    /// Query heads per key head.
    pub group: u64,
    /// Whether feed-forward layers are gated.
    pub gated: bool,
    /// Vocabulary.
    pub vocab: u64,
    /// Whether the head is the embedding.
    pub tied: bool,
    /// Tokens of a sequence.
    pub context: u64,
    /// Share of zeros in pretraining.
    pub sparsity: Option<f64>,
    /// Pretraining tokens, for FLOP.
    pub tokens: Option<f64>,
    /// Tokens of dense fine-tuning.
    pub fine_tuning: f64,
}

impl TransformerRequest {
    /// Gated layers, heads of 64, a vocabulary of 32,000, sequences of 2048, 20 tokens per parameter.
    pub fn new(params: f64) -> Self {
        Self {
            params,
            aspect: None,
            head_width: 64,
            group: 1,
            gated: true,
            vocab: 32_000,
            tied: false,
            context: 2048,
            sparsity: None,
            tokens: None,
            fine_tuning: 0.0,
        }
    }

    fn shape(&self, layers: u64, heads: u64) -> Option<Shape> {
        let width = heads.checked_mul(self.head_width)?;
        Some(Shape {
            kind: Kind::CausalDecoder,
            layers,
            encoder_layers: 0,
            width,
            heads,
            head_width: self.head_width,
            groups: heads / self.group,
            hidden: usual_hidden(width, self.gated)?,
            gated: self.gated,
            experts: 1,
            bias: Biases::NONE,
            norm: Norms { kind: NormKind::Rms, bias: false, per_block: 2, embedding: false, last: true },
            positions: Positions::Rotary,
            vocab: self.vocab,
            tied: self.tied,
            context: self.context,
        })
    }

    fn check(&self) -> Result<(), LawError> {
        let wrong = |what: &str| Err(LawError::Request(what.into()));
        if !(1e3..=1e14).contains(&self.params) {
            return wrong(
                "a decoder is planned for 1e3 to 1e14 parameters (without embeddings and head): check the units",
            );
        }
        if self.head_width == 0 || self.group == 0 || self.vocab == 0 || self.context == 0 || self.head_width > 1 << 16
        {
            return wrong("head width, query heads per key head, vocabulary and context must be positive");
        }
        if self.group > 1 << 16 || self.vocab > 1 << 32 || self.context > 1 << 40 {
            return wrong("query heads per key head, vocabulary or context are larger than any model: check the units");
        }
        if self.aspect.is_some_and(|a| !(0.5..=1e5).contains(&a)) {
            return wrong("the aspect, width over layers, lies between 0.5 and 1e5; published decoders have 20 to 200");
        }
        if self.sparsity.is_some_and(|s| !(0.0..1.0).contains(&s)) {
            return wrong("sparsity is the share of zeros, from 0 to below 1: at 1 nothing would be left to train");
        }
        if self.tokens.is_some_and(|t| t.is_nan() || t <= 0.0) || self.fine_tuning.is_nan() || self.fine_tuning < 0.0 {
            return wrong("tokens must be positive");
        }
        Ok(())
    }
}

/// Slope and intercept of `ln aspect` along `ln params` over decoders of the catalogue, and how many.
fn published_aspects() -> (f64, f64, usize) {
    let decoders = Catalogue::builtin().entries().iter().filter_map(|e| {
        let shape = e.shape().ok().filter(|s| s.kind == Kind::CausalDecoder)?;
        Some(((shape.parts().ok()?.params().ok()? as f64).ln(), shape.aspect().ln()))
    });
    let (x, y): (Vec<f64>, Vec<f64>) = decoders.unzip();
    let (slope, intercept, _) = line(&x, &y);
    (slope, intercept, x.len())
}

/// Layers and width of a decoder with these parameters, and shapes nearby.
///
/// # Errors
/// [`LawError::Request`] for a size, share or count out of range, or when no shape comes within a factor of two.
pub fn plan_transformer(request: &TransformerRequest) -> Result<Answer, LawError> {
    request.check()?;
    let (slope, intercept, models) = published_aspects();
    let aspect = request.aspect.unwrap_or_else(|| (intercept + slope * request.params.ln()).exp());
    // Of every number of heads the layers that come nearest to the size; then a compromise between size and aspect.
    let mut found: Vec<(f64, Shape, u64)> = Vec::new();
    let step = request.group;
    let mut heads = step;
    while let Some(shape) = request.shape(1, heads) {
        let one = shape.parts()?.params()? as f64;
        if one > 1.5 * request.params || found.len() > 100_000 {
            break;
        }
        // The norm after the last layer is of the body, but not of a layer.
        let layers = ((request.params - shape.width as f64) / (one - shape.width as f64)).round().clamp(1.0, 1e6);
        // A positive whole number within bounds.
        let shape = Shape { layers: layers as u64, ..shape };
        let params = shape.parts()?.params()?;
        let size = (params as f64 / request.params).ln().abs();
        let off = (shape.aspect() / aspect).ln().abs();
        found.push((5.0 * size + off, shape, params));
        heads += step.max(heads / 256 / step * step);
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let best = found.first().filter(|f| (f.2 as f64 / request.params).ln().abs() < 2f64.ln()).cloned();
    let Some((_, shape, params)) = best else {
        return Err(LawError::Request(format!(
            "no decoder with heads of {} comes near {} parameters: give narrower heads with --head-width",
            request.head_width, request.params
        )));
    };

    let mut answer = Answer::new("shape");
    answer.given("family", "transformer");
    answer.given("params", request.params);
    answer.given("aspect", aspect);
    answer.law("proportions of published decoders");
    answer.set("layers", shape.layers);
    answer.set("width", shape.width);
    answer.set("heads", shape.heads);
    answer.set("groups", shape.groups);
    answer.set("hidden", shape.hidden);
    answer.set("params", params);
    answer.set("params_total", shape.parts()?.params_total()?);
    answer.set("aspect", shape.aspect());
    answer.set("flops_per_token_training", shape.flops(Convention::WithAttention, request.context)?.training);
    if let Some(sparsity) = request.sparsity {
        sparse(request, &shape, sparsity, &mut answer)?;
    }
    let mut table = Rows::new(&["layers", "width", "heads", "hidden", "params", "params_total", "aspect"]);
    for (_, s, params) in found.iter().take(6) {
        let total = s.parts()?.params_total()? as f64;
        let counts = [s.layers, s.width, s.heads, s.hidden].map(Into::into);
        table.push(counts.into_iter().chain([(*params as f64).into(), total.into(), s.aspect().into()]).collect());
    }
    answer.table = Some(table);
    if request.aspect.is_none() {
        answer.assume(format!(
            "width over layers grows as params^{slope:.2}, a line through {models} published decoders of the catalogue; loss depends little on it"
        ));
    }
    answer.assume("params are without embeddings and head; rotary positions, RMS norms, no biases");
    Ok(answer)
}

fn sparse(request: &TransformerRequest, shape: &Shape, sparsity: f64, answer: &mut Answer) -> Result<(), LawError> {
    let flops = SparseFlops::of(shape, request.context)?;
    let tokens = request.tokens.unwrap_or(20.0 * shape.parts()?.params_total()? as f64);
    answer.law("sparse pretraining (Thangarasa et al. 2023)");
    answer.given("sparsity", sparsity);
    answer.given("tokens", tokens);
    answer.set("matrices_flops_per_token", flops.matrices);
    answer.set("attention_flops_per_token", flops.attention);
    answer.set("logits_flops_per_token", flops.logits);
    answer.set("pretraining_flops_dense", flops.total(0.0, tokens, 0.0));
    answer.set("pretraining_flops_sparse", flops.total(sparsity, tokens, 0.0));
    answer.set("fine_tuning_flops", flops.total(sparsity, 0.0, request.fine_tuning));
    answer.set("saving", flops.saving(sparsity));
    if request.tokens.is_none() {
        answer.assume("20 tokens of pretraining per parameter");
    }
    answer.assume("only matrices of attention and feed-forward layers are sparse; FLOP are not seconds: masked products are as slow as dense ones");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_come_near_size_and_aspect() {
        for params in [1e6, 1.3e8, 1.3e9, 7e9, 7e10, 1e12] {
            let request = TransformerRequest {
                head_width: if params < 1e7 { 32 } else { 128 },
                ..TransformerRequest::new(params)
            };
            let answer = plan_transformer(&request).unwrap();
            assert!((answer.number("params").unwrap() / params - 1.0).abs() < 0.1, "{params}: {answer:?}");
            let wide = plan_transformer(&TransformerRequest { aspect: Some(200.0), ..request }).unwrap();
            assert!(wide.number("layers") <= answer.number("layers"), "{params}");
        }
        // A body of the size of Llama 7B has about its shape: 32 layers of 4096.
        let llama = TransformerRequest { head_width: 128, ..TransformerRequest::new(6.476e9) };
        let answer = plan_transformer(&llama).unwrap();
        assert!((24.0..=44.0).contains(&answer.number("layers").unwrap()), "{answer:?}");
        let grouped = plan_transformer(&TransformerRequest { group: 4, ..llama }).unwrap();
        assert_eq!(grouped.number("heads").unwrap() / grouped.number("groups").unwrap(), 4.0);
    }

    #[test]
    fn sparsity_saves_what_the_paper_says() {
        let xl = TransformerRequest {
            gated: false,
            aspect: Some(2048.0 / 24.0),
            vocab: 50257,
            tied: true,
            sparsity: Some(0.75),
            tokens: Some(26e9),
            ..TransformerRequest::new(1.208e9)
        };
        let answer = plan_transformer(&xl).unwrap();
        assert_eq!((answer.number("layers"), answer.number("width")), (Some(24.0), Some(2048.0)));
        assert!((answer.number("saving").unwrap() - 2.5).abs() < 0.05);
        assert!((answer.number("pretraining_flops_sparse").unwrap() / 9.46e19 - 1.0).abs() < 0.01);
    }

    #[test]
    fn nonsense_is_refused() {
        let of = |change: fn(&mut TransformerRequest)| {
            let mut request = TransformerRequest::new(1e9);
            change(&mut request);
            plan_transformer(&request)
        };
        assert!(of(|r| r.params = f64::NAN).is_err() && of(|r| r.params = 1e20).is_err());
        assert!(of(|r| r.sparsity = Some(1.0)).unwrap_err().to_string().contains("share of zeros"));
        assert!(of(|r| r.aspect = Some(0.0)).is_err() && of(|r| r.group = 0).is_err());
        assert!(
            of(|r| {
                r.params = 1e3;
                r.head_width = 4096
            })
            .unwrap_err()
            .to_string()
            .contains("head-width")
        );
    }
}
