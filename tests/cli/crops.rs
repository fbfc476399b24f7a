//! One picture learnt from its crops, and drawn at any shape.

use std::fs;

use image::{Rgb, RgbImage};

use crate::folder::Folder;

/// A model of two levels, trained on crops of 8 × 8 of a picture of 20 × 16.
fn trained(name: &str) -> Folder {
    let folder = Folder::new(name);
    let picture = RgbImage::from_fn(20, 16, |x, y| {
        Rgb([(x * 12) as u8, (y * 15) as u8, ((x + y) % 2 * 200) as u8])
    });
    picture.save(folder.path("picture.png")).unwrap();
    let config = r#"{
        "size": 8,
        "unet": { "block_out_channels": [8, 16], "norm_num_groups": 4 },
        "scheduler": { "num_train_timesteps": 100 },
        "training": { "batch_size": 4, "lr_warmup_steps": 5 } }"#;
    fs::write(folder.path("crops.json"), config).unwrap();
    let stderr = folder.succeed(
        "train --data picture.png --crops --config crops.json --steps 12 --out m.safetensors",
    );
    assert!(stderr.contains("crops of 1 picture at 8 × 8"), "{stderr}");
    folder
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.as_chunks().0.iter();
    values.map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// The shape and the values of x_0 of one sample in `steps` steps.
fn x_0(folder: &Folder, model: &str, steps: usize, options: &str) -> (Vec<usize>, Vec<f32>) {
    let fixed = format!("--steps {steps} --count 1 --out x.safetensors");
    folder.succeed(&format!("sample --model {model} {fixed} {options}"));
    let (shape, bytes) = folder.tensors("x.safetensors")["x_0"].clone();
    (shape, floats(&bytes))
}

#[test]
fn training_on_crops_resumes_bit_for_bit() {
    let folder = trained("crops-resume");
    let train = "train --data picture.png --config crops.json";
    folder.succeed(&format!("{train} --crops --steps 5 --out half.safetensors"));
    folder.succeed(
        "train --data picture.png --resume half.safetensors --steps 7 --out resumed.safetensors",
    );
    assert!(folder.tensors("resumed.safetensors") == folder.tensors("m.safetensors"));
    // Another scale makes other crops.
    folder.succeed(&format!(
        "{train} --crops 12 --steps 12 --out small.safetensors"
    ));
    assert!(folder.tensors("small.safetensors") != folder.tensors("m.safetensors"));
}

#[test]
fn samples_have_any_shape() {
    let folder = trained("crops-shape");
    let (shape, usual) = x_0(&folder, "m.safetensors", 2, "");
    assert_eq!(shape, [1, 3, 8, 8]);
    // To the bit what it is without being asked for.
    let asked = x_0(&folder, "m.safetensors", 2, "--width 8 --height 8");
    assert_eq!(asked, (shape, usual));
    let (shape, wide) = x_0(&folder, "m.safetensors", 2, "--width 30 --height 14");
    assert_eq!(shape, [1, 3, 14, 30]);
    assert!(wide.iter().all(|value| value.is_finite()));

    folder.succeed(
        "sample --model m.safetensors --steps 2 --count 2 --width 12 --scale 2 --out x.png",
    );
    let grid = image::open(folder.path("x.png")).unwrap();
    assert_eq!((grid.width(), grid.height()), (2 * 12 * 2, 8 * 2));
    folder.succeed("sample --model m.safetensors --steps 2 --count 1 --height 12 --out x.gif");

    // There and back through a diffusers folder.
    folder.succeed("export --model m.safetensors --out pipeline");
    let other = x_0(&folder, "pipeline", 2, "--width 30 --height 14");
    assert_eq!(other, (vec![1, 3, 14, 30], wide));
}

#[test]
fn a_picture_is_kept_and_more_is_drawn_around_it() {
    let folder = trained("crops-extend");
    let picture = image::open(folder.path("picture.png")).unwrap().into_rgb8();
    let extend = "--jump-length 2 --extend picture.png --width 28 --height 16";
    for (place, left) in [("", 4), ("--extend-at 8,0", 8)] {
        for sampler in ["ddim", "ddpm"] {
            let options = format!("{extend} {place} --sampler {sampler}");
            let (shape, drawn) = x_0(&folder, "m.safetensors", 6, &options);
            assert_eq!(shape, [1, 3, 16, 28]);
            let mut differs = 0;
            for (i, value) in drawn.iter().enumerate() {
                let (channel, y, x) = (i / (16 * 28), i / 28 % 16, i % 28);
                if (left..left + 20).contains(&x) {
                    let known = picture.get_pixel((x - left) as u32, y as u32).0[channel];
                    assert_eq!(*value, known as f32 / 127.5 - 1.0);
                } else if value.abs() > 1e-3 {
                    differs += 1;
                }
            }
            assert!(differs > 100, "{differs}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = trained("crops-refused");
    let sample = "sample --model m.safetensors --steps 2 --count 1 --out x.png";
    folder.refuse(&format!("{sample} --width 13"), "multiples of 2");
    folder.refuse(&format!("{sample} --height 258"), "256");
    folder.refuse(&format!("{sample} --width 2"), "between 4");
    folder.refuse(
        &format!("{sample} --init picture.png --width 16"),
        "--width",
    );
    folder.refuse(&format!("{sample} --jump-length 2"), "--jump-length");
    folder.refuse(&format!("{sample} --extend picture.png"), "does not fit");
    let extend = format!("{sample} --extend picture.png --width 32 --height 16");
    folder.refuse(&format!("{extend} --extend-at 20,0"), "column 20");
    folder.refuse(&format!("{extend} --sampler heun"), "ddpm and ddim");
    folder.refuse(
        &format!("{sample} --extend picture.png --width 20 --height 16"),
        "as large",
    );
    let train = "train --data picture.png --out y.safetensors --steps 1";
    folder.refuse(&format!("{train} --crops --size 24"), "too small for crops");
    folder.refuse(&format!("{train} --crops --size 8 --labels"), "labels");
    folder.refuse(
        &format!("{train} --crops --resume {{model}}"),
        "whole images",
    );
    assert!(!folder.path("y.safetensors").exists());
}
