//! `do = "losses"`: what other texts cost the checkpoints of runs.

use super::{Step, beside};
use crate::context::Progress;
use crate::{Context, StudyError};
use indexmap::IndexMap;
use kleiber_core::table::{Cells, Column, Table};
use kleiber_data::corpus::Source;
use kleiber_data::tasks::{Fold, TaskSpec};
use kleiber_data::{Document, Layout, Recipe, TokenStore, TokenizerSpec, prepare};
use kleiber_evaluate::{HeldOut, Model, loss};
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;

/// Held-out loss of each run on each text: the columns of the run, `text`, `held_loss` in nats per token and its standard
/// `held_error`. Of a task these are test examples, of any other source what a run would hold out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Losses {
    /// Runs, by their column `folder`.
    table: String,
    /// Conditions on them.
    #[serde(default, rename = "where")]
    filter: Vec<String>,
    /// Texts by the name that they have in the table, as `data.source` names them.
    texts: IndexMap<String, String>,
    /// Most tokens of each.
    #[serde(default = "tokens")]
    tokens: u64,
    /// As `data.layout`.
    #[serde(default)]
    layout: Layout,
    /// As `data.document_mask`.
    #[serde(default)]
    document_mask: bool,
    /// As `data.loss_after`.
    #[serde(default)]
    loss_after: String,
}

fn tokens() -> u64 {
    HeldOut::default().tokens
}

impl Step for Losses {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        let runs = context.rows(&self.table, &[], &self.filter)?;
        let held_out = HeldOut {
            tokens: self.tokens,
            context: None,
            layout: self.layout,
            document_mask: self.document_mask,
            loss_after: self.loss_after.clone(),
        };
        let mut stores: IndexMap<(String, String), Arc<TokenStore>> = IndexMap::new();
        let mut all: Option<Table> = None;
        for (row, folder) in runs.labels("folder")?.iter().enumerate() {
            let model = Model::load(Path::new(&**folder))?;
            for (name, source) in &self.texts {
                context.go_on()?;
                let key = (source.clone(), model.tokenizer.hash().to_string());
                let store = match stores.get(&key) {
                    Some(store) => store.clone(),
                    None => stores.entry(key).or_insert(store(source, &model, context)?).clone(),
                };
                let found = loss(&model, &store, &held_out)?;
                let number = |name: &str, value: f64| Column { name: name.into(), cells: Cells::Number(vec![value]) };
                let columns = vec![number("held_loss", found.loss), number("held_error", found.error)];
                let rows = beside(&runs, row, ("text", name), &Table::new(context.step, columns)?)?;
                all = Some(all.map_or(rows.clone(), |above| above.stacked(&rows)));
            }
        }
        all.ok_or_else(|| {
            StudyError::refused(format!("`{}` has no rows, or no texts are named", self.table), "give both")
        })
    }
}

/// A text in the tokens of a model.
fn store(source: &str, model: &Model, context: &Context<'_>) -> Result<Arc<TokenStore>, StudyError> {
    if let Source::Task(task) = Source::named(source) {
        let spec = TaskSpec::parse(&task)?;
        let task = spec.task()?;
        let document = |index| {
            let text = task.sample(spec.seed, Fold::Test, index)?.text();
            Ok(Document::new(text, task.name(), "test"))
        };
        let documents: Vec<Document> = (0..spec.count).map(document).collect::<Result<_, StudyError>>()?;
        return Ok(Arc::new(TokenStore::in_memory(&model.tokenizer, &documents)?));
    }
    let tokenizer = TokenizerSpec::File(model.folder.join("tokenizer.json"));
    let recipe = Recipe::new(Source::named(source), tokenizer);
    Ok(prepare(&recipe, &context.options.cache, &|stage| (context.tell)(Progress::Stage(stage)))?.validation)
}
