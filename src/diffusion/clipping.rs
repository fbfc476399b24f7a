//! Clipping of pred_x0 to the range of images, and dynamic thresholding (Saharia et al. 2022,
//! section 2.3).

use burn::tensor::{Tensor, backend::Backend};

/// Halvings of the interval in which an order statistic is sought: more than f32 can tell apart.
const HALVINGS: usize = 40;

/// How an estimate of x_0 is kept in the range of images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum X0Clipping {
    /// Not at all.
    None,
    /// Clamped to [-1, 1].
    Clip,
    /// Clamped to [-s, s] and divided by s, where s is the `ratio` quantile of an image's absolute
    /// values, between 1 and `max` (Saharia et al. 2022, section 2.3).
    Dynamic {
        /// The quantile, above 0 and at most 1.
        ratio: f64,
        /// diffusers' `sample_max_value`, the most that is divided by.
        max: f64,
    },
}

impl X0Clipping {
    /// The estimate `x_0` `[batch, channels, height, width]` within its limits.
    pub fn apply<B: Backend>(self, x_0: Tensor<B, 4>) -> Tensor<B, 4> {
        match self {
            Self::None => x_0,
            Self::Clip => x_0.clamp(-1.0, 1.0),
            Self::Dynamic { ratio, max } => dynamic_threshold(x_0, ratio, max),
        }
    }
}

/// Clamps each image of `x_0` `[batch, channels, height, width]` to [-s, s] and divides it by s,
/// the `ratio` quantile of its absolute values, itself clamped to 1..=`max`.
fn dynamic_threshold<B: Backend>(x_0: Tensor<B, 4>, ratio: f64, max: f64) -> Tensor<B, 4> {
    let shape = x_0.dims();
    let values = x_0.reshape([shape[0], shape[1] * shape[2] * shape[3]]);
    let mut s = quantile(values.clone().abs(), ratio).clamp_min(1.0);
    if max.is_finite() {
        s = s.clamp_max(max);
    }
    let clamped = values.min_pair(s.clone()).max_pair(-s.clone());
    (clamped / s).reshape(shape)
}

/// The `ratio` quantile of each row of `values` `[rows, columns]`, all at least 0, interpolated as
/// `torch.quantile` does (Hyndman & Fan 1996, definition 7): `[rows, 1]`.
///
/// By bisection rather than sorting: burn sorts on the host, and a browser's GPU cannot be read
/// without giving up the thread.
fn quantile<B: Backend>(values: Tensor<B, 2>, ratio: f64) -> Tensor<B, 2> {
    let columns = values.dims()[1];
    let position = ratio.clamp(0.0, 1.0) * (columns - 1) as f64;
    let below = position.floor();
    let lower = order_statistic(values.clone(), below as usize + 1);
    let upper = order_statistic(values, (below as usize + 2).min(columns));
    lower.clone() + (upper - lower) * (position - below)
}

/// The `rank`th smallest value of each row, counted from 1, of values at least 0: `[rows, 1]`.
fn order_statistic<B: Backend>(values: Tensor<B, 2>, rank: usize) -> Tensor<B, 2> {
    let mut high = values.clone().max_dim(1);
    let mut low = high.zeros_like();
    for _ in 0..HALVINGS {
        let middle = (low.clone() + high.clone()) / 2.0;
        let count = values
            .clone()
            .lower_equal(middle.clone())
            .float()
            .sum_dim(1);
        let enough = count.greater_equal_elem(rank as f64 - 0.5);
        high = high.mask_where(enough.clone(), middle.clone());
        low = middle.mask_where(enough, low);
    }
    high
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::{
        backend::Flex,
        random::{Random, Stream},
    };

    #[test]
    fn quantiles_are_those_of_sorting() {
        let numbers = Random::new(1).normals(Stream::Weights, 0, 0, 200);
        let data = TensorData::new(numbers.clone(), [2, 100]);
        let values = Tensor::<Flex, 2>::from_data(data, &Default::default()).abs();
        for ratio in [0.0, 0.3, 0.5, 0.995, 1.0] {
            let actual: Vec<f32> = quantile(values.clone(), ratio)
                .into_data()
                .to_vec()
                .unwrap();
            for (row, actual) in numbers.chunks_exact(100).zip(actual) {
                let mut sorted: Vec<f64> = row.iter().map(|x| x.abs() as f64).collect();
                sorted.sort_by(f64::total_cmp);
                let position = ratio * 99.0;
                let (below, above) = (position.floor() as usize, position.ceil() as usize);
                let share = position - position.floor();
                let expected = sorted[below] + (sorted[above] - sorted[below]) * share;
                assert!((actual as f64 - expected).abs() < 1e-6, "{ratio}");
            }
        }
    }

    #[test]
    fn images_within_range_stay_as_they_are() {
        let device = Default::default();
        let x = Tensor::<Flex, 4>::from_data([[[[0.5f32, -1.0], [0.0, 0.9]]]], &device);
        let same = dynamic_threshold(x.clone(), 0.995, f64::INFINITY);
        assert!((same - x.clone()).abs().max().into_scalar() == 0.0);
        // Four times as large, the largest comes back as 1.
        let back = dynamic_threshold(x.clone() * 4.0, 1.0, f64::INFINITY);
        assert!((back - x).abs().max().into_scalar() < 1e-6);
    }
}
