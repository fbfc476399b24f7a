//! Class labels from folder names: training, sampling, measuring.

use std::fs;

use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::folder::Folder;

/// A folder `pets` with one of plain dark images and one of plain bright ones.
fn pets(name: &str) -> Folder {
    let folder = Folder::new(name);
    for (label, level) in [("bright", 200), ("dark", 40)] {
        let place = folder.path(&format!("pets/{label}/deeper"));
        fs::create_dir_all(&place).unwrap();
        for i in 0..3 {
            let grey = level + 5 * i;
            let picture = RgbImage::from_pixel(8, 8, Rgb([grey; 3]));
            picture.save(place.join(format!("{i}.png"))).unwrap();
        }
    }
    // A network this small errs less about v than about ε, from which whole colours follow.
    let json = fs::read_to_string(folder.path("config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&json).unwrap();
    config["scheduler"]["prediction_type"] = "v_prediction".into();
    fs::write(folder.path("config.json"), config.to_string()).unwrap();
    folder
}

fn train(folder: &Folder, options: &str) -> String {
    folder.succeed(&format!(
        "train --data pets --labels --config config.json --out pets.safetensors {options}"
    ))
}

/// The mean of each image that is sampled, in model range.
fn means(folder: &Folder, options: &str) -> Vec<f32> {
    folder.succeed(&format!(
        "sample --model pets.safetensors --steps 10 --out x.safetensors {options}"
    ));
    let (shape, bytes) = folder.tensors("x.safetensors").remove("x_0").unwrap();
    let length = bytes.len() / shape[0];
    bytes
        .chunks_exact(length)
        .map(|image| {
            let values = image
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes(b.try_into().unwrap()));
            values.sum::<f32>() / (length / 4) as f32
        })
        .collect()
}

#[test]
fn labels_are_learnt_and_asked_for() {
    let folder = pets("labels");
    let said = train(&folder, "--steps 400");
    assert!(said.contains("6 images of 2 labels"), "{said}");

    // Taking turns, by name and by number.
    for guidance in ["1", "2"] {
        let turns = means(
            &folder,
            &format!("--count 6 --label dark --label 0 --guidance {guidance}"),
        );
        for pair in turns.chunks_exact(2) {
            assert!(pair[0] < -0.3 && pair[1] > 0.2, "{turns:?}");
        }
    }
    assert_eq!(means(&folder, "--count 2").len(), 2);

    let bound = |options: &str| -> f64 {
        let json = folder.output(&format!(
            "eval --model pets.safetensors --data pets {options}"
        ));
        let json: Value = serde_json::from_str(&json).unwrap();
        json["total_bpd"].as_f64().unwrap()
    };
    let (told, untold) = (bound("--labels"), bound(""));
    assert!(told < untold, "{told} {untold}");

    folder.refuse(
        "sample --model pets.safetensors --label cat --out x.png",
        "bright, dark",
    );
    folder.refuse(
        "sample --model pets.safetensors --label 2 --out x.png",
        "bright, dark",
    );
    folder.refuse(
        "sample --model pets.safetensors --label dark --guidance 101 --out x.png",
        "guidance",
    );
    folder.refuse(
        "eval --model pets.safetensors --data images --labels",
        "sub-folder",
    );
}

#[test]
fn diffusers_folders_keep_labels() {
    let folder = pets("labels-diffusers");
    train(&folder, "--steps 2");
    let options = "--count 2 --label dark --label bright";
    let expected = means(&folder, options);
    folder.succeed("export --model pets.safetensors --out pipeline");
    folder.succeed("import --model pipeline --out pets.safetensors");
    assert_eq!(means(&folder, options), expected);
}

#[test]
fn resumed_runs_keep_their_labels() {
    let folder = pets("labels-resume");
    train(&folder, "--steps 8");
    let straight = folder.tensors("pets.safetensors");
    train(&folder, "--steps 4");
    folder.succeed("train --data pets --resume pets.safetensors --out pets.safetensors --steps 4");
    assert!(straight == folder.tensors("pets.safetensors"));

    fs::rename(folder.path("pets/dark"), folder.path("pets/black")).unwrap();
    folder.refuse(
        "train --data pets --resume pets.safetensors --out pets.safetensors",
        "black",
    );
}

#[test]
fn folders_that_cannot_be_labels_are_refused() {
    let folder = pets("labels-refused");
    fs::create_dir_all(folder.path("one/only")).unwrap();
    fs::copy(folder.images.join("0.png"), folder.path("one/only/0.png")).unwrap();
    fs::write(folder.path("labels.json"), r#"{ "labels": ["a", "b"] }"#).unwrap();
    let to = "--out x.safetensors";
    for (arguments, word) in [
        (
            "train --data images --labels",
            "0.png: this image lies in no sub-folder",
        ),
        ("train --data pets/dark/deeper --labels", "no sub-folder"),
        ("train --data one --labels", "at least two"),
        ("train --data pets --config labels.json", "--labels"),
        (
            "train --data pets --resume {model} --labels",
            "without labels",
        ),
    ] {
        folder.refuse(&format!("{arguments} {to}"), word);
    }
    folder.refuse(
        "sample --model {model} --label 0 --out x.png",
        "without labels",
    );
    folder.refuse("sample --model {model} --guidance 2 --out x.png", "--label");
    folder.refuse(
        "eval --model {model} --data pets --labels",
        "without labels",
    );
}
