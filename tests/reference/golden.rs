//! Reading the golden files.

use std::{convert::Infallible, path::PathBuf};

use safetensors::SafeTensors;
use serde::de::DeserializeOwned;
use unnoise::model::{StateDictTensor, UNet};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

/// The bytes of a golden file.
pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A golden JSON file.
pub fn json<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Shape and values of an f32 tensor.
pub fn tensor(file: &SafeTensors, name: &str) -> (Vec<usize>, Vec<f32>) {
    let view = file
        .tensor(name)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let values = view
        .data()
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    (view.shape().to_vec(), values)
}

/// The weights of `unet`, which the file has as `unet.<name>`.
pub fn weights(file: &SafeTensors, unet: &UNet) -> Vec<Vec<f32>> {
    let read = |spec: &StateDictTensor| {
        let (shape, values) = tensor(file, &format!("unet.{}", spec.name));
        assert_eq!(shape, spec.shape, "{}", spec.name);
        Ok::<_, Infallible>(values)
    };
    let values = unet.parameters().iter().map(|spec| spec.stacked(read));
    values.map(|values| values.unwrap()).collect()
}

/// The largest difference between two equally long lists.
pub fn max_difference(actual: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(actual.len(), expected.len());
    actual.iter().zip(expected).fold(0.0, |max, (a, e)| {
        let difference = (a - e).abs();
        assert!(!difference.is_nan(), "not a number");
        max.max(difference)
    })
}
