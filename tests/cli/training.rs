//! `unnoise train`.

use std::fs;

use serde_json::Value;

use crate::folder::Folder;

#[test]
fn training_lowers_the_loss() {
    let folder = Folder::new("loss");
    let stderr = folder.train(
        "model.safetensors",
        "--steps 300 --log log.jsonl --log-every 60",
    );
    assert!(
        stderr.contains("5 images (1 other file skipped)"),
        "{stderr}"
    );
    let log = fs::read_to_string(folder.path("log.jsonl")).unwrap();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let steps: Vec<u64> = lines
        .iter()
        .map(|line| line["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, [60, 120, 180, 240, 300]);
    assert!(
        lines
            .iter()
            .all(|line| line["steps_per_second"].as_f64().unwrap() > 0.0)
    );
    let loss = |line: &Value| line["loss"].as_f64().unwrap();
    assert!(loss(&lines[4]) < 0.6 * loss(&lines[0]), "{log}");
}

#[test]
fn resumed_runs_are_the_same_run() {
    let folder = Folder::new("resume");
    for backend in ["flex", "candle"] {
        let backend = format!("--backend {backend}");
        folder.train("straight.safetensors", &format!("--steps 12 {backend}"));
        folder.train(
            "half.safetensors",
            &format!("--steps 6 {backend} --log log.jsonl"),
        );
        let images = folder.images.display();
        folder.succeed(&format!(
            "train --data {images} --resume half.safetensors --out resumed.safetensors --steps 6 \
             {backend} --log log.jsonl"
        ));
        let [straight, resumed] =
            ["straight", "resumed"].map(|name| folder.tensors(&format!("{name}.safetensors")));
        assert!(straight.len() > 4 * 30 && straight == resumed);
        // The log goes on where it was.
        let log = fs::read_to_string(folder.path("log.jsonl")).unwrap();
        assert!(log.lines().last().unwrap().contains("\"step\":12"), "{log}");
    }
}

#[test]
fn output_is_replaced_whole_or_not_at_all() {
    let folder = Folder::new("atomic");
    folder.train("model.safetensors", "--steps 4 --save-every 2");
    let before = fs::read(folder.path("model.safetensors")).unwrap();
    folder.refuse(
        "train --data nowhere --resume model.safetensors --out model.safetensors",
        "nowhere",
    );
    assert_eq!(fs::read(folder.path("model.safetensors")).unwrap(), before);
    assert_eq!(fs::read_dir(&folder.root).unwrap().count(), 3, "leftovers");
}

#[test]
fn shared_models_are_small_and_sample() {
    let folder = Folder::new("half");
    folder.train("full.safetensors", "--steps 2");
    folder.train("half.safetensors", "--steps 2 --half");
    let size = |name: &str| fs::metadata(folder.path(name)).unwrap().len();
    assert!(size("half.safetensors") * 4 < size("full.safetensors"));
    folder.succeed("sample --model half.safetensors --steps 2 --out x.png");
    folder.refuse(
        "sample --model half.safetensors --weights raw --out x.png",
        "averaged",
    );
}
