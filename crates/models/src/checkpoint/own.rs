//! Decoders that no family of `transformers` can express: the configuration as it is, and arrays under our own names.

use super::{Family, Fields, Order, Piece, shown};
use crate::{DecoderConfig, ModelError};
use serde_json::{Value, json};

pub(super) const FAMILY: Family = Family {
    model_type: "kleiber",
    prefix: "",
    head: "head.weight",
    buffers: &[],
    fits: |_| true,
    write,
    read,
    pieces,
};

fn write(config: &DecoderConfig) -> Vec<(&'static str, Value)> {
    vec![("architectures", json!(["KleiberDecoder"])), ("decoder", json!(config))]
}

fn read(fields: &mut Fields) -> Result<DecoderConfig, ModelError> {
    let found = fields.take("decoder").unwrap_or_default();
    serde_json::from_value(found.clone()).map_err(|e| fields.unsupported("decoder", shown(&found), &e.to_string()))
}

fn pieces(config: &DecoderConfig) -> Vec<Piece> {
    let declared = crate::layout::Declared::new(config);
    declared.builder.entries().iter().map(|e| Piece::new(e.name.clone(), e.name.clone(), Order::Same)).collect()
}
