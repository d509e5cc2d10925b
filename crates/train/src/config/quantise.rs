//! `[train.quantise]`: numbers of few bits in the products of projections.

use crate::TrainError;
use kleiber_core::table::nearest;
use kleiber_models::DecoderConfig;
use kleiber_tensor::Device;
use kleiber_tensor::kernels::float_format::{Block, Format};
use kleiber_tensor::ops::{Operand, Quantise};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Numbers of few bits in the products of projections (Sun et al. 2025, arXiv 2501.02423), simulated: they are rounded to
/// the format, and everything else is single precision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuantiseConfig {
    /// `none`, or a format such as `E2M1`: exponent and mantissa bits beside the sign.
    pub format: FormatName,
    /// Numbers that share a scale, among those that a product sums over; `channel` for all of them, `tensor` for the whole
    /// matrix.
    pub block: BlockName,
    /// What is rounded: `P1` the input and `P2` the weights of the forward product, `P3` the output's gradient and `P4` the
    /// weights of the product for the input's gradient, `P5` the output's gradient and `P6` the input of the product for
    /// the weights' gradient.
    pub tensors: Vec<OperandName>,
}

impl Default for QuantiseConfig {
    fn default() -> Self {
        let tensors = [Operand::Weights, Operand::WeightsForInput, Operand::InputForWeights];
        Self {
            format: FormatName(None),
            block: BlockName(Block::Elements(32)),
            tensors: tensors.map(OperandName).to_vec(),
        }
    }
}

impl QuantiseConfig {
    /// Whether nothing is rounded.
    pub(crate) fn is_off(&self) -> bool {
        self.format.0.is_none()
    }

    /// What projections round; nothing when no format is given.
    pub(crate) fn quantise(&self) -> Option<Quantise> {
        let covered = |operand| self.tensors.iter().any(|t| t.0 == operand);
        Some(Quantise { format: self.format.0?, block: self.block.0, operands: Operand::ALL.map(covered) })
    }

    /// Names of what is rounded, such as `P2+P4+P6`.
    pub(crate) fn covered(&self) -> String {
        let names = Operand::ALL.iter().filter(|o| self.tensors.iter().any(|t| t.0 == **o)).map(|o| o.name());
        names.collect::<Vec<_>>().join("+")
    }

    /// Whether blocks divide what products sum over in a decoder, for batches of so many sequences.
    ///
    /// # Errors
    /// [`TrainError::Option`] with the first that does not.
    pub(crate) fn check(&self, decoder: &DecoderConfig, batches: &[usize], device: Device) -> Result<(), TrainError> {
        let Some(quantise) = self.quantise() else { return Ok(()) };
        if self.tensors.is_empty() {
            return Err(TrainError::option("train.quantise.tensors", "[]", "at least one of P1 to P6"));
        }
        if decoder.encoder_layers > 0 {
            // Its sources have any length, which no block divides.
            let expected = "a model without an encoder is needed";
            return Err(TrainError::option("train.quantise.format", quantise.format, expected));
        }
        let gradients = [Operand::GradientForInput, Operand::GradientForWeights];
        if device != Device::Cpu && gradients.iter().any(|g| quantise.covers(*g)) {
            let expected = "P3 and P5 are rounded on the CPU alone";
            return Err(TrainError::option("train.quantise.tensors", self.covered(), expected));
        }
        let Block::Elements(block) = quantise.block else { return Ok(()) };
        let (width, hidden) = (decoder.width, decoder.hidden());
        for operand in Operand::ALL.into_iter().filter(|o| quantise.covers(*o)) {
            let summed: Vec<usize> = match operand {
                Operand::Input | Operand::Weights => vec![width, hidden],
                Operand::GradientForInput | Operand::WeightsForInput => {
                    vec![decoder.packed_width(), width, decoder.gates() * hidden]
                }
                Operand::GradientForWeights | Operand::InputForWeights => {
                    batches.iter().map(|sequences| sequences * decoder.context).collect()
                }
            };
            if let Some(whole) = summed.iter().find(|n| block == 0 || !n.is_multiple_of(block as usize)) {
                let expected =
                    format!("it must divide the {whole} numbers that a product with {} sums over", operand.name());
                return Err(TrainError::option("train.quantise.block", block, expected));
            }
        }
        Ok(())
    }
}

/// A format, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormatName(pub Option<Format>);

impl Serialize for FormatName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.map_or("none".into(), |format| format.to_string()))
    }
}

impl<'de> Deserialize<'de> for FormatName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "none" => Ok(Self(None)),
            _ => text.parse().map(|format| Self(Some(format))).map_err(serde::de::Error::custom),
        }
    }
}

/// What shares a scale: so many numbers, `channel` or `tensor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockName(pub Block);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum RawBlock {
    Elements(u32),
    Name(String),
}

impl Serialize for BlockName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Block::Elements(elements) => serializer.serialize_u32(elements),
            Block::Channel => serializer.serialize_str("channel"),
            Block::Tensor => serializer.serialize_str("tensor"),
        }
    }
}

impl<'de> Deserialize<'de> for BlockName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = || serde::de::Error::custom("a number of elements, \"channel\" or \"tensor\" is needed");
        match RawBlock::deserialize(deserializer).map_err(|_| expected())? {
            RawBlock::Elements(elements) => Ok(Self(Block::Elements(elements))),
            RawBlock::Name(name) => match name.as_str() {
                "channel" => Ok(Self(Block::Channel)),
                "tensor" => Ok(Self(Block::Tensor)),
                _ => Err(expected()),
            },
        }
    }
}

/// An operand by its name, `P1` to `P6`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperandName(pub Operand);

impl Serialize for OperandName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for OperandName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let found = Operand::ALL.into_iter().find(|o| o.name() == text);
        found.map(Self).ok_or_else(|| {
            let near = nearest(&text, &Operand::ALL.map(Operand::name));
            let near = near.map_or("the tensors are P1 to P6".into(), |near| format!("did you mean `{near}`?"));
            serde::de::Error::custom(format!("no tensor `{text}`; {near}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{Plan, RunConfig};

    fn plan(overrides: &[&str]) -> Result<Plan, String> {
        let overrides: Vec<String> = ["model.layers=2", "model.width=64", "model.context=32"]
            .iter()
            .chain(overrides)
            .map(|o| (*o).into())
            .collect();
        let config = RunConfig::parse("run.toml", "", &overrides).map_err(|e| e.to_string())?;
        Plan::new(&config, 256).map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_off_leaves_no_trace() {
        let plain = plan(&[]).unwrap();
        assert!(!plain.config.to_toml().contains("quantise"));
        // Without a format the other keys mean nothing, so the run is the same one.
        let off = plan(&["train.quantise.format=none", "train.quantise.block=16"]).unwrap();
        assert_eq!(off.config, plain.config);
        assert_eq!(RunConfig::parse("again", &plain.config.to_toml(), &[]).unwrap(), plain.config);
    }

    #[test]
    fn what_is_on_is_written_noted_and_read_again() {
        let plan = plan(&["train.quantise={format=\"e2m1\", block=16, tensors=[\"P6\", \"P2\"]}"]).unwrap();
        let text = plan.config.to_toml();
        assert!(text.contains("[train.quantise]\nformat = \"E2M1\"\nblock = 16\n"), "{text}");
        let again = RunConfig::parse("again", &text, &[]).unwrap();
        assert_eq!(again, plan.config);
        let note = plan.notes.iter().find(|n| n.key == "train.quantise").unwrap();
        assert_eq!(note.value, "E2M1, a scale for 16, P2+P6");
        let plain = self::plan(&[]).unwrap();
        let keys: Vec<String> = plain.config.differences(&plan.config).into_iter().map(|d| d.0).collect();
        assert_eq!(keys, ["train.quantise.block", "train.quantise.format", "train.quantise.tensors"]);
    }

    #[test]
    fn slips_are_named() {
        let error = |over: &str| plan(&["train.quantise.format=E2M1", over]).unwrap_err();
        assert!(error("train.quantise.tensors=[\"P22\"]").contains("no tensor `P22`; did you mean `P2`?"));
        assert!(error("train.quantise.tensors=[]").contains("at least one of P1 to P6"));
        assert!(error("train.quantise.formt=1").contains("did you mean `train.quantise.format`?"));
        assert!(error("train.quantise.format=bf16").contains("`bf16` is no format such as E2M1"));
        assert!(error("train.quantise.block=row").contains("\"channel\" or \"tensor\""));
        assert_eq!(
            error("train.quantise.block=48"),
            "train.quantise.block = 48: it must divide the 64 numbers that a product with P2 sums over"
        );
        assert!(error("train.quantise.block=0").contains("must divide"));
        let other = plan(&["train.quantise={format=\"E2M1\", block=64, tensors=[\"P6\"]}", "train.batch_tokens=96"]);
        assert!(other.unwrap_err().contains("it must divide the 96 numbers that a product with P6 sums over"));
    }
}
