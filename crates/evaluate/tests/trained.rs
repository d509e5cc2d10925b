//! From a task as source through training and a run's folder to its accuracy.
#![allow(missing_docs)]

use kleiber_data::tasks::TaskSpec;
use kleiber_evaluate::{By, EvaluateError, Model, Questions, accuracy};
use kleiber_train::{Plan, RunConfig, RunOptions, Texts, run};

#[test]
fn a_model_that_learned_to_copy_copies() {
    let folder = tempfile::tempdir().unwrap();
    let source = "task:copy?symbols=4&pattern=repeated&min_length=1&max_length=3&count=2000";
    let overrides = [
        &format!("data.source={source}"),
        "data.tokenizer=bytes",
        "data.layout=single",
        "data.loss_after==",
        "model.layers=1",
        "model.width=32",
        "model.context=16",
        "train.batch_tokens=1024",
        "train.tokens=204800",
        "train.lr=1e-2",
    ]
    .map(str::to_string);
    let config = RunConfig::parse("test", "", &overrides).unwrap();
    let texts = Texts::prepare(&config, folder.path(), &|_| ()).unwrap();
    assert_eq!(texts.corpus, source);
    let plan = Plan::new(&config, texts.tokenizer.vocab()).unwrap();
    let options = RunOptions { folder: folder.path().join("run"), ..RunOptions::default() };
    let outcome = run(&plan, &texts, &options, &mut |_| ()).unwrap();
    assert!(outcome.evaluation.loss < 0.05, "{:?}", outcome.evaluation);
    let model = Model::load(&options.folder).unwrap();
    assert_eq!(model.folder, options.folder.join("step-200"));
    let spec = TaskSpec::parse(source).unwrap();
    let table = accuracy(&model, &*spec.task().unwrap(), &Questions::new(200), By::Length).unwrap();
    let column = |name: &str| table.numbers(name).unwrap();
    assert_eq!((column("length"), column("accuracy")), (vec![1.0, 2.0, 3.0], vec![1.0; 3]));

    let nowhere = Model::load(folder.path()).unwrap_err();
    assert!(matches!(nowhere, EvaluateError::NoModel { .. }), "{nowhere}");
    let alone = folder.path().join("alone");
    std::fs::create_dir(&alone).unwrap();
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(model.folder.join(name), alone.join(name)).unwrap();
    }
    assert!(matches!(Model::load(&alone).unwrap_err(), EvaluateError::NoTokenizer { .. }));
}
