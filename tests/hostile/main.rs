//! Thousands of damaged files for every reader: valid ones, changed at random. A million of each,
//! guided by what they reach, are `fuzz/`'s.

mod known;
mod mutate;
mod readers;
mod seeds;

use mutate::Mutator;
use readers::{READERS, Reader};

/// Damaged files a reader is given.
const CASES: u64 = 5000;

fn survives(name: &str) {
    let (_, read): Reader = READERS
        .into_iter()
        .find(|(other, _)| *other == name)
        .unwrap();
    let seeds = seeds::of(name);
    for seed in &seeds {
        read(seed);
    }
    let mut mutator = Mutator::new(name.len() as u64);
    for _ in 0..CASES {
        let bytes = mutator.damaged(&seeds);
        read(&bytes);
    }
}

#[test]
fn checkpoints() {
    survives("checkpoint");
}

#[test]
fn headers() {
    survives("header");
}

#[test]
fn diffusers_folders() {
    survives("diffusers");
}

#[test]
fn configurations() {
    survives("config");
}

#[test]
fn sampling_options() {
    survives("options");
}

#[test]
fn pictures() {
    survives("picture");
}

/// What fuzzing starts from: `scripts/fuzz` runs this.
#[test]
#[ignore = "writes files"]
fn write_seeds() {
    for (name, _) in READERS {
        let folder = format!("fuzz/corpus/{name}");
        std::fs::create_dir_all(&folder).unwrap();
        for (index, seed) in seeds::of(name).iter().enumerate() {
            std::fs::write(format!("{folder}/seed-{index}"), seed).unwrap();
        }
    }
}
