//! `unnoise sample` between seeds, from an image, and into a hole in one.

use std::collections::BTreeMap;

use image::{Rgb, RgbImage};

use crate::folder::Folder;

fn floats(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.as_chunks().0.iter();
    values.map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// The values of x_0.
fn x_0(folder: &Folder, options: &str) -> Vec<f32> {
    folder.sample(&format!("{options} --out x.safetensors"));
    floats(&folder.tensors("x.safetensors")["x_0"].1)
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn interpolations_lead_from_seed_to_seed() {
    let folder = Folder::new("interpolate");
    for sampler in ["ddim", "ddpm"] {
        let between = x_0(
            &folder,
            &format!("--sampler {sampler} --steps 5 --seed 4 --interpolate 8 --count 5"),
        );
        let length = between.len() / 5;
        let of_seed = |seed| {
            let options = format!("--sampler {sampler} --steps 5 --seed {seed} --count 1");
            x_0(&folder, &options)
        };
        assert!(distance(&between[..length], &of_seed(4)) < 1e-5);
        assert!(distance(&between[4 * length..], &of_seed(8)) < 1e-5);
        assert!(distance(&between[..length], &between[length..2 * length]) > 1e-3);
    }
    folder.sample("--steps 2 --seed 4 --interpolate 8 --count 5 --out between.gif");
}

#[test]
fn images_are_redrawn_as_strongly_as_asked() {
    let folder = Folder::new("init");
    let image = RgbImage::from_fn(8, 8, |x, y| Rgb([(x * 32) as u8, (y * 32) as u8, 99]));
    image.save(folder.path("init.png")).unwrap();
    let expected: Vec<f32> = (0..3)
        .flat_map(|channel| image.pixels().map(move |pixel| pixel.0[channel]))
        .map(|value| value as f32 / 127.5 - 1.0)
        .collect();
    let distance_at = |strength: f32| {
        let options = format!("--steps 50 --count 1 --init init.png --strength {strength}");
        distance(&x_0(&folder, &options), &expected)
    };
    let (weak, strong) = (distance_at(0.02), distance_at(1.0));
    assert!(weak < 0.3 && weak < strong, "{weak} {strong}");

    folder.sample(
        "--steps 10 --count 2 --init init.png --strength 0.5 --trajectory --out x.safetensors",
    );
    assert_eq!(folder.tensors("x.safetensors")["trajectory"].0[0], 6);
    folder.sample("--sampler heun --steps 5 --init {images}/2.png --out redrawn.png");
}

#[test]
fn holes_are_filled_in_and_the_rest_is_kept() {
    let folder = Folder::new("inpaint");
    let image = RgbImage::from_fn(8, 8, |x, y| Rgb([(x * 32) as u8, (y * 32) as u8, 99]));
    image.save(folder.path("image.png")).unwrap();
    let mask = RgbImage::from_fn(8, 8, |x, _| Rgb([if x < 3 { 255 } else { 0 }; 3]));
    mask.save(folder.path("mask.png")).unwrap();
    let inpaint = "--inpaint image.png --mask mask.png --jump-length 2 --jump-n-sample 3 --steps 6";
    for sampler in ["ddpm", "ddim"] {
        let filled = x_0(&folder, &format!("--sampler {sampler} {inpaint} --count 2"));
        let mut differs = 0;
        for (i, value) in filled.iter().enumerate() {
            let (channel, x, y) = (i / 64 % 3, i % 8, i / 8 % 8);
            let known = image.get_pixel(x as u32, y as u32).0[channel] as f32 / 127.5 - 1.0;
            if x >= 3 {
                assert_eq!(*value, known, "{sampler}: {channel} {x} {y}");
            } else if (value - known).abs() > 0.05 {
                differs += 1;
            }
        }
        assert!(differs > 20, "{sampler}: {differs}");
    }
    // Jumps at 0 and 2 of 6 steps, each back 2 and again 2, twice.
    folder.sample(&format!(
        "{inpaint} --count 2 --trajectory --out x.safetensors"
    ));
    let (shape, _) = &folder.tensors("x.safetensors")["trajectory"];
    assert_eq!(shape[0], 6 + 2 * 2 * 4 + 1);

    // Given noise has a row for each of them.
    let row = 2 * 3 * 8 * 8;
    let noise = |rows: usize| {
        BTreeMap::from([
            ("x_T".to_string(), (vec![2, 3, 8, 8], vec![0u8; row * 4])),
            (
                "z".to_string(),
                (vec![rows, 2, 3, 8, 8], vec![0u8; rows * row * 4]),
            ),
        ])
    };
    folder.write_tensors("long.safetensors", &noise(22));
    folder.write_tensors("short.safetensors", &noise(6));
    folder.sample(&format!(
        "{inpaint} --noise long.safetensors --out x.safetensors"
    ));
    folder.refuse(
        &format!("sample --model {{model}} {inpaint} --noise short.safetensors --out x.png"),
        "z must",
    );
}

#[test]
fn senseless_edits_are_refused() {
    let folder = Folder::new("senseless");
    for (name, shade) in [("black.png", 0), ("white.png", 255)] {
        let mask = RgbImage::from_pixel(8, 8, Rgb([shade; 3]));
        mask.save(folder.path(name)).unwrap();
    }
    let image = "{images}/0.png";
    for (options, word) in [
        ("--interpolate 2 --count 1", "2 or more"),
        ("--interpolate 2 --init IMAGE", "--init"),
        ("--interpolate 2 --noise x.safetensors", "--noise"),
        ("--interpolate two", "two"),
        ("--strength 0.5", "--init"),
        ("--init IMAGE --strength 0", "above 0 and at most 1"),
        ("--init IMAGE --strength 1.5", "above 0 and at most 1"),
        ("--init missing.png", "missing.png"),
        ("--init config.json", "config.json: this is not an image"),
        ("--init {images}", "name a file"),
        ("--init IMAGE --inpaint IMAGE --mask IMAGE", "--inpaint"),
        ("--inpaint IMAGE", "--mask"),
        ("--mask IMAGE", "--inpaint"),
        ("--jump-length 3", "--inpaint"),
        ("--inpaint IMAGE --mask black.png", "nothing to fill in"),
        (
            "--inpaint IMAGE --mask white.png --jump-length 0",
            "jump_length",
        ),
        (
            "--inpaint IMAGE --mask white.png --jump-n-sample 0",
            "jump_n_sample",
        ),
        (
            "--inpaint IMAGE --mask white.png --sampler heun",
            "ddpm and ddim",
        ),
    ] {
        let options = options.replace("IMAGE", image);
        folder.refuse(
            &format!("sample --model {{model}} {options} --out x.png"),
            word,
        );
    }
}
