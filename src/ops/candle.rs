//! Kernels of the `candle` backend.
//!
//! burn hides candle's tensor inside its own, so reading one copies it; writing does not.

use burn::tensor::{Shape, TensorMetadata, ops::FloatTensor, ops::FloatTensorOps, try_read_sync};
#[allow(deprecated)]
use burn_candle::CandleTensor;
use candle_core::{Device, Tensor};

use crate::backend::Candle;

use super::cpu::adam::{self, Parameter};
use super::cpu::backend::{self, SliceBackend, slice_kernels};
use super::{AdamStep, ConvGeometry, GroupNormOptions, Kernels, ParameterState};

impl SliceBackend for Candle {
    type Values = Vec<f32>;

    fn values(tensor: FloatTensor<Self>) -> Vec<f32> {
        let data = try_read_sync(Self::float_into_data(tensor))
            .expect("candle reads without waiting")
            .expect("candle reads memory of the CPU");
        data.into_vec()
            .expect("floats of the candle backend are f32")
    }

    #[allow(deprecated)]
    fn tensor(values: Vec<f32>, shape: Shape) -> FloatTensor<Self> {
        let tensor = Tensor::from_vec(values, shape.to_vec(), &Device::Cpu)
            .expect("the kernels give as many values as their shapes say");
        CandleTensor::new(tensor)
    }
}

impl Kernels for Candle {
    slice_kernels!();

    fn adam_step(
        states: Vec<ParameterState<Self>>,
        grads: Vec<FloatTensor<Self>>,
        step: AdamStep,
        _uploaded: FloatTensor<Self>,
    ) -> Vec<ParameterState<Self>> {
        let shapes: Vec<Shape> = states.iter().map(|state| state.value.shape()).collect();
        let mut states: Vec<[Vec<f32>; 4]> = states
            .into_iter()
            .map(|state| {
                [state.value, state.exp_avg, state.exp_avg_sq, state.ema].map(Self::values)
            })
            .collect();
        let grads: Vec<_> = grads.into_iter().map(Self::values).collect();
        let parameters = states
            .iter_mut()
            .zip(&grads)
            .map(|([value, exp_avg, exp_avg_sq, ema], grad)| Parameter {
                value,
                exp_avg,
                exp_avg_sq,
                ema,
                grad,
            })
            .collect();
        adam::step(parameters, step);
        states
            .into_iter()
            .zip(shapes)
            .map(|(state, shape)| {
                let [value, exp_avg, exp_avg_sq, ema] =
                    state.map(|values| Self::tensor(values, shape.clone()));
                ParameterState {
                    value,
                    exp_avg,
                    exp_avg_sq,
                    ema,
                }
            })
            .collect()
    }
}
super::ops_from_kernels!(Candle);
