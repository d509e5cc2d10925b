//! `kleiber study show`: what a study claims and does.

use crate::error::CliError;
use crate::output::Output;
use clap::Args;
use kleiber_studies::{Study, catalogue};
use serde_json::json;

/// Show a study: the claim, how it is tested, what counts for and against it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber study show over-training
  kleiber study show zero --json")]
pub(crate) struct ShowArgs {
    /// Name of the study, or a study.toml of your own.
    slug: String,
    /// Print one JSON document (kleiber.study-declaration/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs `kleiber study show`.
pub(crate) fn run(args: &ShowArgs) -> Result<Output, CliError> {
    let study = catalogue::find(&args.slug)?;
    if args.json {
        let expect: Vec<toml::Table> = study.expect.iter().map(|e| e.to_toml()).collect();
        return Ok(Output::json(&json!({
            "schema": "kleiber.study-declaration/1",
            "slug": study.slug,
            "header": study.header,
            "step": study.steps,
            "expect": expect,
            "control": study.controls,
            "figure": study.figures,
            "hash": study.hash.to_string(),
        })));
    }
    let mut output = Output::text(text(&study));
    if study.is_runnable() {
        output.hints.push(format!("next: kleiber study run {}", study.slug));
    }
    Ok(output)
}

fn text(study: &Study) -> String {
    let h = &study.header;
    let mut lines = vec![format!("{} ({})", h.title, study.slug), String::new()];
    let mut say = |name: &str, text: &str| lines.push(format!("{name:<17} {text}"));
    say("question", &h.question);
    say("claim", &h.claim);
    say("source", &h.source);
    say("size", &h.axis.join(", "));
    say("expected", &h.expectation);
    say("against it", &h.failure);
    say("baseline", &h.baseline);
    say("must fail", &h.negative_control);
    say("rooms", &h.rooms.join(", "));
    if !study.is_runnable() {
        say("needs", &h.needs.join("; "));
        lines.push(String::new());
        return lines.join("\n");
    }
    say("minutes", &format!("{} on 2 cores", h.minutes));
    for step in &study.steps {
        let word = |key: &str| step.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_string();
        say("step", &format!("{}: {}", word("name"), word("do")));
    }
    for claim in &study.expect {
        say(if claim.gate { "gate" } else { "expectation" }, &format!("{}: {}", claim.name, claim.because));
    }
    for control in &study.controls {
        say("control", &control.because);
    }
    say("declaration", &study.hash.to_string());
    lines.push(String::new());
    lines.join("\n")
}
