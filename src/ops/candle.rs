//! The `candle` backend's tensors as slices.
//!
//! burn hides candle's tensor inside its own, so reading one copies it; writing does not.

use burn::tensor::{Shape, ops::FloatTensor, ops::FloatTensorOps, try_read_sync};
#[allow(deprecated, reason = "burn 0.21 is the last release that has it")]
use burn_candle::CandleTensor;
use candle_core::{Device, Tensor};

use super::cpu::backend::SliceBackend;
use crate::backend::Candle;

impl SliceBackend for Candle {
    type Values = Vec<f32>;

    fn values(tensor: FloatTensor<Self>) -> Vec<f32> {
        let data = try_read_sync(Self::float_into_data(tensor))
            .expect("candle reads without waiting")
            .expect("candle reads memory of the CPU");
        data.into_vec()
            .expect("floats of the candle backend are f32")
    }

    #[allow(deprecated, reason = "burn 0.21 is the last release that has it")]
    fn tensor(values: Vec<f32>, shape: Shape) -> FloatTensor<Self> {
        let tensor = Tensor::from_vec(values, shape.to_vec(), &Device::Cpu)
            .expect("the kernels give as many values as their shapes say");
        CandleTensor::new(tensor)
    }
}
