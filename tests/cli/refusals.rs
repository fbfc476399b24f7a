//! What the program refuses: status 2 and one line that says what to do.

use std::fs;

use safetensors::SafeTensors;
use serde_json::{Value, json};

use crate::folder::{Folder, MODEL};

#[test]
fn bad_images_are_refused_by_name() {
    let folder = Folder::new("images");
    fs::write(folder.path("text.png"), "not a picture").unwrap();
    fs::write(folder.path("empty.png"), "").unwrap();
    fs::write(folder.path("notes.txt"), "not a picture").unwrap();
    fs::create_dir(folder.path("none")).unwrap();
    // A PNG header that promises 60,000 × 60,000 pixels.
    let mut huge = fs::read(folder.images.join("0.png")).unwrap();
    huge[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    fs::write(folder.path("huge.png"), huge).unwrap();
    for (data, word) in [
        ("text.png", "text.png: this is not an image"),
        ("empty.png", "empty.png: the file is empty"),
        ("notes.txt", "notes.txt: this is not an image"),
        ("huge.png", "huge.png: "),
        ("none", "none: there are no images"),
        ("missing", "missing: "),
        ("{images}/0.png empty.png", "empty.png"),
    ] {
        folder.refuse(&format!("train --data {data} --out x.safetensors"), word);
    }
    // One good image is enough.
    folder.succeed("train --data {images}/0.png --config {config} --steps 1 --out x.safetensors");
}

#[test]
fn bad_models_are_refused() {
    let folder = Folder::new("models");
    let bytes = fs::read(&*MODEL).unwrap();
    fs::write(folder.path("short.safetensors"), &bytes[..bytes.len() / 2]).unwrap();
    fs::write(folder.path("text.safetensors"), "not a model").unwrap();
    let mut tensors = folder.tensors("{model}");
    folder.write_tensors("foreign.safetensors", &tensors);
    let (shape, _) = tensors.get_mut("ema.conv_in.weight").unwrap();
    shape.swap(0, 1);
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    folder.write_with_metadata("shape.safetensors", &tensors, header.metadata().clone());
    for (model, word) in [
        ("short.safetensors", "cut short"),
        ("text.safetensors", "not a"),
        ("foreign.safetensors", "not saved by Unnoise"),
        ("shape.safetensors", "ema.conv_in.weight"),
        ("missing.safetensors", "missing.safetensors"),
        (".", "config.json"),
    ] {
        folder.refuse(&format!("sample --model {model} --out x.png"), word);
    }
}

#[test]
fn wrong_use_is_refused() {
    let folder = Folder::new("use");
    let write = |name: &str, json: Value| fs::write(folder.path(name), json.to_string()).unwrap();
    write("groups.json", json!({ "unet": { "norm_num_groups": 5 } }));
    write("misspelt.json", json!({ "training": { "batchsize": 5 } }));
    write(
        "learned.json",
        json!({ "scheduler": { "variance_type": "learned_range" }, "unet": { "out_channels": 3 } }),
    );
    fs::write(folder.path("broken.json"), "{ size: 8").unwrap();
    for (arguments, word) in [
        ("", "subcommand"),
        ("paint", "paint"),
        ("schedule --kind straight", "linear, scaled-linear, cosine"),
        ("schedule --num-train-timesteps 1", "between 2 and 10000"),
        ("schedule --beta-start 0.5", "beta_start"),
        ("schedule --kinf linear", "found; tip: a similar"),
        ("train --data {images}", "--out"),
        (
            "train --data {images} --out x --config groups.json",
            "norm_num_groups",
        ),
        (
            "train --data {images} --out x --config misspelt.json",
            "training.batchsize",
        ),
        (
            "train --data {images} --out x --config broken.json",
            "broken.json",
        ),
        ("train --data {images} --out x --size 33", "size is 33"),
        ("train --data {images} --out x --steps 0", "--steps"),
        (
            "train --data {images} --out x --seed 1 --resume {model}",
            "--resume",
        ),
        (
            "train --data {images} --out nowhere/x --config {config}",
            "nowhere",
        ),
        (
            "sample --model {model} --out x.bmp",
            ".png, .gif or .safetensors",
        ),
        (
            "sample --model {model} --out x.png --sampler plms",
            "ddpm, ddim, heun, dpmpp2m, euler-flow",
        ),
        (
            "sample --model {model} --out x.png --sampler ddpm --variance learned_range",
            "did not learn a variance",
        ),
        (
            "sample --model {model} --out x.png --dynamic-threshold 1.5",
            "quantile",
        ),
        (
            "sample --model {model} --sampler ddim --out x.png --use-karras-sigmas true",
            "--use-karras-sigmas",
        ),
        (
            "train --data {images} --out x --config learned.json",
            "out_channels 6",
        ),
        ("eval --model {model}", "--data"),
        (
            "eval --model missing.safetensors --data {images}",
            "missing.safetensors",
        ),
        ("eval --model {model} --data nowhere", "nowhere"),
        ("sample --model {model} --out x.png --steps 101", "1 to 100"),
        (
            "sample --model {model} --sampler ddim --out x.png --eta 2",
            "eta",
        ),
        ("sample --model {model} --out x.png --count 0", "1 to 1024"),
        ("sample --model {model} --out x.png --scale 33", "--scale"),
        (
            "sample --model {model} --out x.png --sampler ddpm --eta 1",
            "--eta",
        ),
        (
            "sample --model {model} --out x.png --trajectory",
            "--trajectory",
        ),
    ] {
        folder.refuse(arguments, word);
    }
}

#[test]
fn what_the_device_has_no_room_for_is_refused() {
    let folder = Folder::new("large");
    let config = json!({ "size": 256, "unet": { "block_out_channels": [256, 256, 256] } });
    fs::write(folder.path("large.json"), config.to_string()).unwrap();
    let command = "bench --backend webgpu --config large.json --batch-size 1024 --steps 1";
    folder.refuse(command, "Lower batch_size to ");
}
