//! `kleiber generate`: text from a checkpoint.

use crate::error::CliError;
use crate::output::{Output, write_stdout};
use clap::Args;
use kleiber_core::units::format_significant;
use kleiber_data::TextStream;
use kleiber_evaluate::Model;
use kleiber_models::{ModelError, Sampling, Session};
use serde::Serialize;
use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::time::Instant;

/// Longest prompt that is read, in bytes: far beyond any context.
const MAX_PROMPT: u64 = 64 << 20;

/// Write text with a model, token by token.
///
/// CHECKPOINT is the folder of a run (its newest step is taken), a step of it, or any Hugging Face folder of GPT-2,
/// GPT-NeoX or Llama with a tokenizer.json. The prompt is taken as it is and nothing is put before it; an empty one
/// starts a new text. stdout carries what the model writes, without the prompt, and stops at the end-of-text token, at
/// --tokens, or when the context is full.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber generate runs/small --prompt 'fn main() {' --tokens 64
  kleiber generate runs/small/step-2000 --temperature 0 --prompt-file start.txt
  echo -n 'The cat' | kleiber generate gpt2-folder --top-p 0.9 --seed 7 --samples 3 --json")]
pub(crate) struct GenerateArgs {
    /// Folder of a run, of one of its steps, or of a Hugging Face model.
    checkpoint: PathBuf,
    /// Text to go on from; without it and --prompt-file, stdin.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, conflicts_with = "prompt_file")]
    prompt: Option<String>,
    /// File with the text to go on from.
    #[arg(long, value_name = "FILE")]
    prompt_file: Option<PathBuf>,
    /// Tokens to write at most.
    #[arg(long, value_name = "N", default_value = "128", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    tokens: u32,
    /// 1 draws from the model's distribution, less from a sharper one, 0 takes the most likely token.
    #[arg(long, value_name = "T", default_value = "1", allow_negative_numbers = true)]
    temperature: f64,
    /// Draw only from the K most likely tokens; 0 for all.
    #[arg(long, value_name = "K", default_value = "0")]
    top_k: usize,
    /// Draw only from the most likely tokens that together have probability P.
    #[arg(long, value_name = "P", default_value = "1", allow_negative_numbers = true)]
    top_p: f64,
    /// Draw only tokens with at least P times the largest probability.
    #[arg(long, value_name = "P", default_value = "0", allow_negative_numbers = true)]
    min_p: f64,
    /// Make tokens that have occurred less likely, 1 for no change.
    #[arg(long, value_name = "R", default_value = "1", allow_negative_numbers = true)]
    repetition_penalty: f64,
    /// Seed of the draws: the same seed gives the same text.
    #[arg(long, value_name = "N", default_value = "0")]
    seed: u64,
    /// Texts to write, one after another.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=1000))]
    samples: u32,
    /// Print one JSON document with the log-probability of every token (kleiber.generate/1).
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Serialize)]
struct Generated {
    schema: &'static str,
    status: &'static str,
    checkpoint: String,
    model_type: &'static str,
    params_total: usize,
    context: usize,
    prompt: String,
    prompt_tokens: usize,
    sampling: Settings,
    samples: Vec<Sample>,
}

#[derive(Debug, Serialize)]
struct Settings {
    tokens: u32,
    temperature: f64,
    top_k: usize,
    top_p: f64,
    min_p: f64,
    repetition_penalty: f64,
    seed: u64,
}

#[derive(Debug, Serialize)]
struct Sample {
    text: String,
    finish: Finish,
    /// Sum over the tokens, in nats.
    logprob: f64,
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Finish {
    Length,
    EndOfText,
    Context,
}

#[derive(Debug, Serialize)]
struct Token {
    id: u32,
    /// The text that it completes.
    text: String,
    /// In nats, under the model itself.
    logprob: f64,
}

/// Runs `kleiber generate`.
pub(crate) fn run(args: &GenerateArgs) -> Result<Output, CliError> {
    let sampling = Sampling {
        temperature: args.temperature,
        top_k: args.top_k,
        top_p: args.top_p,
        min_p: args.min_p,
        repetition_penalty: args.repetition_penalty,
        seed: args.seed,
    };
    sampling.check()?;
    let loaded = Model::load(&args.checkpoint)?;
    let (tokenizer, config) = (&loaded.tokenizer, loaded.decoder.config());
    let prompt = prompt(args)?;
    let mut given = tokenizer.encode(&prompt)?;
    let prompt_tokens = given.len();
    if given.is_empty() {
        // A text begins after the end of another.
        given.push(tokenizer.end_of_text());
    }
    if given.len() > config.context {
        return Err(ModelError::Context { tokens: given.len(), context: config.context }.into());
    }
    let capacity = config.context.min(given.len() + args.tokens as usize);
    let started = Instant::now();
    let mut session = Session::new(&loaded.decoder, capacity)?;
    let first = session.feed(&given)?.to_vec();
    let read = started.elapsed().as_secs_f64();
    let mut samples = Vec::new();
    for number in 0..args.samples {
        if args.samples > 1 && !args.json && !write_stdout(&format!("--- {} of {} ---\n", number + 1, args.samples)) {
            return Ok(unwritten());
        }
        session.truncate(given.len());
        let mut writer = Writer { args, sampling, loaded: &loaded, given: &given };
        let Some(sample) = writer.sample(&mut session, &first, number)? else { return Ok(unwritten()) };
        samples.push(sample);
    }
    let written: usize = samples.iter().map(|s| s.tokens.len()).sum();
    let seconds = started.elapsed().as_secs_f64() - read;
    let speed = |count: usize, seconds: f64| format_significant(count as f64 / seconds.max(1e-9), 3);
    let hint = format!(
        "{} tokens read ({}/s), {written} written ({}/s)",
        given.len(),
        speed(given.len(), read),
        speed(written, seconds)
    );
    let output = if args.json {
        Output::json(&Generated {
            schema: "kleiber.generate/1",
            status: "ok",
            checkpoint: loaded.folder.display().to_string(),
            model_type: loaded.model_type,
            params_total: loaded.decoder.parameters().len(),
            context: config.context,
            prompt,
            prompt_tokens,
            sampling: Settings {
                tokens: args.tokens,
                temperature: args.temperature,
                top_k: args.top_k,
                top_p: args.top_p,
                min_p: args.min_p,
                repetition_penalty: args.repetition_penalty,
                seed: args.seed,
            },
            samples,
        })
    } else {
        Output::default()
    };
    Ok(Output { hints: vec![hint], ..output })
}

/// stdout is gone, which was said on stderr.
fn unwritten() -> Output {
    Output { code: 2, ..Output::default() }
}

struct Writer<'a> {
    args: &'a GenerateArgs,
    sampling: Sampling,
    loaded: &'a Model,
    given: &'a [u32],
}

impl Writer<'_> {
    /// One text after the prompt, printed as it is made; `None` when it cannot be printed.
    fn sample(&mut self, session: &mut Session<'_>, first: &[f32], number: u32) -> Result<Option<Sample>, CliError> {
        let shown = !self.args.json;
        let mut stream = TextStream::new(&self.loaded.tokenizer);
        let mut tokens: Vec<Token> = Vec::new();
        let mut before = self.given.to_vec();
        let mut logits = first;
        let mut finish = Finish::Length;
        for index in 0..self.args.tokens {
            // A head may have more rows than there are tokens.
            let choice = self.sampling.pick(&logits[..self.loaded.tokenizer.vocab()], &before, number, index);
            if self.loaded.ends.contains(&choice.token) {
                finish = Finish::EndOfText;
                break;
            }
            let text = stream.push(choice.token);
            if shown && !text.is_empty() && !write_stdout(&text) {
                return Ok(None);
            }
            tokens.push(Token { id: choice.token, text, logprob: choice.logprob });
            before.push(choice.token);
            if index + 1 == self.args.tokens {
                break;
            }
            if before.len() > self.loaded.decoder.config().context {
                finish = Finish::Context;
                break;
            }
            logits = session.feed(&[choice.token])?;
        }
        let rest = stream.finish();
        if let Some(last) = tokens.last_mut() {
            last.text.push_str(&rest);
        }
        if shown && !write_stdout(&(rest + "\n")) {
            return Ok(None);
        }
        let text = tokens.iter().map(|t| t.text.as_str()).collect();
        let logprob = tokens.iter().map(|t| t.logprob).sum();
        Ok(Some(Sample { text, finish, logprob, tokens }))
    }
}

fn prompt(args: &GenerateArgs) -> Result<String, CliError> {
    let (name, source): (String, Box<dyn Read>) = match (&args.prompt, &args.prompt_file) {
        (Some(text), _) => return Ok(text.clone()),
        (None, Some(path)) => {
            let fail = |e| CliError::usage(format!("{}: cannot read: {e}", path.display()), "check the path");
            (path.display().to_string(), Box::new(std::fs::File::open(path).map_err(fail)?))
        }
        (None, None) if std::io::stdin().is_terminal() => {
            let hint = "give --prompt TEXT, --prompt-file FILE, or a text on stdin";
            return Err(CliError::usage("there is no prompt", hint));
        }
        (None, None) => ("stdin".into(), Box::new(std::io::stdin())),
    };
    let mut bytes = Vec::new();
    let fail = |e| CliError::usage(format!("{name}: cannot read: {e}"), "give a text file");
    source.take(MAX_PROMPT + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > MAX_PROMPT {
        return Err(CliError::usage(format!("{name}: more than {MAX_PROMPT} bytes"), "give a shorter prompt"));
    }
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        CliError::usage(format!("{name}: byte {at} is not UTF-8"), "save the prompt as UTF-8")
    })
}
