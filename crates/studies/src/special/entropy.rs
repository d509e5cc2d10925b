//! What the best possible model loses on texts of known entropy (study `autoregressive-scaling`).

use super::Function;
use crate::{Context, StudyError};
use indexmap::IndexMap;
use kleiber_core::table::{Cells, Column, Table};
use kleiber_data::tasks::{Fold, TaskSpec};
use serde::Deserialize;

pub(super) const FUNCTION: Function = Function {
    name: "known-entropy",
    about: "nats per token of the best possible model on tasks whose examples have one length, end of text included",
    run,
};

/// Sources by the name that they have in the table, as `data.source` names them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    domains: IndexMap<String, String>,
}

/// Columns `domain`, `entropy` (nats per token) and `nats` (of a text). The end of a text is certain once its length is known, and
/// is a token like the others.
fn run(keys: &toml::Table, context: &Context<'_>) -> Result<Table, StudyError> {
    let keys: Keys = super::keys(keys)?;
    let mut names = Vec::new();
    let mut nats = Vec::new();
    let mut lengths = Vec::new();
    for (name, source) in &keys.domains {
        let task = TaskSpec::parse(source)?.task()?;
        let known = task.entropy().ok_or_else(|| {
            StudyError::refused(format!("the entropy of `{source}` is not known"), "that of bigram and field is")
        })?;
        let letters = task.sample(0, Fold::Train, 0)?.text().chars().count() as f64;
        names.push(name.as_str().into());
        nats.push(known.first + (letters - 1.0) * known.rate);
        lengths.push(letters + 1.0);
    }
    let entropy = nats.iter().zip(&lengths).map(|(nats, length)| nats / length).collect();
    let columns = vec![
        Column { name: "domain".into(), cells: Cells::Text(names) },
        Column { name: "entropy".into(), cells: Cells::Number(entropy) },
        Column { name: "nats".into(), cells: Cells::Number(nats) },
    ];
    Ok(Table::new(context.step, columns)?)
}

#[cfg(test)]
mod tests {
    use crate::special::tests::table;

    #[test]
    fn independent_letters_and_pixels_are_their_logarithms() {
        let found = table(
            "known-entropy",
            "domains = { letters = \"task:bigram?symbols=8&spread=0&length=64\", pixels = \"task:field?coupling=0\" }",
        );
        let entropy = found.numbers("entropy").unwrap();
        assert!((entropy[0] - 64.0 * 8f64.ln() / 65.0).abs() < 1e-12, "{entropy:?}");
        assert!((entropy[1] - 64.0 * 2f64.ln() / 65.0).abs() < 1e-12, "{entropy:?}");
    }
}
