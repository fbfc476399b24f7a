//! Reading and writing safetensors files of f32 and f16 tensors.

use std::collections::{BTreeMap, HashMap};

use half::f16;
use safetensors::{Dtype, SafeTensorError, SafeTensors, tensor::TensorView};
use serde_json::Value;

use crate::error::{Error, Result};

/// How values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// f32
    Full,
    /// f16: half the bytes, about three decimal digits.
    Half,
}

impl Precision {
    /// Whether all `values` are finite numbers once they are stored.
    pub fn holds(self, values: &[f32]) -> bool {
        values.iter().all(|value| match self {
            Precision::Full => value.is_finite(),
            Precision::Half => f16::from_f32(*value).is_finite(),
        })
    }
}

/// A named tensor, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Its name in the file.
    pub name: String,
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// As many as the product of `shape`.
    pub values: Vec<f32>,
}

/// Many times what names of tensors take. A header is text that is parsed as a whole, into more
/// memory than it takes itself.
const MAX_HEADER: u64 = 16 << 20;

/// Opens a safetensors file.
///
/// # Errors
/// [`Error::Truncated`] when the file ends too early, [`Error::Checkpoint`] when it is something
/// else.
pub fn open(bytes: &[u8]) -> Result<SafeTensors<'_>> {
    use SafeTensorError as E;
    let header = bytes.first_chunk().map_or(0, |n| u64::from_le_bytes(*n));
    // A safetensors header is JSON that starts at the ninth byte.
    let is_json = bytes.get(8) == Some(&b'{');
    if is_json && header > MAX_HEADER {
        return Err(Error::Checkpoint(format!(
            "its header has {header} bytes, and {MAX_HEADER} are the most that are read."
        )));
    }
    SafeTensors::deserialize(bytes).map_err(|error| match error {
        E::HeaderTooSmall => Error::Truncated(format!("it has only {} bytes", bytes.len())),
        E::InvalidHeaderLength if is_json => Error::Truncated("it ends within its header".into()),
        E::MetadataIncompleteBuffer => Error::Truncated("it ends before its tensors do".into()),
        _ => Error::Checkpoint("it is not a safetensors file.".into()),
    })
}

/// The metadata of a file opened with [`open`].
///
/// # Errors
/// [`Error::Safetensors`] when the header cannot be read.
pub fn metadata(bytes: &[u8]) -> Result<HashMap<String, String>> {
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    Ok(header.metadata().clone().unwrap_or_default())
}

/// That a file has as many tensors as its network.
///
/// # Errors
/// [`Error::ShapeMismatch`] when it has not.
pub fn require_count(file: &SafeTensors, expected: usize) -> Result<()> {
    if file.len() == expected {
        return Ok(());
    }
    Err(Error::ShapeMismatch(format!(
        "it has {} tensors, but its network has {expected}",
        file.len()
    )))
}

/// The values of a tensor whose shape is known.
///
/// # Errors
/// [`Error::ShapeMismatch`] when it is absent, of another shape, or neither f32 nor f16.
pub fn values(file: &SafeTensors, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
    let view = file
        .tensor(name)
        .map_err(|_| Error::ShapeMismatch(format!("the tensor {name} is missing")))?;
    if view.shape() != shape {
        return Err(Error::ShapeMismatch(format!(
            "the tensor {name} has the shape {:?}, but should have {shape:?}",
            view.shape()
        )));
    }
    floats(&view).ok_or_else(|| {
        Error::ShapeMismatch(format!(
            "the tensor {name} holds {:?}, but should hold F32 or F16",
            view.dtype()
        ))
    })
}

/// As [`values`], for a parameter of a network.
///
/// # Errors
/// [`Error::ShapeMismatch`] also when a value is infinite or no number.
pub fn weights(file: &SafeTensors, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
    let values = values(file, name, shape)?;
    if values.iter().all(|value| value.is_finite()) {
        Ok(values)
    } else {
        Err(Error::ShapeMismatch(format!(
            "the tensor {name} holds values that are not numbers"
        )))
    }
}

/// The values of an f32 or f16 tensor; `None` for other types.
pub fn floats(view: &TensorView) -> Option<Vec<f32>> {
    match view.dtype() {
        Dtype::F32 => Some(
            view.data()
                .as_chunks()
                .0
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect(),
        ),
        Dtype::F16 => Some(
            view.data()
                .as_chunks()
                .0
                .iter()
                .map(|bytes| f16::from_le_bytes(*bytes).to_f32())
                .collect(),
        ),
        _ => None,
    }
}

/// A safetensors file: the same bytes for the same content.
///
/// # Errors
/// [`Error::Safetensors`] when a tensor's shape does not fit its values.
pub fn write(
    tensors: &[NamedTensor],
    metadata: HashMap<String, String>,
    precision: Precision,
) -> Result<Vec<u8>> {
    let stored: Vec<Vec<u8>> = tensors
        .iter()
        .map(|tensor| match precision {
            Precision::Full => tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Precision::Half => tensor
                .values
                .iter()
                .flat_map(|v| f16::from_f32(*v).to_le_bytes())
                .collect(),
        })
        .collect();
    let dtype = match precision {
        Precision::Full => Dtype::F32,
        Precision::Half => Dtype::F16,
    };
    let views = tensors
        .iter()
        .zip(&stored)
        .map(|(tensor, bytes)| {
            let view = TensorView::new(dtype, tensor.shape.clone(), bytes)?;
            Ok((tensor.name.as_str(), view))
        })
        .collect::<Result<Vec<_>>>()?;
    let mut file = safetensors::serialize(views, Some(metadata))?;
    sort_header(&mut file).map_err(|source| Error::Metadata {
        part: "header".into(),
        source,
    })?;
    Ok(file)
}

/// The length of a header, which comes before it.
const HEADER_LENGTH: usize = size_of::<u64>();

/// Sorts the header of a file by its names: metadata come in the order of a hash map, which is another in
/// each process.
fn sort_header(file: &mut [u8]) -> serde_json::Result<()> {
    let (_, content) = file.split_at_mut(HEADER_LENGTH);
    // Spaces that align the tensors end it.
    let mut parser = serde_json::Deserializer::from_slice(content).into_iter();
    let header: Option<BTreeMap<String, BTreeMap<String, Value>>> = parser.next().transpose()?;
    if let Some(header) = header {
        let sorted = serde_json::to_vec(&header)?;
        content[..sorted.len()].copy_from_slice(&sorted);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_is_the_same_file() {
        let tensors = [("b", vec![2, 1]), ("a", vec![2])].map(|(name, shape)| NamedTensor {
            name: name.into(),
            shape,
            values: vec![1.0, -2.5],
        });
        let metadata = || {
            (0..20)
                .map(|i| (format!("key {i}"), format!("\"{i}\" ü")))
                .collect()
        };
        let file = write(&tensors, metadata(), Precision::Full).unwrap();
        for _ in 0..3 {
            assert_eq!(write(&tensors, metadata(), Precision::Full).unwrap(), file);
        }
        assert_eq!(super::metadata(&file).unwrap(), metadata());
        let opened = open(&file).unwrap();
        for tensor in &tensors {
            let view = opened.tensor(&tensor.name).unwrap();
            assert_eq!(view.shape(), tensor.shape);
            assert_eq!(floats(&view).as_ref(), Some(&tensor.values));
        }
    }
}
