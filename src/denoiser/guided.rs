//! Classifier-free guidance (Ho & Salimans 2022).

use burn::tensor::{Tensor, backend::Backend};

use super::Denoiser;
use crate::{
    diffusion::{ModelOutput, NoiseLevel, PredictionType},
    error::{Error, Result},
    model::UNetConfig,
};

/// Largest guidance scale: far beyond what leaves anything but glaring colours.
const MAX_GUIDANCE: f64 = 100.0;

/// The class of every image of a batch, and the scale of the guidance towards it.
#[derive(Debug, Clone, PartialEq)]
pub struct Guidance {
    /// One per image; the null class stands for any.
    pub class_labels: Vec<usize>,
    /// The class that stands for any.
    pub null_class: usize,
    /// w of null + w · (class - null) (Ho & Salimans 2022, equation 6, whose w is ours less 1): 1
    /// is the class alone.
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
        let Some(null_class) = unet.null_class() else {
            return match labels.iter().flatten().next() {
                Some(_) => Err(Error::Config(
                    "this model was trained without labels, so none can be asked for.".into(),
                )),
                None => Ok(None),
            };
        };
        if let Some(label) = labels.iter().flatten().find(|label| **label >= null_class) {
            return Err(Error::Config(format!(
                "there is no label {label}: this model knows labels 0 to {}.",
                null_class - 1
            )));
        }
        let class_labels = (first..first.saturating_add(count))
            .map(|image| match labels.len() {
                0 => null_class,
                length => labels[image % length].unwrap_or(null_class),
            })
            .collect();
        Ok(Some(Self {
            class_labels,
            null_class,
            scale,
        }))
    }
}

/// A denoiser with classifier-free guidance towards the classes of a batch.
pub struct Guided<D> {
    /// What is guided.
    pub denoiser: D,
    /// The classes, and the scale of the guidance.
    pub guidance: Guidance,
}

impl<B: Backend, D: Denoiser<B>> Denoiser<B> for Guided<D> {
    fn prediction_type(&self) -> PredictionType {
        self.denoiser.prediction_type()
    }

    /// null + w · (class - null), whatever is predicted (Ho & Salimans 2022, equation 6, whose w is
    /// ours less 1). Both in one batch, twice as large; the variance is that of the class.
    fn output(
        &self,
        x_t: Tensor<B, 4>,
        level: NoiseLevel,
        class_labels: Option<&[usize]>,
    ) -> ModelOutput<B> {
        let Guidance {
            class_labels: own,
            null_class,
            scale,
        } = &self.guidance;
        let class_labels = class_labels.unwrap_or(own);
        let any = class_labels.iter().all(|label| label == null_class);
        if *scale == 1.0 || any {
            return self.denoiser.output(x_t, level, Some(class_labels));
        }
        let batch = x_t.dims()[0];
        let mut both = class_labels.to_vec();
        both.resize(2 * batch, *null_class);
        let twice = Tensor::cat(vec![x_t.clone(), x_t], 0);
        let ModelOutput { values, var_values } = self.denoiser.output(twice, level, Some(&both));
        let class = values.clone().narrow(0, 0, batch);
        let null = values.narrow(0, batch, batch);
        ModelOutput {
            values: null.clone() + (class - null) * *scale,
            var_values: var_values.map(|values| values.narrow(0, 0, batch)),
        }
    }
}
