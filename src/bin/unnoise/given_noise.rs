//! The contents of `unnoise sample --noise`.

use std::path::Path;

use burn::tensor::{Tensor, TensorData, backend::Backend};
use unnoise::{error::Error, format::Checkpoint, sampler::GivenNoise, sampler::SamplingOptions};

use crate::{
    failure::Result,
    input::{floats, open_noise},
};

pub struct GivenValues {
    x_t: Vec<f32>,
    pub x_t_shape: [usize; 4],
    z: Option<(Vec<f32>, [usize; 5])>,
}

impl GivenValues {
    pub fn read(path: &Path) -> Result<Self> {
        open_noise(path, |file| {
            let (x_t, x_t_shape) = floats(file, "x_T")?
                .ok_or_else(|| Error::Noise("it has no tensor x_T; name one so.".into()))?;
            let z = floats(file, "z")?;
            Ok(Self { x_t, x_t_shape, z })
        })
    }

    pub fn check(
        &self,
        options: &SamplingOptions,
        model: &Checkpoint,
    ) -> unnoise::error::Result<()> {
        let [height, width] = options.shape(model.config.size, &model.config.unet)?;
        let image = [options.count, model.config.unet.in_channels, height, width];
        if self.x_t_shape != image {
            return Err(Error::Noise(format!(
                "x_T has the shape {:?}, but this model needs {image:?}.",
                self.x_t_shape
            )));
        }
        match &self.z {
            Some((_, shape)) if shape[1..] != image => Err(Error::Noise(format!(
                "z has the shape {shape:?}, but after the number of steps it must go on \
                 {image:?}, as x_T."
            ))),
            _ => Ok(()),
        }
    }

    pub fn upload<B: Backend>(self, device: &B::Device) -> GivenNoise<B> {
        GivenNoise {
            x_t: Tensor::from_data(TensorData::new(self.x_t, self.x_t_shape), device),
            z: self
                .z
                .map(|(z, shape)| Tensor::from_data(TensorData::new(z, shape), device)),
        }
    }
}
