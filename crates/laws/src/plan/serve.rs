//! Speed, memory and the largest batch of a served decoder.

use super::{Answer, Rows, Value};
use crate::LawError;
use crate::reason::Reason;
use crate::serving::{Load, MACHINES, Machine, Served, machine};
use crate::spans::SpanPlan;
use kleiber_core::shape::Shape;

/// What is asked.
#[derive(Debug, Clone)]
pub struct ServeRequest {
    /// What the model is called.
    pub name: String,
    /// Its shape.
    pub shape: Shape,
    /// Sequences at the same time.
    pub batch: u64,
    /// Tokens of each that keys and values are kept of; without it the model's longest.
    pub context: Option<u64>,
    /// Tokens of a prompt; without it the context.
    pub prompt: Option<u64>,
    /// Bits of a weight, scales included.
    pub weight_bits: f64,
    /// Bits of a key or value.
    pub kv_bits: f64,
    /// Share of keys and values that attention keeps, or a plan that says so.
    pub density: Option<f64>,
    /// Spans of heads.
    pub spans: Option<SpanPlan>,
    /// Accelerator or measured processor.
    pub machine: Option<String>,
    /// Bytes per second instead of the machine's.
    pub bandwidth: Option<f64>,
    /// FLOP per second instead of the machine's.
    pub speed: Option<f64>,
    /// Bytes of memory instead of the machine's.
    pub memory: Option<f64>,
    /// Share of the bandwidth that is reached.
    pub bandwidth_share: f64,
    /// Share of the speed that is reached.
    pub speed_share: f64,
}

/// Machine without a name.
const DEFAULT_MACHINE: &str = "h100";

impl ServeRequest {
    /// A model with defaults: one sequence, 16 bits, an H100 at its peak.
    pub fn new(name: &str, shape: Shape) -> Self {
        Self {
            name: name.into(),
            shape,
            batch: 1,
            context: None,
            prompt: None,
            weight_bits: 16.0,
            kv_bits: 16.0,
            density: None,
            spans: None,
            machine: None,
            bandwidth: None,
            speed: None,
            memory: None,
            bandwidth_share: 1.0,
            speed_share: 1.0,
        }
    }

    fn density(&self, context: u64) -> Result<f64, LawError> {
        let Some(plan) = &self.spans else { return Ok(self.density.unwrap_or(1.0)) };
        let (layers, heads) = plan.shape();
        let (l, h, g) = (self.shape.layers as usize, self.shape.heads as usize, self.shape.groups as usize);
        if layers != l || (heads != h && heads != g) {
            return Err(LawError::Request(format!(
                "the plan of spans has {layers} layers of {heads} heads, the model {l} layers of {h} ({g} with keys of their own)"
            )));
        }
        plan.density(context)
    }

    fn machine(&self, answer: &mut Answer) -> Result<Machine, LawError> {
        let plain = self.bandwidth.zip(self.speed).filter(|_| self.machine.is_none());
        let mut found = match plain {
            Some((bandwidth, speed)) => Machine::plain(bandwidth, speed),
            None => {
                let name = self.machine.as_deref().unwrap_or(DEFAULT_MACHINE);
                let (found, source) = machine(name).ok_or_else(|| {
                    let accelerators = super::accelerators::ACCELERATORS.iter().map(|a| a.name);
                    let known: Vec<&str> = accelerators.chain(MACHINES.iter().map(|m| m.name)).collect();
                    LawError::Request(format!(
                        "no machine `{name}`: use one of {}, or give --bandwidth and --speed",
                        known.join(", ")
                    ))
                })?;
                answer.given("machine", name);
                if self.machine.is_none() {
                    answer.assume(format!("the machine is {name}, as none is named"));
                }
                answer.assume(format!("rates of {name}: {source}"));
                found
            }
        };
        if let Some(bandwidth) = self.bandwidth {
            (found.weight_bandwidth, found.cache_bandwidth) = (bandwidth, bandwidth);
        }
        if let Some(speed) = self.speed {
            (found.linear_speed, found.attention_speed) = (speed, speed);
        }
        found.memory = self.memory.or(found.memory);
        Ok(found.at(self.bandwidth_share, self.speed_share))
    }
}

/// Time per token, per prompt, bytes of keys and values, and what fits.
///
/// # Errors
/// [`LawError::Request`] for an encoder-decoder, an unknown machine, or a plan of spans of another model.
pub fn plan_serve(request: &ServeRequest) -> Result<Answer, LawError> {
    let served = Served::of(&request.shape)?;
    let context = request.context.unwrap_or(request.shape.context);
    let prompt = request.prompt.unwrap_or(context);
    if request.batch == 0
        || context == 0
        || prompt == 0
        || request.batch > 1 << 40
        || context > 1 << 40
        || prompt > context
    {
        return Err(LawError::Request(format!(
            "batch, context and prompt must be positive, and a prompt of {prompt} no longer than the context of {context}"
        )));
    }
    let bits = 1.0..=64.0;
    let share = |v: f64| v > 0.0 && v <= 1.0;
    if !bits.contains(&request.weight_bits)
        || !bits.contains(&request.kv_bits)
        || ![request.bandwidth_share, request.speed_share, request.density.unwrap_or(1.0)].into_iter().all(share)
    {
        return Err(LawError::Request("bits must lie between 1 and 64; shares and density between 0 and 1".into()));
    }
    let mut answer = Answer::new("serve");
    answer.law("roofline (Williams et al. 2009; Pope et al. 2022)");
    answer.given("model", request.name.as_str());
    answer.given("batch", request.batch);
    answer.given("context", context);
    answer.given("weight_bits", request.weight_bits);
    answer.given("kv_bits", request.kv_bits);
    let density = request.density(context)?;
    if request.spans.is_some() {
        answer.law("spans (Fu et al. 2024)");
    }
    answer.given("density", density);
    let on = request.machine(&mut answer)?;
    let load = Load {
        batch: request.batch as f64,
        context: context as f64,
        weight_bits: request.weight_bits,
        kv_bits: request.kv_bits,
        density,
    };
    let step = served.decode(&load, &on);
    let prefill = served.prefill(prompt as f64, &load, &on);
    answer.set("tokens_per_second", step.tokens_per_second);
    answer.set("tokens_per_second_each", step.tokens_per_second / load.batch);
    answer.set("seconds_per_token", step.seconds);
    answer.set("bound_by", if step.memory_bound() { "memory" } else { "arithmetic" });
    answer.set("prefill_seconds", prefill);
    answer.set("prefill_tokens_per_second", load.batch * prompt as f64 / prefill);
    answer.set("weights_bytes", served.stored_bytes(&load));
    answer.set("kv_bytes_per_token", served.kv_bytes(&load));
    answer.set("kv_cache_bytes", served.cache_bytes(&load));
    answer.set("halving_context", served.halving_context(&load, &on));
    if let Some(memory) = on.memory {
        let needed = served.stored_bytes(&load) + served.cache_bytes(&load);
        answer.given("memory_bytes", memory);
        answer.set("fits", needed <= memory);
        answer.set("largest_batch", served.largest_batch(&load, memory));
        answer.set("largest_context", served.largest_context(&load, memory));
        if needed > memory {
            let what = format!(
                "{needed:.3e} bytes of weights, keys and values do not fit {memory:.3e}: the speed is of a machine that holds them"
            );
            answer.warn(Reason::Assumed { what });
        }
    }
    answer.table = Some(by_context(&served, &load, &on, context));
    if context > request.shape.context {
        let what = format!("a context of {context} is longer than the model's {}", request.shape.context);
        answer.warn(Reason::Assumed { what });
    }
    answer.assume("reading overlaps with arithmetic; no time for anything else, no activations: a bound that no engine beats at these rates");
    if request.bandwidth_share == 1.0 && request.speed_share == 1.0 {
        answer.assume("the machine's rates are reached in full");
    }
    Ok(answer)
}

/// The step at fractions of the context.
fn by_context(served: &Served, load: &Load, on: &Machine, context: u64) -> Rows {
    let mut table = Rows::new(&[
        "context",
        "tokens_per_second",
        "seconds_per_token",
        "kv_cache_bytes",
        "bound_by",
        "largest_batch",
    ]);
    let mut lengths: Vec<u64> = [16, 8, 4, 2, 1].map(|part| (context / part).max(1)).to_vec();
    lengths.dedup();
    for length in lengths {
        let load = Load { context: length as f64, ..*load };
        let step = served.decode(&load, on);
        let largest = on.memory.map_or(Value::Nothing, |m| served.largest_batch(&load, m).into());
        table.push(vec![
            length.into(),
            step.tokens_per_second.into(),
            step.seconds.into(),
            step.cache_bytes.into(),
            if step.memory_bound() { "memory" } else { "arithmetic" }.into(),
            largest,
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_core::catalogue::Catalogue;

    fn request(name: &str) -> ServeRequest {
        ServeRequest::new(name, Catalogue::builtin().entry(name).unwrap().shape().unwrap())
    }

    #[test]
    fn a_small_model_on_an_accelerator() {
        let answer = plan_serve(&request("llama2-7b")).unwrap();
        assert_eq!(answer.number("kv_bytes_per_token"), Some(524_288.0));
        // 13.2 GB of weights that are read and 2.1 GB of keys and values at 3.35 TB/s.
        let expected = 3.35e12 / (2.0 * 6.607e9 + 4096.0 * 524_288.0);
        assert!((answer.number("tokens_per_second").unwrap() / expected - 1.0).abs() < 1e-3, "{answer:?}");
        assert_eq!(answer.answer.get("bound_by"), Some(&Value::Word("memory".into())));
        assert_eq!(
            answer.number("largest_batch"),
            Some(((80e9 - 2.0 * 6_738_415_616.0) / 4096.0 / 524_288.0f64).floor())
        );
        assert!(answer.assumptions.iter().any(|a| a.contains("h100")));
        let many = plan_serve(&ServeRequest { batch: 4096, context: Some(16), ..request("llama2-7b") }).unwrap();
        assert_eq!(many.answer.get("bound_by"), Some(&Value::Word("arithmetic".into())));
    }

    #[test]
    fn spans_and_bits_shrink_the_cache() {
        let base = request("llama2-7b");
        let cache = |r: &ServeRequest| plan_serve(r).unwrap().number("kv_cache_bytes").unwrap();
        let plan = |layers: usize| SpanPlan { alphas: vec![vec![0.0; 32]; layers], betas: vec![vec![0.5; 32]; layers] };
        let half = ServeRequest { spans: Some(plan(32)), ..base.clone() };
        assert_eq!(cache(&half) / cache(&base), 33.0 / 64.0);
        let eight = ServeRequest { kv_bits: 8.5, ..base.clone() };
        assert_eq!(cache(&eight) / cache(&base), 8.5 / 16.0);
        let wrong = plan_serve(&ServeRequest { spans: Some(plan(16)), ..base }).unwrap_err().to_string();
        assert!(wrong.contains("16 layers") && wrong.contains("32"), "{wrong}");
    }

    #[test]
    fn processors_and_refusals() {
        let base = request("llama2-7b");
        let cpu = ServeRequest { machine: Some("xeon-8488c".into()), weight_bits: 4.5, ..base.clone() };
        let answer = plan_serve(&cpu).unwrap();
        assert!((5.0..30.0).contains(&answer.number("tokens_per_second").unwrap()), "{answer:?}");
        assert!(answer.answer.get("fits").is_none(), "its memory is not known");
        let own = ServeRequest { bandwidth: Some(50e9), speed: Some(1e12), memory: Some(16e9), ..base.clone() };
        let answer = plan_serve(&own).unwrap();
        assert_eq!(answer.inputs.get("machine"), None);
        assert_eq!((answer.warnings.len(), answer.answer.get("fits").unwrap()), (0, &Value::Flag(true)));
        assert!(
            plan_serve(&ServeRequest { machine: Some("abacus".into()), ..base.clone() })
                .unwrap_err()
                .to_string()
                .contains("h200")
        );
        assert!(plan_serve(&ServeRequest { prompt: Some(8192), ..base.clone() }).is_err());
        assert!(plan_serve(&ServeRequest { weight_bits: f64::NAN, ..base.clone() }).is_err());
        assert!(plan_serve(&ServeRequest { density: Some(1.5), ..base }).is_err());
        assert!(plan_serve(&request("t5-small")).is_err());
    }
}
