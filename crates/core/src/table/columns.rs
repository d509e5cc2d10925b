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
        ["n", "nparams", "numparams", "parameters", "modelsize", "nonembeddingparams", "nnoembed", "size"];
    "params_matmul", "parameters", "body plus output head: what costs FLOP", ["matmulparams", "nmatmul"];
    "params_total", "parameters", "all trainable parameters", ["totalparams", "ntotal", "nparamstotal"];
    "tokens", "tokens", "training tokens seen, repeats counted",
        ["d", "ntokens", "numtokens", "traintokens", "trainingtokens", "tokensseen", "totaltokens"];
    "unique_tokens", "tokens", "different training tokens", ["u", "uniquetokens", "datasettokens"];
    "flops", "FLOP", "training compute; the convention is named beside it",
        ["c", "flop", "compute", "trainingflops", "trainflops", "totalflops", "trainingcompute", "trainingcomputeflop"];
    "loss", "nats per token", "cross entropy on held-out text",
        ["l", "valloss", "validationloss", "evalloss", "testloss", "finalloss", "heldoutloss", "crossentropy", "celoss", "nll"];
    "bpb", "bits per byte", "held-out loss per byte, comparable across vocabularies", ["bitsperbyte"];
    "error", "fraction", "error rate of a downstream task, 1 - accuracy", ["err", "errorrate", "top1error"];
    "batch_tokens", "tokens", "tokens per optimiser step", ["batchsizetokens"];
    "lr", "", "peak learning rate", ["learningrate", "peaklr", "maxlr", "eta"];
    "datastore_tokens", "tokens", "text that is searched at inference", ["storetokens", "datastoresize"];
    "context", "tokens", "sequence length", ["contextlength", "seqlen", "sequencelength"];
    "bits", "bits", "bits per stored weight", [];
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
