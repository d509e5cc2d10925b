//! Memory of training per device, by stage of sharding.

mod request;

pub use request::{Like, MemoryModel, MemoryRequest};

use super::{Answer, Rows, Value};
use crate::LawError;
use crate::memory::{Precision, Recompute, Stage, States, traffic};
use crate::reason::Reason;

const GIB: f64 = 1_073_741_824.0;

/// Bytes per device of training a model, by part and stage.
///
/// # Errors
/// [`LawError::Request`] for options that contradict each other or are out of any range.
pub fn plan_memory(request: &MemoryRequest) -> Result<Answer, LawError> {
    request.check()?;
    let mut answer = Answer::new("memory");
    answer.law(match request.like {
        Like::Paper => "zero (Rajbhandari et al. 2020, table 1)",
        Like::Deepspeed => "deepspeed estimators",
        Like::Accelerate => "accelerate estimate-memory",
    });
    answer.given("model", request.model.name.as_str());
    answer.given("params_total", request.model.params);
    answer.given("ranks", request.ranks);
    answer.given("optimizer", request.optimizer.name());
    answer.given("precision", if request.precision == Precision::Mixed { "mixed" } else { "f32" });
    let activations = request.activations()?;
    let rest: f64 = activations.iter().flatten().sum();
    if let (Some(_), Some(shape)) = (activations, &request.model.shape) {
        answer.law("activations (Korthikanti et al. 2022)");
        answer.given("batch", request.batch);
        answer.given("context", request.context.unwrap_or(shape.context));
    }

    let mut table = Rows::new(&[
        "stage",
        "weights",
        "gradients",
        "optimizer",
        "activations",
        "total_bytes",
        "GiB",
        "elements_per_step",
    ]);
    let mut totals = Vec::new();
    for stage in Stage::ALL {
        // DeepSpeed has no estimate for the first stages, accelerate none that differ.
        let Ok(states) = request.states(stage) else { continue };
        if request.like == Like::Accelerate && stage != Stage::Zero {
            continue;
        }
        let total = states.total() + rest;
        let sent = traffic::elements(request.model.params / request.tensor as f64, request.ranks, stage);
        totals.push((stage, states, total, sent));
        let parts = |v: f64| if request.like == Like::Paper { Value::from(v) } else { Value::Nothing };
        table.push(vec![
            stage.number().into(),
            parts(states.weights),
            parts(states.gradients),
            parts(states.optimizer),
            Value::from(activations.map(|a| a.iter().sum::<f64>())),
            total.into(),
            (total / GIB).into(),
            sent.into(),
        ]);
    }
    let fits = |total: f64| request.device.is_none_or(|device| total <= device);
    let wanted = match request.stage {
        Some(stage) => totals.iter().find(|t| t.0 == stage),
        None => totals.iter().find(|t| fits(t.2)).or(totals.last()),
    };
    let Some(&(stage, states, total, sent)) = wanted else {
        // The estimator says itself why it has no number.
        let _ = request.states(request.stage.unwrap_or(Stage::Zero))?;
        return Err(LawError::Request("accelerate knows stage 0 only: leave --stage out or use --like paper".into()));
    };
    answer.set("stage", stage.number());
    if request.like == Like::Paper {
        answer.set("weights_bytes", states.weights);
        answer.set("gradients_bytes", states.gradients);
        answer.set("optimizer_bytes", states.optimizer);
    }
    answer.set("states_bytes", states.total());
    if let Some([kept, again, ends]) = activations {
        answer.set("activations_kept_bytes", kept);
        answer.set("activations_again_bytes", again);
        answer.set("activations_ends_bytes", ends);
    }
    answer.set("total_bytes", total);
    answer.set("total_gib", total / GIB);
    answer.set("elements_per_step", sent);
    if request.like == Like::Deepspeed {
        answer.set("host_bytes", request.deepspeed(stage)?.host);
    }
    if let Some(device) = request.device {
        answer.given("device_bytes", device);
        answer.set("fits", fits(total));
        if request.like == Like::Paper {
            let room = States::largest(device - rest, request.ranks, stage, request.optimizer, request.precision);
            answer.set("largest_params", room * request.tensor as f64);
        }
    }
    answer.table = Some(table);
    assumptions(request, stage, activations.is_some(), &mut answer);
    Ok(answer)
}

fn assumptions(request: &MemoryRequest, stage: Stage, activations: bool, answer: &mut Answer) {
    if activations {
        let again = match request.recompute {
            Recompute::None => "every activation is kept",
            Recompute::Selective => "scores of attention are not kept (recomputed, or fused attention)",
            Recompute::Full => "layers keep their input only; one layer at a time exists again in full",
        };
        answer.assume(again);
        answer.assume("GELU or gated feed-forward layers, nothing else fused; 32-bit logits; activations of other runtimes differ by what they keep");
    } else {
        let what =
            "activations, which often exceed the model states, are not counted: name a model or give its shape".into();
        answer.warn(Reason::Assumed { what });
    }
    if request.like == Like::Deepspeed {
        answer.assume("DeepSpeed shares 18 bytes per parameter, 4 more than the paper, for 32-bit gradients");
        if request.model.shape.is_some() {
            answer.assume("the largest layer is the embedding");
        } else {
            answer.assume("the largest layer, of which 4 bytes per parameter stay, is unknown and taken as empty");
        }
    }
    if request.like == Like::Paper && stage == Stage::Three && request.ranks > 1 {
        answer.assume("layers of weights that are gathered for their turn, and buffers, are not counted");
    }
    if request.ranks == 1 && request.stage.is_some_and(|s| s != Stage::Zero) {
        answer.warn(Reason::Assumed { what: "sharding over one rank shares nothing: give --ranks".into() });
    }
    answer.assume("communication of a ring: (ranks - 1) / ranks of 2 elements per parameter, of 3 in stage 3");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Optimizer;
    use crate::memory::estimators::Offload;
    use kleiber_core::catalogue::Catalogue;

    fn params(params: f64) -> MemoryRequest {
        MemoryRequest::new(MemoryModel { params, shape: None, name: "params".into() })
    }

    #[test]
    fn the_published_case() {
        let request = MemoryRequest { ranks: 64, stage: Some(Stage::Two), ..params(7.5e9) };
        let answer = plan_memory(&request).unwrap();
        assert!((answer.number("total_bytes").unwrap() / 1e9 - 16.64).abs() < 0.005, "{answer:?}");
        assert_eq!(answer.table.as_ref().unwrap().rows.len(), 4);
        assert_eq!(answer.warnings.len(), 1, "no activations");
        // The least stage that fits 32 GB is the second; one that nothing fits says so.
        let least = plan_memory(&MemoryRequest { device: Some(20e9), stage: None, ..request.clone() }).unwrap();
        assert_eq!((least.number("stage"), least.answer.get("fits")), (Some(2.0), Some(&Value::Flag(true))));
        let none = plan_memory(&MemoryRequest { device: Some(1e9), stage: None, ..request }).unwrap();
        assert_eq!((none.number("stage"), none.answer.get("fits")), (Some(3.0), Some(&Value::Flag(false))));
    }

    #[test]
    fn a_named_model_has_activations() {
        let shape = Catalogue::builtin().entry("gpt3-175b").unwrap().shape().unwrap();
        let total = shape.parts().unwrap().params_total().unwrap() as f64;
        let model = MemoryModel { params: total, shape: Some(shape), name: "gpt3-175b".into() };
        let base = MemoryRequest { dropout: true, ranks: 8, ..MemoryRequest::new(model) };
        let kept = |r: &MemoryRequest| plan_memory(r).unwrap().number("activations_kept_bytes").unwrap();
        // 114 s b h per layer, as Korthikanti et al. count GPT-3.
        let unit = 2048.0 * 12288.0 * 96.0;
        assert!((kept(&base) / unit - 114.0).abs() < 1e-9);
        let flash = MemoryRequest { recompute: Recompute::Selective, ..base.clone() };
        assert!((kept(&flash) / unit - 34.0).abs() < 1e-9);
        let split = MemoryRequest { tensor: 8, sequence_parallel: true, ..flash };
        assert!((kept(&split) / unit - 34.0 / 8.0).abs() < 1e-9);
        assert!(
            plan_memory(&MemoryRequest { tensor: 7, ..base.clone() }).unwrap_err().to_string().contains("96 heads")
        );
        assert!(plan_memory(&MemoryRequest { sequence_parallel: true, ..base }).is_err());
    }

    #[test]
    fn estimators_answer_what_they_know() {
        let deep = MemoryRequest { ranks: 8, like: Like::Deepspeed, stage: Some(Stage::Two), ..params(2.851e9) };
        let answer = plan_memory(&deep).unwrap();
        assert!((answer.number("total_gib").unwrap() - 11.28).abs() < 0.005);
        let off = MemoryRequest { offload: Offload::Optimizer, ..deep.clone() };
        assert!((plan_memory(&off).unwrap().number("total_gib").unwrap() - 5.31).abs() < 0.005);
        assert!(plan_memory(&MemoryRequest { stage: Some(Stage::One), ..deep.clone() }).is_err());
        assert!(plan_memory(&MemoryRequest { optimizer: Optimizer::Lion, ..deep.clone() }).is_err());
        assert!(plan_memory(&MemoryRequest { like: Like::Paper, ..off }).is_err());
        let one = plan_memory(&MemoryRequest { like: Like::Accelerate, ..params(1e9) }).unwrap();
        assert_eq!(one.number("total_bytes"), Some(8e9));
        assert!(plan_memory(&MemoryRequest { like: Like::Accelerate, ..deep }).is_err());
        assert!(
            plan_memory(&params(f64::NAN)).is_err() && plan_memory(&MemoryRequest { ranks: 0, ..params(1e9) }).is_err()
        );
    }
}
