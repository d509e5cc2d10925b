//! Bits of facts that models have learned of compact records (study `knowledge-capacity`).

use super::Function;
use crate::{Context, StudyError};
use kleiber_core::rng::Rng;
use kleiber_core::table::{Cells, Column, Table};
use kleiber_data::IGNORE;
use kleiber_data::tasks::{BioD, Record, TaskSpec, knowledge};
use kleiber_evaluate::Model;
use serde::Deserialize;
use std::collections::HashSet;
use std::path::Path;

pub(super) const FUNCTION: Function = Function {
    name: "knowledge-bits",
    about: "bits of names and values that runs have learned of the bio-d records they were trained on",
    run,
};

/// Records at a time.
const BATCH: usize = 64;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// Runs, by their columns `folder` and `corpus`.
    table: String,
}

/// Mean losses in nats, sums over exactly the tokens of a name, of a value, and of the first piece of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Losses {
    name: f64,
    value: f64,
    piece: f64,
}

/// The runs with `bits` learned, `possible` bits, parameters `used` (without rows of the embedding for tokens that never come),
/// `per_param` = bits / used, `most` = possible / used, `share` = bits / possible, and the losses `name_nats` and `value_nats`.
/// Every record is read once, behind an end of text, its attributes in one random order.
fn run(keys: &toml::Table, context: &Context<'_>) -> Result<Table, StudyError> {
    let keys: Keys = super::keys(keys)?;
    let runs = context.rows(&keys.table, &[], &[])?;
    let (folders, trained) = (runs.labels("folder")?, runs.labels("corpus")?);
    let names = ["bits", "possible", "used", "per_param", "most", "share", "name_nats", "value_nats"];
    let mut columns = vec![Vec::new(); names.len()];
    for (folder, trained) in folders.iter().zip(&trained) {
        context.go_on()?;
        let spec = TaskSpec::parse(trained)?;
        let task: BioD = serde_json::from_value(spec.parameters.clone()).map_err(|e| {
            StudyError::refused(format!("`{trained}` are no bio-d records: {e}"), "train on task:bio-d")
        })?;
        let model = Model::load(Path::new(&**folder))?;
        let losses = losses(&model, &task, context.options.seed)?;
        let size = task.size();
        let bits = knowledge::bio_d_learned(&size, losses.name, losses.value, losses.piece).total();
        let possible = knowledge::bio_d(&size).total();
        let used = used(&model, &task)?;
        let row = [bits, possible, used, bits / used, possible / used, bits / possible, losses.name, losses.value];
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    let with = |table: Table, (name, cells): (&str, Vec<f64>)| {
        table.with_column(Column { name: name.into(), cells: Cells::Number(cells) })
    };
    Ok(names.into_iter().zip(columns).try_fold(runs, with)?)
}

fn record(task: &BioD, person: u64, seed: u64) -> Record {
    task.record(person, &mut Rng::new(seed, "knowledge order", person as u32))
}

/// Parameters that take part: all but the rows of embedding and head for tokens that are in no record.
fn used(model: &Model, task: &BioD) -> Result<f64, StudyError> {
    let mut seen: HashSet<u32> = HashSet::from([model.tokenizer.end_of_text()]);
    for person in 0..task.people {
        seen.extend(model.tokenizer.encode(&record(task, person, 0).text)?);
    }
    let config = model.decoder.config();
    let matrices = if config.tied { 1 } else { 2 };
    let unused = (config.vocab - seen.len()) * config.width * matrices;
    Ok(model.decoder.parameters().len() as f64 - unused as f64)
}

fn losses(model: &Model, task: &BioD, seed: u64) -> Result<Losses, StudyError> {
    let end = model.tokenizer.end_of_text();
    let piece = task.length as usize;
    let (mut name, mut value, mut first) = (0.0, 0.0, 0.0);
    for from in (0..task.people).step_by(BATCH) {
        let records: Vec<Record> =
            (from..task.people.min(from + BATCH as u64)).map(|person| record(task, person, seed)).collect();
        let (mut inputs, mut targets, mut length) = (Vec::new(), Vec::new(), 0);
        for record in &records {
            let tokens = model.tokenizer.encode(&record.text)?;
            if tokens.len() != record.text.len() {
                let why = format!("{} tokens for {} symbols of a record", tokens.len(), record.text.len());
                return Err(StudyError::refused(why, "train with data.tokenizer = \"bytes\": a token is a symbol"));
            }
            length = tokens.len();
            inputs.push(end);
            inputs.extend(&tokens[..length - 1]);
            targets.extend(&tokens);
        }
        if length > model.decoder.config().context || length == 0 {
            let why = format!("a record has {length} tokens, the model holds {}", model.decoder.config().context);
            return Err(StudyError::refused(why, "train with a longer model.context"));
        }
        debug_assert!(targets.iter().all(|t| *t != IGNORE));
        let nats = model.decoder.token_losses(&inputs, &targets, records.len(), None);
        for (record, nats) in records.iter().zip(nats.chunks(length)) {
            let sum = |range: &[f32]| range.iter().map(|n| f64::from(*n)).sum::<f64>();
            name += sum(&nats[record.name.clone()]);
            for (_, range) in &record.values {
                value += sum(&nats[range.clone()]);
                first += sum(&nats[range.start..range.start + piece]);
            }
        }
    }
    let (people, values) = (task.people as f64, (task.people * task.attributes) as f64);
    Ok(Losses { name: name / people, value: value / values, piece: first / values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_data::Tokenizer;
    use kleiber_models::{Decoder, DecoderConfig};

    #[test]
    fn a_model_that_says_the_same_of_every_token_knows_less_than_nothing() {
        let task = BioD { people: 70, ..BioD::default() };
        let config = DecoderConfig { vocab: 257, context: 16, layers: 1, width: 16, ..DecoderConfig::default() };
        let config = config.with_heads();
        let mut decoder = Decoder::new(&config, 0).unwrap();
        decoder.parameters_mut().values_mut().fill(0.0);
        let model = Model::new(decoder, Tokenizer::Bytes).unwrap();
        let found = losses(&model, &task, 0).unwrap();
        // Uniform over 257 tokens: four for a name, one for a value.
        let each = 257f64.ln();
        assert!((found.name - 4.0 * each).abs() < 1e-4 && (found.value - each).abs() < 1e-4, "{found:?}");
        assert!((found.piece - each).abs() < 1e-4);
        // 64 symbols, four marks, the end of a line and of a text of the 257 rows of an embedding.
        let all = model.decoder.parameters().len() as f64;
        let rows = if config.tied { 1.0 } else { 2.0 };
        let seen = 257.0 - (all - used(&model, &task).unwrap()) / (16.0 * rows);
        assert!((60.0..=70.0).contains(&seen), "{seen}");
    }
}
