//! Preparing a corpus: keys, the cache, and what a kill or a fault leaves behind.
#![allow(missing_docs)]

use kleiber_data::corpus::{BuildOptions, Source, build};
use kleiber_data::{DataError, Layout, Order, Prepared, Recipe, Stage, Stream, StreamOptions, TokenizerSpec, prepare};
use std::cell::RefCell;
use std::path::{Path, PathBuf};

const WORDS: [&str; 8] = ["network", "parameter", "token", "loss", "naïve", "scale", "batch", "seed"];

/// A folder of texts in a temporary folder.
fn texts(root: &Path) -> PathBuf {
    let folder = root.join("texts");
    std::fs::create_dir_all(folder.join("more")).unwrap();
    for file in 0..30usize {
        let line = |l: usize| format!("{} {} {}\n", WORDS[(file + l) % 8], WORDS[(file * l + 3) % 8], file * 31 + l);
        let text: String = (0..20).map(line).collect();
        let place = if file % 2 == 0 { folder.clone() } else { folder.join("more") };
        std::fs::write(place.join(format!("{file}.md")), text).unwrap();
    }
    folder
}

fn bytes(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap())
        .map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap()))
        .collect();
    files.sort();
    files
}

fn quiet(recipe: &Recipe, cache: &Path) -> Result<Prepared, DataError> {
    prepare(recipe, cache, &|_| ())
}

#[test]
fn equal_recipes_give_equal_bytes_and_other_recipes_other_keys() {
    let root = tempfile::tempdir().unwrap();
    let source = texts(root.path());
    let recipe = Recipe::new(Source::Folder(source.clone()), TokenizerSpec::Bpe { vocab: 300 });
    let first = quiet(&recipe, &root.path().join("a")).unwrap();
    let second = quiet(&recipe, &root.path().join("b")).unwrap();
    assert!(!first.cached && !second.cached && first.key == second.key);
    let written = bytes(&first.folder);
    assert_eq!(written, bytes(&second.folder));
    let names: Vec<&str> = written.iter().map(|f| f.0.as_str()).collect();
    assert_eq!(names, ["prepared.json", "tokenizer.json", "train.tokens", "validation.tokens"]);

    let with = |change: &dyn Fn(&mut BuildOptions)| {
        let mut recipe = recipe.clone();
        change(&mut recipe.options);
        recipe
    };
    let others = [
        with(&|o| o.seed = 1),
        with(&|o| o.validation = 0.2),
        with(&|o| o.near_dedup = 0.9),
        with(&|o| o.max_bytes = 5000),
        with(&|o| o.domains = vec!["docs".into()]),
        Recipe { tokenizer: TokenizerSpec::Bpe { vocab: 301 }, ..recipe.clone() },
        Recipe { tokenizer: TokenizerSpec::Bytes, ..recipe.clone() },
        Recipe { tokenizer: TokenizerSpec::File(first.folder.join("tokenizer.json")), ..recipe.clone() },
        Recipe { source: Source::Folder(source.join("more")), ..recipe.clone() },
        Recipe { source: Source::File(source.join("0.md")), ..recipe.clone() },
        Recipe { source: Source::cargo(), ..recipe.clone() },
    ];
    let mut keys = std::collections::HashSet::from([first.key]);
    assert!(others.iter().all(|other| keys.insert(other.key().unwrap())), "two recipes share a key");

    // A moved folder is the same source, a changed file another one.
    let moved = root.path().join("moved");
    std::fs::rename(&source, &moved).unwrap();
    let recipe = Recipe { source: Source::Folder(moved.clone()), ..recipe };
    assert_eq!(recipe.key().unwrap(), first.key);
    std::fs::write(moved.join("0.md"), "another text\n").unwrap();
    assert!(keys.insert(recipe.key().unwrap()));
    std::fs::rename(moved.join("0.md"), moved.join("00.md")).unwrap();
    assert!(keys.insert(recipe.key().unwrap()));
}

#[test]
fn what_is_there_is_opened_and_what_is_damaged_is_made_again() {
    let root = tempfile::tempdir().unwrap();
    let cache = root.path().join("cache");
    let recipe = Recipe::new(Source::Folder(texts(root.path())), TokenizerSpec::Bytes);
    let stages = RefCell::new(Vec::new());
    let run = || {
        stages.borrow_mut().clear();
        prepare(&recipe, &cache, &|stage| stages.borrow_mut().push(stage)).unwrap()
    };
    let folder = run().folder;
    let whole = bytes(&folder);
    assert!(matches!(stages.borrow()[0], Stage::Reading { .. }));
    assert!(run().cached);
    assert!(matches!(stages.borrow()[..], [Stage::Cached { .. }]));
    for name in ["train.tokens", "validation.tokens", "tokenizer.json", "prepared.json"] {
        let path = folder.join(name);
        let mut damaged = std::fs::read(&path).unwrap();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        assert!(!run().cached, "{name} was damaged");
        assert!(matches!(stages.borrow()[0], Stage::Damaged { .. }), "{name}");
        assert_eq!(bytes(&folder), whole);
        std::fs::remove_file(&path).unwrap();
        assert!(!run().cached, "{name} was removed");
        assert_eq!(bytes(&folder), whole);
    }
    // Stores of another recipe under this name: whole in themselves, but not the ones asked for.
    let other = Recipe { options: BuildOptions { seed: 5, ..recipe.options.clone() }, ..recipe.clone() };
    let other = prepare(&other, &cache, &|_| ()).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::rename(&other.folder, &folder).unwrap();
    assert!(!run().cached);
    assert_eq!(bytes(&folder), whole);
}

#[test]
fn a_failure_leaves_nothing_in_the_cache() {
    let root = tempfile::tempdir().unwrap();
    let cache = root.path().join("cache");
    let source = Source::Folder(texts(root.path()));
    // Far too many tokens for so little text: fails after reading and before writing.
    let recipe = Recipe::new(source.clone(), TokenizerSpec::Bpe { vocab: 100_000 });
    assert!(matches!(quiet(&recipe, &cache).unwrap_err(), DataError::Tokenizer { .. }));
    let mut unheld = Recipe::new(source, TokenizerSpec::Bytes);
    unheld.options.validation = 0.0;
    let error = quiet(&unheld, &cache).unwrap_err().to_string();
    assert!(error.starts_with("validation is 0, expected a share above 0"), "{error}");
    assert!(!cache.exists() || std::fs::read_dir(&cache).unwrap().count() == 0);
}

#[test]
fn a_saved_corpus_gives_the_tokens_of_its_source() {
    let root = tempfile::tempdir().unwrap();
    let recipe = Recipe::new(Source::Folder(texts(root.path())), TokenizerSpec::Bpe { vocab: 290 });
    let saved = root.path().join("corpus");
    build(&recipe.source, &recipe.options).unwrap().save(&saved).unwrap();
    let name = saved.to_str().unwrap();
    assert_eq!(Source::named(name), Source::Saved(saved.clone()));
    let from_saved = Recipe { source: Source::named(name), ..recipe.clone() };
    let (direct, indirect) =
        (quiet(&recipe, &root.path().join("a")).unwrap(), quiet(&from_saved, &root.path().join("b")).unwrap());
    assert_eq!(direct.train.content_hash(), indirect.train.content_hash());
    assert_eq!(direct.validation.content_hash(), indirect.validation.content_hash());
    assert_eq!((direct.corpus.hash, direct.tokenizer.hash()), (indirect.corpus.hash, indirect.tokenizer.hash()));
}

#[test]
fn a_task_is_a_source_like_any_other() {
    let root = tempfile::tempdir().unwrap();
    let recipe = |name: &str| Recipe::new(Source::named(name), TokenizerSpec::Bytes);
    let name = "task:copy?symbols=2&min_length=1&max_length=3&count=400&seed=3";
    let prepared = quiet(&recipe(name), root.path()).unwrap();
    let again = quiet(&recipe(&name.replace("&count=400&seed=3", "&seed=3&count=400")), root.path()).unwrap();
    assert!(!prepared.cached && again.cached && again.key == prepared.key);
    // 14 different strings: they stay as often as they were drawn.
    assert_eq!((prepared.corpus.exact_duplicates, prepared.corpus.near_duplicates), (0, 0));
    let held = prepared.validation.documents();
    assert_eq!(prepared.train.documents() + held, 400);
    assert!((20..60).contains(&held), "{held}");
    let example = |i| prepared.tokenizer.decode(&prepared.train.document(i).unwrap());
    let copied = |text: String| text.split_once('=').is_some_and(|(a, b)| b.strip_suffix('\n') == Some(a));
    assert!((0..prepared.train.documents()).all(|i| copied(example(i))), "{}", example(0));
    assert_ne!(quiet(&recipe(&name.replace("seed=3", "seed=4")), root.path()).unwrap().key, prepared.key);
    let error = quiet(&recipe("task:copy?symbol=2"), root.path()).unwrap_err().to_string();
    assert!(error.contains("unknown field `symbol`, expected one of"), "{error}");
}

#[test]
fn an_epoch_of_validation_covers_exactly_the_bytes_of_its_text() {
    let root = tempfile::tempdir().unwrap();
    for tokenizer in [TokenizerSpec::Bytes, TokenizerSpec::Bpe { vocab: 300 }] {
        let prepared =
            quiet(&Recipe::new(Source::Folder(texts(root.path())), tokenizer), &root.path().join("cache")).unwrap();
        let store = prepared.validation.clone();
        assert_eq!(store.text_bytes(), prepared.corpus.validation.bytes);
        let options = StreamOptions {
            layout: Layout::Packed,
            order: Order::Sequential,
            document_mask: true,
            ..StreamOptions::new(50, 0)
        };
        let stream = Stream::new(store.clone(), options).unwrap();
        let batch = stream.batch(0, stream.epoch_len(0) as usize).unwrap();
        assert_eq!(batch.text_bytes(&prepared.tokenizer), store.text_bytes());
        assert_eq!(batch.targets.iter().filter(|&&t| t != kleiber_data::IGNORE).count() as u64, store.tokens());
        // A model that finds every token equally likely.
        let loss = (prepared.tokenizer.vocab() as f64).ln();
        let bits = (prepared.tokenizer.vocab() as f64).log2() * store.tokens() as f64;
        assert!((store.bits_per_byte(loss) * store.text_bytes() as f64 / bits - 1.0).abs() < 1e-12);
    }
}
