//! Runs the program in a folder of its own.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

use image::{Rgba, RgbaImage};
use safetensors::{SafeTensors, tensor::TensorView};
use serde_json::json;

/// A small model that several tests sample from.
pub static MODEL: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Folder::new("model");
    folder.train("model.safetensors", "--steps 10");
    folder.path("model.safetensors")
});

pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

/// A fresh folder that the program runs in, with images and a configuration.
///
/// In arguments, `{images}`, `{config}` and `{model}` stand for their paths.
pub struct Folder {
    pub root: PathBuf,
    pub images: PathBuf,
}

impl Folder {
    pub fn new(name: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("cli")
            .join(name);
        let _ = fs::remove_dir_all(&root);
        let images = root.join("images");
        fs::create_dir_all(images.join("deeper")).unwrap();
        // Different sizes and shapes, one half transparent, one in a folder of its own.
        for (i, (width, height)) in [(8, 8), (30, 20), (5, 40), (64, 64), (1, 1)]
            .into_iter()
            .enumerate()
        {
            let picture = RgbaImage::from_fn(width, height, |x, y| {
                let level = (x * 255 / width) as u8;
                let alpha = if i == 2 && y < height / 2 { 0 } else { 255 };
                Rgba([level, 255 - level, (i * 60) as u8, alpha])
            });
            let place = if i == 3 { "deeper/" } else { "" };
            picture
                .save(images.join(format!("{place}{i}.png")))
                .unwrap();
        }
        fs::write(images.join("README.md"), "Not a picture.").unwrap();
        let config = json!({
            "size": 8,
            // Whatever the images need.
            "unet": { "block_out_channels": [8], "norm_num_groups": 4, "in_channels": 3 },
            "scheduler": { "num_train_timesteps": 100 },
            "training": { "batch_size": 4, "learning_rate": 5e-3, "lr_warmup_steps": 5 },
        });
        fs::write(root.join("config.json"), config.to_string()).unwrap();
        Self { root, images }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn run(&self, arguments: &str) -> Output {
        let arguments = arguments.split_whitespace().map(|word| self.filled(word));
        Command::new(env!("CARGO_BIN_EXE_unnoise"))
            .args(arguments)
            .current_dir(&self.root)
            // A driver that misses it says so among what the program says.
            .env("XDG_RUNTIME_DIR", &self.root)
            .output()
            .unwrap()
    }

    fn filled(&self, word: &str) -> String {
        let mut word = word
            .replace("{images}", "images")
            .replace("{config}", "config.json");
        if word.contains("{model}") {
            word = word.replace("{model}", MODEL.to_str().unwrap());
        }
        word
    }

    /// Runs the program, which must succeed; gives what it said on stdout.
    pub fn output(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "unnoise {arguments}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the program, which must succeed; gives what it said on stderr.
    pub fn succeed(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "unnoise {arguments}: {stderr}");
        stderr
    }

    /// Runs the program, which must refuse with status 2 and one line that contains `word`.
    pub fn refuse(&self, arguments: &str, word: &str) {
        let output = self.run(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            output.status.code(),
            Some(2),
            "unnoise {arguments}: {stderr}"
        );
        assert_eq!(stderr.lines().count(), 1, "unnoise {arguments}: {stderr}");
        assert!(stderr.contains(word), "unnoise {arguments}: {stderr}");
        assert!(output.stdout.is_empty());
    }

    pub fn train(&self, out: &str, options: &str) -> String {
        self.succeed(&format!(
            "train --data {{images}} --config {{config}} --out {out} {options}"
        ))
    }

    pub fn sample(&self, options: &str) {
        self.succeed(&format!("sample --model {{model}} {options}"));
    }

    pub fn tensors(&self, name: &str) -> Tensors {
        let bytes = fs::read(self.path(&self.filled(name))).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        file.iter()
            .map(|(name, view)| {
                (
                    name.to_string(),
                    (view.shape().to_vec(), view.data().to_vec()),
                )
            })
            .collect()
    }

    pub fn write_tensors(&self, name: &str, tensors: &Tensors) {
        self.write_with_metadata(name, tensors, None);
    }

    pub fn write_with_metadata(
        &self,
        name: &str,
        tensors: &Tensors,
        metadata: Option<HashMap<String, String>>,
    ) {
        let views = tensors.iter().map(|(name, (shape, bytes))| {
            let view = TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes).unwrap();
            (name, view)
        });
        let bytes = safetensors::serialize(views, metadata).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }
}
