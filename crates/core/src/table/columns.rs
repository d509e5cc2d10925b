//! The canonical columns: what each is called, its unit, what it means, and the names by which files
//! in the wild call it.

use super::Table;

/// One canonical column.
#[derive(Debug, Clone, Copy)]
pub struct CanonicalColumn {
    /// Canonical name.
    pub name: &'static str,
    /// Unit, in words.
    pub unit: &'static str,
    /// What it holds.
    pub meaning: &'static str,
    /// Other names, compared without case, spaces and punctuation; first match wins.
    pub aliases: &'static [&'static str],
}

macro_rules! columns {
    ($($name:literal, $unit:literal, $meaning:literal, [$($alias:literal),*];)*) => {
        /// Every canonical column.
        pub const CANONICAL: &[CanonicalColumn] = &[
            $(CanonicalColumn { name: $name, unit: $unit, meaning: $meaning, aliases: &[$($alias),*] }),*
        ];
    };
}

columns! {
    "params", "parameters", "trainable parameters without embeddings and output head",
        ["n", "nparams", "numparams", "parameters", "modelsize", "nonembeddingparams", "nnoembed", "nonvocabularyparameters", "nonvocabparameters", "size"];
    "params_matmul", "parameters", "body plus output head: what costs FLOP", ["matmulparams", "nmatmul"];
    "params_total", "parameters", "all trainable parameters", ["totalparams", "ntotal", "nparamstotal"];
    "vocab_params", "parameters", "one matrix of vocabulary times width: the output head", ["vocabularyparams", "vocabparameters", "nv"];
    "vocab", "entries", "entries of the tokenizer's vocabulary", ["vocabsize", "vocabularysize", "nvocab"];
    "width", "", "width of the residual stream", ["embeddim", "dmodel", "hiddensize"];
    "chars", "characters", "training text seen, before it is cut into tokens", ["numcharacters", "characters", "nchars"];
    "params_encoder", "parameters", "of the encoder, without embeddings", ["nenc", "encoderparams", "paramsenc"];
    "params_decoder", "parameters", "of the decoder with its cross-attention, without embeddings and output head",
        ["ndec", "decoderparams", "paramsdec"];
    "tokens", "tokens", "training tokens seen, repeats counted",
        ["d", "ntokens", "numtokens", "traintokens", "trainingtokens", "tokensseen", "totaltokens"];
    "unique_tokens", "tokens", "different training tokens", ["u", "uniquetokens", "datasettokens"];
    "flops", "FLOP", "training compute; the convention is named beside it",
        ["c", "flop", "compute", "trainingflops", "trainflops", "totalflops", "trainingcompute", "trainingcomputeflop"];
    "loss", "nats per token", "cross entropy on held-out text",
        ["l", "valloss", "validationloss", "evalloss", "testloss", "finalloss", "heldoutloss", "crossentropy", "celoss", "nll"];
    "loss_unigram", "nats per token", "cross entropy less that of unigram frequencies: negative when the model knows more",
        ["lossu", "unigramnormalizedloss", "unigramnormalisedloss"];
    "score", "fraction", "benchmark score, 1 is perfect", ["accuracy", "acc"];
    "loss_answer", "nats per answer token", "cross entropy of a benchmark's answers, the question given", ["conditionalloss", "condloss", "answerloss"];
    "value_per_param", "", "parameters of a reference family that score alike, per parameter of the model", ["capabilitydensity", "rho"];
    "days", "days", "release date, counted from 23 February 2023 so that Llama 1 is of day 1", ["releaseday"];
    "bpb", "bits per byte", "held-out loss per byte, comparable across vocabularies", ["bitsperbyte"];
    "error", "fraction", "error rate of a downstream task, 1 - accuracy", ["err", "errorrate", "top1error"];
    "bleu", "points of 100", "translation quality on held-out text", ["bleuscore", "bleudev", "bleutest"];
    "pass_rate", "fraction", "share of random draws that pass a task's test", ["passrate", "pu", "passuntil"];
    "pretrain_tokens", "tokens", "text seen before fine-tuning", ["dp", "pretrainingtokens"];
    "finetune_samples", "samples", "fine-tuning examples of one ability", ["sftsamples", "instructions", "finetuningsamples"];
    "controlled_tokens", "tokens", "input tokens whose activations an attacker sets", ["attackedtokens"];
    "forced_tokens", "tokens", "output tokens an attacker forces, at half of them right", ["tmax"];
    "state", "numbers", "numbers in a recurrent state, all layers", ["statesize"];
    "task_weight", "fraction", "share of the training mixture that a task gets, its sampling probability",
        ["samplingweight", "samplingprobability", "taskprobability"];
    "batch_tokens", "tokens", "tokens per optimiser step", ["batchsizetokens"];
    "lr", "", "peak learning rate", ["learningrate", "peaklr", "maxlr", "eta"];
    "datastore_tokens", "tokens", "text that is searched at inference", ["storetokens", "datastoresize"];
    "context", "tokens", "sequence length", ["contextlength", "seqlen", "sequencelength"];
    "bits", "bits", "bits per stored weight", [];
    "qid", "nats per token", "what quantisation after training adds to the loss: quantised minus 16-bit, same text",
        ["dqloss", "deltaqloss", "quantizationinduceddegradation", "quantisationinduceddegradation"];
    "exponent_bits", "bits", "exponent bits of a floating-point format", ["ebits"];
    "mantissa_bits", "bits", "mantissa bits of a floating-point format, without sign and hidden bit", ["mbits"];
    "block", "elements", "elements that share one scale of a low-precision tensor", ["blocksize", "groupsize"];
    "density", "fraction", "attention: kept KV over all KV", [];
    "span", "tokens", "attention span", [];
    "x", "", "the size axis of a one-variable law", ["seenexamples", "examples", "samples", "trainingexamples"];
    "step", "steps", "optimiser step of a checkpoint", ["globalstep", "trainstep", "trainerglobalstep", "iteration", "steps"];
    "seconds", "s", "wall-clock time", ["runtime", "walltime", "time"];
    "seed", "", "random seed of the run", [];
    "run", "", "name of the run", ["runname", "runid", "name"];
    "corpus", "", "training corpus", ["dataset", "traindataset", "trainset"];
}

/// The canonical column of this exact name.
pub fn canonical(name: &str) -> Option<&'static CanonicalColumn> {
    CANONICAL.iter().find(|c| c.name == name)
}

/// A name without case, spaces and punctuation.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The column of `table` that holds the canonical quantity `name`: of that very name, or of the
/// first alias that a column bears. `None` when the file has no such column.
pub fn recognise<'a>(table: &'a Table, name: &str) -> Option<&'a str> {
    if let Some(column) = table.column(name) {
        return Some(&column.name);
    }
    let wanted = canonical(name)?;
    let names = std::iter::once(plain(wanted.name)).chain(wanted.aliases.iter().map(|a| (*a).to_string()));
    for alias in names {
        if let Some(column) = table.columns().iter().find(|c| plain(&c.name) == alias) {
            return Some(&column.name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_names_are_recognised() {
        let table = Table::from_csv_text("t.csv", "C,N,D,Val Loss,Seen Examples\n1,2,3,4,5\n").unwrap();
        let found = |name| recognise(&table, name);
        assert_eq!(found("flops"), Some("C"));
        assert_eq!(found("params"), Some("N"));
        assert_eq!(found("tokens"), Some("D"));
        assert_eq!(found("loss"), Some("Val Loss"));
        assert_eq!(found("x"), Some("Seen Examples"));
        assert_eq!(found("bits"), None);
    }

    #[test]
    fn the_canonical_name_wins_over_an_alias_and_no_alias_names_two_columns() {
        let table = Table::from_csv_text("t.csv", "N,params\n1,2\n").unwrap();
        assert_eq!(recognise(&table, "params"), Some("params"));
        let mut all: Vec<&str> = CANONICAL.iter().flat_map(|c| c.aliases.iter().copied()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
