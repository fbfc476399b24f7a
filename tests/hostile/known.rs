//! Files of one kind of damage each, and what is said about them.

use std::io::Cursor;

use pollster::block_on;
use serde_json::{Value, json};
use unnoise::{
    backend::Flex,
    error::Error,
    format::{Checkpoint, diffusers},
    session::Session,
    train::Config,
};

use crate::readers;

/// The file of a small model.
fn model() -> Vec<u8> {
    let json = r#"{ "size": 4, "unet": { "block_out_channels": [4], "norm_num_groups": 2 } }"#;
    let config = Config::from_json(json).unwrap();
    let session = Session::<Flex>::new(config, Default::default()).unwrap();
    block_on(session.checkpoint()).unwrap().to_bytes().unwrap()
}

/// A file's header, and its tensors.
fn parts(file: &[u8]) -> (Value, Vec<u8>) {
    let length = u64::from_le_bytes(*file.first_chunk().unwrap()) as usize;
    let header = serde_json::from_slice(&file[8..8 + length]).unwrap();
    (header, file[8 + length..].to_vec())
}

fn file(header: &str, tensors: &[u8]) -> Vec<u8> {
    let length = (header.len() as u64).to_le_bytes();
    [&length, header.as_bytes(), tensors].concat()
}

/// What is said about the model with another header or other tensors.
fn refused(change: impl Fn(&mut Value, &mut Vec<u8>)) -> Error {
    let (mut header, mut tensors) = parts(&model());
    change(&mut header, &mut tensors);
    Checkpoint::from_bytes(&file(&header.to_string(), &tensors)).unwrap_err()
}

const TENSOR: &str = "ema.conv_in.bias";

#[test]
fn tensors_that_lie_over_one_another() {
    let error = refused(|header, _| header[TENSOR]["data_offsets"] = json!([0, 16]));
    assert_eq!(error.code(), "bad-checkpoint", "{error}");
}

#[test]
fn shapes_whose_product_overflows() {
    for shape in [
        json!([1u64 << 32, 1u64 << 32, 1u64 << 32]),
        json!([u64::MAX]),
        json!([u64::MAX, 2]),
        json!([1u64 << 61]),
    ] {
        let error = refused(|header, _| header[TENSOR]["shape"] = shape.clone());
        assert_eq!(error.code(), "bad-checkpoint", "{error}");
    }
}

#[test]
fn numbers_of_another_kind() {
    for dtype in ["I32", "U32"] {
        let error = refused(|header, _| header[TENSOR]["dtype"] = json!(dtype));
        assert!(error.message().contains("should hold F32"), "{error}");
    }
}

#[test]
fn weights_that_are_no_numbers() {
    for value in [f32::NAN, f32::INFINITY] {
        let error = refused(|header, tensors| {
            let start = header[TENSOR]["data_offsets"][0].as_u64().unwrap() as usize;
            tensors[start..start + 4].copy_from_slice(&value.to_le_bytes());
        });
        assert!(error.message().contains("not numbers"), "{error}");
    }
}

#[test]
fn a_name_that_is_there_twice() {
    let (header, tensors) = parts(&model());
    let twice = header
        .to_string()
        .replacen(r#""ema.conv_in.weight""#, &format!("{TENSOR:?}"), 1);
    let error = Checkpoint::from_bytes(&file(&twice, &tensors)).unwrap_err();
    assert_eq!(error.code(), "bad-checkpoint", "{error}");
}

#[test]
fn headers_that_promise_too_much() {
    for length in [u64::MAX, 1 << 40, (16 << 20) + 1, 1 << 63] {
        let file = [&length.to_le_bytes(), &b"{}"[..]].concat();
        let error = Checkpoint::from_bytes(&file).unwrap_err();
        assert!(error.message().contains("header"), "{error}");
    }
}

#[test]
fn steps_that_no_one_counts() {
    let error = refused(|header, _| header["__metadata__"]["step"] = json!(u64::MAX.to_string()));
    assert!(
        error.message().contains("more than any training"),
        "{error}"
    );
}

#[test]
fn words_as_long_as_a_book() {
    let long = "x".repeat(1 << 20);
    let error = refused(|header, _| header["__metadata__"]["step"] = json!(long));
    assert!(error.message().len() < 1100);
    readers::checkpoint(&file(&format!("{{{long:?}:1}}"), &[]));
}

#[test]
fn networks_larger_than_their_files() {
    let error = refused(|header, _| {
        let mut unet: Value =
            serde_json::from_str(header["__metadata__"]["unet"].as_str().unwrap()).unwrap();
        unet["block_out_channels"] = json!([1024, 1024, 1024, 1024, 1024, 1024]);
        unet["down_block_types"] = json!(vec!["DownBlock2D"; 6]);
        unet["up_block_types"] = json!(vec!["UpBlock2D"; 6]);
        unet["layers_per_block"] = json!(8);
        unet["sample_size"] = json!(32);
        header["__metadata__"]["unet"] = json!(unet.to_string());
    });
    assert_eq!(error.code(), "shape-mismatch", "{error}");
}

#[test]
fn a_configuration_that_is_no_configuration() {
    let checkpoint = Checkpoint::from_bytes(&model()).unwrap();
    let mut files = diffusers::write(&checkpoint).unwrap();
    files.insert("unet/config.json".into(), vec![b' '; 2 << 20]);
    let error = diffusers::read(&files).unwrap_err();
    assert!(error.message().contains("larger than any"), "{error}");
    files.insert("unet/config.json".into(), "[".repeat(100_000).into());
    assert_eq!(diffusers::read(&files).unwrap_err().code(), "bad-file");
}

/// A header that promises 16,000 × 4,000 pixels of four floats, a gigabyte.
#[test]
fn pictures_that_promise_too_much() {
    let header = [
        &b"farbfeld"[..],
        &16_384u32.to_be_bytes(),
        &16_384u32.to_be_bytes(),
    ]
    .concat();
    let path = std::path::Path::new("huge.ff");
    let error = unnoise::format::picture::decode(Cursor::new(header), path, 8).unwrap_err();
    assert!(error.message().contains("too large"), "{error}");
}

/// 16 bits, CMYK, turned by EXIF, animated: as browsers show them.
#[test]
fn unusual_pictures() {
    let [red, blue, green, yellow] = [[1, 0, 0], [0, 0, 1], [0, 1, 0], [1, 1, 0]];
    let upright = [red, blue, green, yellow];
    for (name, corners) in [
        ("deep.png", upright),
        ("cmyk.jpg", upright),
        ("rotated.jpg", [green, red, yellow, blue]),
        ("animated.webp", upright),
    ] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/browser/images")
            .join(name);
        let file = Cursor::new(std::fs::read(&path).unwrap());
        let picture = unnoise::format::picture::decode(file, &path, 16).unwrap();
        let shown = [(2, 2), (13, 2), (2, 13), (13, 13)]
            .map(|(x, y)| picture.opaque.get_pixel(x, y).0.map(|value| value / 128));
        assert_eq!(shown, corners, "{name}");
    }
}
