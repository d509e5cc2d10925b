//! `kleiber data synth`: documents of a synthetic task.

use super::table;
use crate::error::CliError;
use crate::figures::quoted;
use crate::output::Output;
use clap::{Args, ValueEnum};
use kleiber_core::units::format_significant;
use kleiber_core::{CoreError, atomic};
use kleiber_data::DataError;
use kleiber_data::tasks::{self, Fold, Task, TaskInfo};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Most documents of one call.
const MOST: u64 = 100_000_000;
/// Most documents on stdout, which are held in memory; a file is written as they are made.
const MOST_SHOWN: u64 = 1_000_000;

/// Which examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FoldName {
    /// To learn from.
    Train,
    /// To be asked.
    Test,
}

/// Write documents of a synthetic task as JSON Lines, each a function of seed, fold and index.
///
/// Each line holds text, prompt and answer, the task as domain, and a group of its own, so `data build` and
/// `data tokenize` read it. --list shows the tasks, or the parameters of one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber data synth --list
  kleiber data synth addition --list
  kleiber data synth addition --count 10000 --set digits=3 --set format=reverse --out sums.jsonl
  kleiber data synth multiplication --set spaces.p=0.5 --set spaces.max=2 --fold test --count 5")]
pub(crate) struct SynthArgs {
    /// Name of the task.
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// Number of documents.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=MOST))]
    count: u64,
    /// A parameter of the task; parameters of parameters with a dot.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Training or test examples; they share no question where a task has finitely many.
    #[arg(long, value_enum, default_value = "train")]
    fold: FoldName,
    /// Seed of the examples.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// File to write instead of stdout.
    #[arg(long, short, value_name = "FILE.jsonl")]
    out: Option<PathBuf>,
    /// List the tasks, or the parameters of one.
    #[arg(long)]
    list: bool,
    /// Print one JSON document (kleiber.data-synth/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs `kleiber data synth`.
pub(crate) fn run(args: &SynthArgs) -> Result<Output, CliError> {
    let Some(name) = &args.name else { return Ok(list(args)) };
    let parameters = parameters(&args.sets)?;
    let task = tasks::build(name, &parameters)?;
    if args.list {
        return Ok(describe(args, &*task, &parameters));
    }
    if let Some(out) = args.out.as_ref().filter(|out| out.extension().is_none_or(|e| e != "jsonl")) {
        let message = format!("{}: documents are written as JSON Lines", out.display());
        return Err(CliError::usage(message, format!("name it {}", out.with_extension("jsonl").display())));
    }
    if args.out.is_none() && args.count > MOST_SHOWN {
        let message = format!("{} documents on stdout; at most {MOST_SHOWN} are printed", args.count);
        return Err(CliError::usage(message, "write them to a file with --out FILE.jsonl"));
    }
    let document = |index| line(&*task, args, index);
    if args.json && args.out.is_none() {
        let documents: Vec<Value> = (0..args.count).map(document).collect::<Result<_, CliError>>()?;
        return Ok(Output::json(&json!({
            "schema": "kleiber.data-synth/1",
            "task": name,
            "parameters": full(name, &parameters),
            "seed": args.seed,
            "documents": documents,
        })));
    }
    let Some(out) = &args.out else {
        let lines = (0..args.count).map(|index| Ok(format!("{}\n", document(index)?)));
        return Ok(Output::text(lines.collect::<Result<String, CliError>>()?));
    };
    let fail = |source| CoreError::Io { path: out.clone(), action: "write", source };
    let bytes = atomic::stream(out, |file| {
        let mut bytes = 0;
        for index in 0..args.count {
            let line = format!("{}\n", document(index)?);
            file.write_all(line.as_bytes()).map_err(fail)?;
            bytes += line.len();
        }
        Ok::<_, CliError>(bytes)
    })?;
    let mut output = if args.json {
        Output::json(&json!({
            "schema": "kleiber.data-synth/1",
            "task": name,
            "parameters": full(name, &parameters),
            "seed": args.seed,
            "out": out,
            "documents": args.count,
            "bytes": bytes,
        }))
    } else {
        Output::text(format!("wrote {} documents of {name} to {}\n", args.count, out.display()))
    };
    let path = quoted(&out.to_string_lossy());
    output.hints.push(format!("next: kleiber data tokenize --source {path} --tokenizer bytes --dedup none"));
    Ok(output)
}

fn line(task: &dyn Task, args: &SynthArgs, index: u64) -> Result<Value, CliError> {
    let fold = if args.fold == FoldName::Train { Fold::Train } else { Fold::Test };
    let example = task.sample(args.seed, fold, index)?;
    let (text, name) = (example.text(), task.name());
    let group = format!("{name}#{index:08}");
    Ok(json!({
        "text": text, "prompt": example.prompt, "answer": example.answer, "domain": name, "group": group,
    }))
}

/// `--set a.b=1` as an object.
pub(crate) fn parameters(sets: &[String]) -> Result<Value, CliError> {
    tasks::parameters(sets.iter().map(String::as_str)).map_err(|error| match error {
        DataError::Parameter { text, why } => {
            CliError::usage(format!("--set {text}: {why}"), "write --set digits=3 or --set spaces.p=0.5")
        }
        other => other.into(),
    })
}

fn info(name: &str) -> Option<&'static TaskInfo> {
    tasks::registry().iter().find(|info| info.name == name)
}

/// All parameters, defaults where none is set.
fn full(name: &str, parameters: &Value) -> Value {
    let mut all = info(name).map_or_else(|| json!({}), |info| (info.defaults)());
    if let (Some(all), Some(set)) = (all.as_object_mut(), parameters.as_object()) {
        all.extend(set.clone());
    }
    all
}

fn entry(info: &TaskInfo) -> Value {
    let parameters = (info.defaults)();
    json!({ "name": info.name, "description": info.description, "source": info.source, "parameters": parameters })
}

fn list(args: &SynthArgs) -> Output {
    let tasks = tasks::registry();
    if args.json {
        let entries: Vec<Value> = tasks.iter().map(entry).collect();
        return Output::json(&json!({ "schema": "kleiber.data-synth/1", "tasks": entries }));
    }
    let width = tasks.iter().map(|info| info.name.len()).max().unwrap_or(0);
    let row = |info: &TaskInfo| format!("{:width$}  {}\n{:width$}  {}\n", info.name, info.description, "", info.source);
    let mut output = Output::text(tasks.iter().map(row).collect::<String>());
    output.hints.push("next: kleiber data synth addition --list".into());
    output
}

/// The parameters of a task, and the best possible loss where it is known.
fn describe(args: &SynthArgs, task: &dyn Task, parameters: &Value) -> Output {
    let name = task.name();
    let entropy = task.entropy();
    if args.json {
        let mut entries = info(name).map(entry).into_iter().collect::<Vec<Value>>();
        for entry in &mut entries {
            entry["parameters"] = full(name, parameters);
            entry["entropy"] = json!(entropy.map(|e| e.rate));
        }
        return Output::json(&json!({ "schema": "kleiber.data-synth/1", "tasks": entries }));
    }
    let all = full(name, parameters);
    let rows = all.as_object().into_iter().flatten().map(|(key, value)| vec![key.clone(), value.to_string()]);
    let description = info(name).map_or("", |info| info.description);
    let mut text = format!("{name}: {description}\n\n{}", table(&["parameter", "value"], rows.collect()));
    if let Some(entropy) = entropy {
        let (rate, first) = (format_significant(entropy.rate, 6), format_significant(entropy.first, 6));
        text += &format!("\nbest possible loss: {rate} nats per letter, {first} for the first of a text\n");
    }
    let mut output = Output::text(text);
    output.hints.push(format!("next: kleiber data synth {name} --count 3"));
    output
}
