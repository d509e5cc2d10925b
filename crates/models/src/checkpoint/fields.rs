//! The fields of a `config.json`: each is taken by the family that knows it, and what is left over is refused by name.

use crate::ModelError;
use crate::error::short;
use serde_json::{Map, Value};

/// Fields that change nothing in the pass from tokens to logits, whatever their values: names, versions, special
/// tokens, how a new model starts, dropout and other matters of training, and defaults of generation.
const HARMLESS: &[&str] = &[
    "_attn_implementation_autoset",
    "_name_or_path",
    "architectures",
    "attention_dropout",
    "attn_pdrop",
    "bos_token_id",
    "chunk_size_feed_forward",
    "classifier_dropout",
    "do_sample",
    "dtype",
    "embd_pdrop",
    "eos_token_id",
    "gradient_checkpointing",
    "hidden_dropout",
    "id2label",
    "initializer_range",
    "label2id",
    "max_length",
    "model_type",
    "output_attentions",
    "output_hidden_states",
    "pad_token_id",
    "pretraining_tp",
    "reorder_and_upcast_attn",
    "resid_pdrop",
    "return_dict",
    "summary_activation",
    "summary_first_dropout",
    "summary_proj_to_labels",
    "summary_type",
    "summary_use_proj",
    "task_specific_params",
    "temperature",
    "top_k",
    "top_p",
    "torch_dtype",
    "transformers_version",
    "use_cache",
];

/// Fields that are still to be taken.
#[derive(Debug)]
pub(super) struct Fields {
    source_name: String,
    map: Map<String, Value>,
}

impl Fields {
    /// The fields of a `config.json`; `name` stands in messages.
    pub(super) fn parse(name: &str, json: &[u8]) -> Result<Self, ModelError> {
        match serde_json::from_slice(json) {
            Ok(Value::Object(map)) => Ok(Self { source_name: name.into(), map }),
            Ok(_) => Err(ModelError::malformed(name, "is no JSON object")),
            Err(e) => Err(ModelError::malformed(name, e.to_string())),
        }
    }

    fn wrong(&self, field: &str, found: &Value, expected: &str) -> ModelError {
        let why = format!("{field} = {}, expected {expected}", shown(found));
        ModelError::malformed(&self.source_name, why)
    }

    fn missing(&self, field: &str) -> ModelError {
        ModelError::malformed(&self.source_name, format!("has no field `{field}`"))
    }

    /// The refusal of a value that the decoder cannot represent.
    pub(super) fn unsupported(&self, field: &str, found: impl std::fmt::Display, expected: &str) -> ModelError {
        ModelError::Unsupported {
            source_name: self.source_name.clone(),
            field: short(field, 100),
            found: short(&found.to_string(), 100),
            expected: short(expected, 300),
        }
    }

    /// Takes a field; `null` counts as absent.
    pub(super) fn take(&mut self, field: &str) -> Option<Value> {
        self.map.remove(field).filter(|v| !v.is_null())
    }

    /// A field that is left where it is.
    pub(super) fn peek(&self, field: &str) -> Option<&Value> {
        self.map.get(field).filter(|v| !v.is_null())
    }

    /// A whole number that may be absent.
    pub(super) fn size_or_none(&mut self, field: &str) -> Result<Option<usize>, ModelError> {
        let Some(value) = self.take(field) else { return Ok(None) };
        let size = value.as_u64().and_then(|n| usize::try_from(n).ok());
        size.map(Some).ok_or_else(|| self.wrong(field, &value, "a whole number"))
    }

    /// A whole number.
    pub(super) fn size(&mut self, field: &str) -> Result<usize, ModelError> {
        self.size_or_none(field)?.ok_or_else(|| self.missing(field))
    }

    /// A number, or `default`.
    pub(super) fn number(&mut self, field: &str, default: f64) -> Result<f64, ModelError> {
        let Some(value) = self.take(field) else { return Ok(default) };
        value.as_f64().ok_or_else(|| self.wrong(field, &value, "a number"))
    }

    /// A truth value, or `default`.
    pub(super) fn flag(&mut self, field: &str, default: bool) -> Result<bool, ModelError> {
        let Some(value) = self.take(field) else { return Ok(default) };
        value.as_bool().ok_or_else(|| self.wrong(field, &value, "true or false"))
    }

    /// A truth value that can only be represented as `wanted`.
    pub(super) fn must_be(&mut self, field: &str, default: bool, wanted: bool) -> Result<(), ModelError> {
        let found = self.flag(field, default)?;
        if found == wanted { Ok(()) } else { Err(self.unsupported(field, found, &wanted.to_string())) }
    }

    /// A word that can only be represented as one of `wanted`.
    pub(super) fn word(&mut self, field: &str, default: &str, wanted: &[&str]) -> Result<(), ModelError> {
        let found = match self.take(field) {
            None => default.to_string(),
            Some(Value::String(word)) => word,
            Some(other) => return Err(self.wrong(field, &other, "a word")),
        };
        if wanted.contains(&found.as_str()) {
            return Ok(());
        }
        Err(self.unsupported(field, shown(&Value::String(found)), &wanted.join(", ")))
    }

    /// Base of the rotary angles and share of a head that they turn, from `rope_parameters` (since transformers 5),
    /// `rope_scaling` (before), or the fields `base` and `share`.
    pub(super) fn rotary(
        &mut self,
        (base_field, base): (&str, f64),
        (share_field, share): (&str, f64),
    ) -> Result<(f64, f64), ModelError> {
        let top = [self.take(base_field), self.take(share_field)];
        let mut inner = [None, None];
        for name in ["rope_parameters", "rope_scaling"] {
            let fields = match self.take(name) {
                None => continue,
                Some(Value::Object(fields)) => fields,
                Some(other) => return Err(self.wrong(name, &other, "an object or null")),
            };
            for (key, value) in fields.into_iter().filter(|(_, v)| !v.is_null()) {
                let at = format!("{name}.{key}");
                match key.as_str() {
                    "rope_type" | "type" if value == "default" => {}
                    "rope_type" | "type" => return Err(self.unsupported(&at, shown(&value), "\"default\"")),
                    "rope_theta" => inner[0] = Some((at, value)),
                    "partial_rotary_factor" => inner[1] = Some((at, value)),
                    _ => return Err(self.unsupported(&at, shown(&value), "an absent field")),
                }
            }
        }
        let mut out = [base, share];
        for (i, name) in [base_field, share_field].into_iter().enumerate() {
            let named = top[i].clone().map(|v| (name.to_string(), v));
            let mut last: Option<f64> = None;
            for (field, value) in named.into_iter().chain(inner[i].take()) {
                let number = value.as_f64().ok_or_else(|| self.wrong(&field, &value, "a number"))?;
                if let Some(other) = last.filter(|other| *other != number) {
                    return Err(self.unsupported(&field, number, &format!("{other}, which {name} says,")));
                }
                last = Some(number);
            }
            out[i] = last.unwrap_or(out[i]);
        }
        Ok((out[0], out[1]))
    }

    /// Tokens that end a text.
    pub(super) fn ends(&self) -> Vec<u32> {
        let number = |v: &Value| v.as_u64().and_then(|n| u32::try_from(n).ok());
        match self.map.get("eos_token_id") {
            Some(Value::Array(all)) => all.iter().filter_map(number).collect(),
            Some(one) => number(one).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// Refuses a field that nobody took, unless it is harmless or says that something is off.
    pub(super) fn finish(self) -> Result<(), ModelError> {
        let off = |v: &Value| matches!(v, Value::Null | Value::Bool(false));
        match self.map.iter().find(|(name, value)| !HARMLESS.contains(&name.as_str()) && !off(value)) {
            None => Ok(()),
            Some((name, value)) => Err(self.unsupported(name, shown(value), "an absent field")),
        }
    }
}

/// A value in a message.
pub(super) fn shown(value: &Value) -> String {
    short(&value.to_string(), 80)
}
