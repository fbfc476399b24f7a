//! `unnoise sample`.

use std::{collections::BTreeMap, fs};

use image::AnimationDecoder;

use crate::folder::Folder;

#[test]
fn samples_depend_on_the_seed_alone() {
    let folder = Folder::new("seed");
    for out in ["png", "gif", "safetensors"] {
        for sampler in ["ddpm", "ddim --eta 0.5"] {
            let sample = |seed: u32| {
                folder.sample(&format!(
                    "--sampler {sampler} --steps 5 --count 2 --seed {seed} --out x.{out}"
                ));
                fs::read(folder.path(&format!("x.{out}"))).unwrap()
            };
            let first = sample(1);
            assert!(first == sample(1), "{sampler} {out}");
            assert!(first != sample(2), "{sampler} {out}");
        }
    }
}

#[test]
fn safetensors_hold_the_whole_run() {
    let folder = Folder::new("trajectory");
    folder.sample("--steps 5 --count 3 --trajectory --no-clip --out x.safetensors");
    let tensors = folder.tensors("x.safetensors");
    let (shape, x_0) = &tensors["x_0"];
    assert_eq!(shape, &[3, 3, 8, 8]);
    let (shape, trajectory) = &tensors["trajectory"];
    assert_eq!(shape, &[6, 3, 3, 8, 8]);
    assert_eq!(&trajectory[trajectory.len() - x_0.len()..], x_0);

    folder.sample("--steps 5 --count 3 --out x.safetensors");
    assert_eq!(folder.tensors("x.safetensors").len(), 1);
}

#[test]
fn given_noise_is_used() {
    let folder = Folder::new("noise");
    folder.sample("--steps 5 --count 2 --seed 3 --trajectory --out seeded.safetensors");
    let seeded = folder.tensors("seeded.safetensors");
    let x_t = seeded["trajectory"].1[..2 * 3 * 8 * 8 * 4].to_vec();
    let z = x_t.repeat(5);
    let shape = vec![2, 3, 8, 8];
    let named = |with_z: bool| {
        let mut tensors = BTreeMap::from([("x_T".to_string(), (shape.clone(), x_t.clone()))]);
        if with_z {
            tensors.insert("z".into(), ([vec![5], shape.clone()].concat(), z.clone()));
        }
        tensors
    };
    folder.write_tensors("x_T.safetensors", &named(false));
    folder.write_tensors("both.safetensors", &named(true));

    folder.sample("--steps 5 --noise x_T.safetensors --out given.safetensors");
    assert_eq!(folder.tensors("given.safetensors")["x_0"], seeded["x_0"]);

    let ddpm = "sample --model {model} --sampler ddpm --steps 5 --out a.safetensors";
    folder.succeed(&format!("{ddpm} --noise both.safetensors"));
    folder.refuse(&format!("{ddpm} --noise x_T.safetensors"), "z must");
    folder.refuse(
        &format!("{ddpm} --noise both.safetensors --count 3"),
        "--count",
    );
    folder.refuse(&format!("{ddpm} --noise seeded.safetensors"), "x_T");
}

#[test]
fn pictures_have_the_promised_sizes() {
    let folder = Folder::new("pictures");
    folder.sample("--steps 2 --count 5 --scale 3 --out grid.png");
    let grid = image::open(folder.path("grid.png")).unwrap();
    assert_eq!((grid.width(), grid.height()), (3 * 8 * 3, 2 * 8 * 3));

    folder.sample("--steps 7 --count 4 --out run.gif");
    let file = fs::File::open(folder.path("run.gif")).unwrap();
    let decoder = image::codecs::gif::GifDecoder::new(std::io::BufReader::new(file)).unwrap();
    let frames = decoder.into_frames().collect_frames().unwrap();
    assert_eq!(frames.len(), 8);
    assert_eq!(frames[7].buffer().dimensions(), (64, 64));
    assert_eq!(frames[7].delay().numer_denom_ms(), (2000, 1));
}
