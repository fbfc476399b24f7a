//! `unnoise export` and `unnoise import`, and diffusers folders in place of model files.

use std::fs;

use safetensors::SafeTensors;

use crate::folder::{Folder, MODEL};

const FILES: [&str; 4] = [
    "model_index.json",
    "scheduler/scheduler_config.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
];

#[test]
fn folders_sample_as_the_model_they_hold() {
    let folder = Folder::new("diffusers");
    folder.succeed("export --model {model} --out deep/pipeline");
    folder.succeed("import --model deep/pipeline --out back.safetensors");
    let samples = |model: &str| {
        let options = "--steps 3 --count 2 --out x.safetensors";
        folder.succeed(&format!("sample --model {model} {options}"));
        folder.tensors("x.safetensors")
    };
    let expected = samples("{model}");
    assert_eq!(samples("deep/pipeline"), expected);
    assert_eq!(samples("back.safetensors"), expected);

    let bound = |model: &str| folder.output(&format!("eval --model {model} --data {{images}}"));
    assert_eq!(bound("deep/pipeline"), bound("{model}"));
    // Training goes on from it.
    folder
        .succeed("train --data {images} --resume back.safetensors --steps 2 --out on.safetensors");
}

#[test]
fn how_a_network_is_trained_goes_along_and_its_state_if_asked_for() {
    let folder = Folder::new("state");
    let bytes = |name: &str| fs::read(folder.path(name)).unwrap();
    folder.succeed("export --model {model} --out recipe");
    folder.succeed("import --model recipe --out recipe.safetensors");
    let told = |bytes: &[u8]| {
        let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
        header.metadata().clone().unwrap()
    };
    let model = told(&fs::read(&*MODEL).unwrap());
    let recipe = told(&bytes("recipe.safetensors"));
    for what in ["training", "seed", "step"] {
        assert_eq!(recipe[what], model[what], "{what}");
    }

    folder.succeed("export --model {model} --out run --training-state");
    folder.succeed("import --model run --out run.safetensors");
    assert_eq!(told(&bytes("run.safetensors")), model);
    assert!(folder.tensors("run.safetensors") == folder.tensors("{model}"));
    // The weights of another model: its export takes the old state away.
    let state = bytes("run/unnoise.safetensors");
    folder.succeed("train --data {images} --config {config} --steps 1 --out other.safetensors");
    folder.succeed("export --model other.safetensors --out run --overwrite");
    folder.succeed("import --model run --out run.safetensors");
    assert_eq!(told(&bytes("run.safetensors"))["step"], "1");
    fs::write(folder.path("run/unnoise.safetensors"), state).unwrap();
    folder.refuse(
        "import --model run --out run.safetensors",
        "run/unnoise.safetensors",
    );
}

#[test]
fn nothing_in_a_folder_is_replaced_unasked() {
    let folder = Folder::new("overwrite");
    fs::create_dir(folder.path("pipeline")).unwrap();
    fs::write(folder.path("pipeline/README.md"), "Mine.").unwrap();
    folder.refuse("export --model {model} --out pipeline", "--overwrite");
    assert_eq!(fs::read_dir(folder.path("pipeline")).unwrap().count(), 1);

    folder.succeed("export --model {model} --out pipeline --overwrite");
    fs::write(folder.path("pipeline/model_index.json"), "{}").unwrap();
    folder.succeed("export --model {model} --out pipeline --overwrite");
    for name in FILES {
        let bytes = fs::read(folder.path(&format!("pipeline/{name}"))).unwrap();
        assert!(bytes.len() > 2, "{name}");
    }
    let readme = fs::read_to_string(folder.path("pipeline/README.md")).unwrap();
    assert_eq!(readme, "Mine.");
    let folders = ["pipeline", "pipeline/unet", "pipeline/scheduler"];
    let entries = folders.map(|name| fs::read_dir(folder.path(name)).unwrap().count());
    assert_eq!(entries, [4, 2, 1]);

    folder.refuse("export --model {model} --out config.json", "config.json");
}

#[test]
fn what_diffusers_cannot_express_is_refused() {
    let folder = Folder::new("inexpressible");
    let config = serde_json::json!({
        "size": 8,
        "unet": { "block_out_channels": [8], "norm_num_groups": 4 },
        "scheduler": { "prediction_type": "flow_prediction", "thresholding": true },
    });
    fs::write(folder.path("flow.json"), config.to_string()).unwrap();
    folder.succeed("train --data {images} --config flow.json --steps 1 --out flow.safetensors");
    folder.refuse(
        "export --model flow.safetensors --out pipeline",
        "thresholding",
    );
    assert!(!folder.path("pipeline").exists());
}

#[test]
fn broken_folders_are_refused() {
    let folder = Folder::new("broken");
    folder.succeed("export --model {model} --out pipeline");
    fs::remove_file(folder.path("pipeline").join(FILES[3])).unwrap();
    folder.refuse(
        "sample --model pipeline --out x.png",
        "pipeline/unet/diffusion_pytorch_model.safetensors",
    );
    fs::write(folder.path("pipeline/unet/diffusion_pytorch_model.bin"), "").unwrap();
    folder.refuse("import --model pipeline --out x.safetensors", "pickle");
    folder.refuse("import --model nowhere --out x.safetensors", "config.json");
    assert!(!folder.path("x.safetensors").exists());
}
