//! Grey images and images with alpha, as `unnoise` reads, trains on and writes them.

use std::fs;

use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};

use crate::folder::Folder;

/// A folder with `grey`, `colour` and `alpha` pictures, and a configuration that leaves the
/// channels open.
fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    let level = |x: u32, i: u32| (x * 20 + i * 30) as u8;
    for i in 0..3 {
        let grey = GrayImage::from_fn(8, 8, |x, _| Luma([level(x, i)]));
        let colour = RgbImage::from_fn(8, 8, |x, y| Rgb([level(x, i), level(y, i), 99]));
        let alpha = RgbaImage::from_fn(8, 8, |x, y| {
            Rgba([level(x, i), 99, level(y, i), if y < 4 { 0 } else { 255 }])
        });
        let pictures: [(&str, DynamicImage); 3] = [
            ("grey", grey.into()),
            ("colour", colour.into()),
            ("alpha", alpha.into()),
        ];
        for (kind, picture) in pictures {
            fs::create_dir_all(folder.path(kind)).unwrap();
            picture
                .save(folder.path(&format!("{kind}/{i}.png")))
                .unwrap();
        }
    }
    let mask = GrayImage::from_fn(8, 8, |x, _| Luma([if x < 4 { 255 } else { 0 }]));
    mask.save(folder.path("mask.png")).unwrap();
    let json = fs::read_to_string(folder.path("config.json")).unwrap();
    let open = json.replace(r#""in_channels":3,"#, "");
    assert_ne!(open, json);
    fs::write(folder.path("open.json"), open).unwrap();
    folder
}

fn train(folder: &Folder, options: &str) -> String {
    let options = format!("train --config open.json --steps 3 --out m.safetensors {options}");
    folder.succeed(&options)
}

/// The channels of the model, by what it draws.
fn channels(folder: &Folder) -> usize {
    folder.succeed("sample --model m.safetensors --steps 2 --count 2 --out x.safetensors");
    folder.tensors("x.safetensors")["x_0"].0[1]
}

#[test]
fn models_have_the_channels_that_their_images_need() {
    let folder = folder("channels");
    for (data, expected, said) in [
        ("grey", 1, "3 grey images"),
        ("colour", 3, "3 images"),
        ("grey colour", 3, "6 images"),
        ("alpha", 4, "3 transparent images"),
        ("grey colour alpha", 4, "9 transparent images"),
    ] {
        let stderr = train(&folder, &format!("--data {data}"));
        assert!(stderr.contains(said), "{stderr}");
        assert_eq!(channels(&folder), expected, "{data}");
    }
    for asked in [1, 3, 4] {
        train(&folder, &format!("--data alpha --channels {asked}"));
        assert_eq!(channels(&folder), asked);
        // And of a model the images take its own.
        folder.succeed("eval --model m.safetensors --data colour --timesteps 5");
    }
    let configured = "train --data {images} --config {config} --steps 1 --out m.safetensors";
    folder.succeed(configured);
    assert_eq!(channels(&folder), 3);
    folder.refuse(
        "train --data grey --channels 2 --out m.safetensors",
        "in_channels",
    );
}

#[test]
fn pictures_keep_their_channels() {
    let folder = folder("channels-pictures");
    for (data, expected) in [("grey", 1), ("alpha", 4)] {
        train(&folder, &format!("--data {data}"));
        let sample = |options: &str| {
            folder.succeed(&format!(
                "sample --model m.safetensors --steps 2 --count 3 {options}"
            ));
        };
        sample("--out x.png");
        let picture = image::open(folder.path("x.png")).unwrap();
        assert_eq!(picture.color().channel_count(), expected);
        if let Some(rgba) = picture.as_rgba8() {
            // The empty fourth cell.
            assert_eq!(
                rgba.get_pixel(rgba.width() - 1, rgba.height() - 1).0,
                [0; 4]
            );
        }
        sample("--out x.gif");
        sample(&format!("--init {data}/0.png --out x.png"));
        sample(&format!(
            "--sampler ddpm --inpaint {data}/0.png --mask mask.png --out x.png"
        ));
        folder.succeed("export --model m.safetensors --out pipeline --overwrite");
        folder.succeed("import --model pipeline --out back.safetensors");
        folder.succeed(&format!(
            "train --data {data} --resume back.safetensors --steps 1 --out back.safetensors"
        ));
    }
    // A file without alpha is as good as one that is opaque.
    folder.succeed("train --data colour --resume m.safetensors --steps 1 --out m.safetensors");
}
