//! What a batch is asked to show, and how strongly.

use crate::{
    error::{Error, Result},
    model::UNetConfig,
};

/// Largest guidance scale: far beyond what leaves anything but glaring colours.
const MAX_GUIDANCE: f64 = 100.0;

/// The class of every image of a batch, and how far the prediction goes in its direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Guidance {
    /// One per image; the null class stands for any.
    pub class_labels: Vec<usize>,
    /// w of null + w · (class - null) (Ho & Salimans 2022, equation 6, whose w is ours less 1): 1 is
    /// the class alone.
    pub scale: f64,
}

impl Guidance {
    /// Classes `labels`, repeated as needed, for images `first..first + count`; a label of `None`,
    /// and no labels at all, is any class. `None` for a network that knows no classes.
    ///
    /// # Errors
    /// [`Error::Config`] for a class that the network does not know and for a scale out of range.
    pub fn of(
        labels: &[Option<usize>],
        scale: f64,
        first: usize,
        count: usize,
        unet: &UNetConfig,
    ) -> Result<Option<Self>> {
        if !(0.0..=MAX_GUIDANCE).contains(&scale) {
            return Err(Error::Config(format!(
                "guidance is {scale}, but must be between 0 and {MAX_GUIDANCE}."
            )));
        }
        let Some(null) = unet.null_class() else {
            return match labels.iter().flatten().next() {
                Some(_) => Err(Error::Config(
                    "this model was trained without labels, so none can be asked for.".into(),
                )),
                None => Ok(None),
            };
        };
        if let Some(label) = labels.iter().flatten().find(|label| **label >= null) {
            return Err(Error::Config(format!(
                "there is no label {label}: this model knows labels 0 to {}.",
                null - 1
            )));
        }
        let class_labels = (first..first.saturating_add(count))
            .map(|image| match labels.len() {
                0 => null,
                length => labels[image % length].unwrap_or(null),
            })
            .collect();
        Ok(Some(Self {
            class_labels,
            scale,
        }))
    }
}
