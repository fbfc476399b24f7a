//! The CPU kernels give the same bits whatever the number of threads.

use rayon::ThreadPoolBuilder;
use unnoise::ops::cpu::conv;
use unnoise::ops::cpu::group_norm::{self, Norm, NormShape};
use unnoise::ops::cpu::optimizer::{self, Parameter};
use unnoise::ops::cpu::patches::ConvShape;
use unnoise::ops::{
    AdamStep, ConvGeometry, GroupNormOptions, MixedPrecision, MuonStep, OptimizerStep, UpdateRule,
};

use crate::check::numbers;

/// Bits of what `run` gives on `threads` threads.
fn bits(threads: usize, run: impl Fn() -> Vec<Vec<f32>> + Send + Sync) -> Vec<Vec<u32>> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    let results = pool.install(run);
    results
        .into_iter()
        .map(|values| values.into_iter().map(f32::to_bits).collect())
        .collect()
}

fn assert_independent_of_threads(run: impl Fn() -> Vec<Vec<f32>> + Send + Sync) {
    let expected = bits(1, &run);
    for threads in [2, 3] {
        assert!(bits(threads, &run) == expected, "{threads} threads");
    }
}

#[test]
fn convolutions_give_the_same_bits_on_any_number_of_threads() {
    for (kernel, stride, upsample) in [(3, 1, false), (3, 1, true), (3, 2, false), (1, 1, false)] {
        let shape = ConvShape {
            batch: 9,
            height: 23,
            width: 21,
            inputs: 24,
            outputs: 20,
            geometry: ConvGeometry {
                kernel,
                stride,
                padding: kernel / 2,
                upsample,
            },
        };
        let [height, width] = shape.output_size();
        let x = numbers(9 * 23 * 21 * 24, 1);
        let weight = numbers(kernel * kernel * 24 * 20, 2);
        let bias = numbers(20, 3);
        let grad = numbers(9 * height * width * 20, 4);
        assert_independent_of_threads(|| {
            let (grad_weight, grad_bias) = conv::grad_weight(&x, &grad, &shape);
            vec![
                conv::forward(&x, &weight, &bias, None, &shape),
                conv::grad_input(&grad, &weight, None, &shape),
                grad_weight,
                grad_bias,
            ]
        });
    }
}

#[test]
fn group_norm_gives_the_same_bits_on_any_number_of_threads() {
    let options = GroupNormOptions {
        groups: 4,
        epsilon: 1e-5,
        silu: true,
        mixed_precision: MixedPrecision::No,
    };
    let shape = NormShape {
        batch: 3,
        pixels: 500,
        channels: 28,
    };
    let (x, grad) = (numbers(3 * 500 * 28, 1), numbers(3 * 500 * 28, 4));
    let (gamma, beta, shift) = (numbers(28, 2), numbers(28, 3), numbers(3 * 28, 5));
    assert_independent_of_threads(|| {
        let norm = Norm {
            x: &x,
            shift: Some(&shift),
            gamma: &gamma,
            beta: &beta,
        };
        let (y, statistics) = group_norm::forward(norm, shape, options);
        let grads = group_norm::backward(&grad, norm, &statistics, None, shape, options);
        let mut all = vec![y, statistics];
        all.extend(grads);
        all
    });
}

#[test]
fn optimizer_gives_the_same_bits_on_any_number_of_threads() {
    let step = OptimizerStep {
        adam: AdamStep {
            learning_rate: 1e-2,
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-8,
            bias_correction1: 0.1,
            bias_correction2: 0.01,
        },
        muon: MuonStep {
            learning_rate: 1e-2,
            momentum: 0.95,
        },
        ema_decay: 0.9,
    };
    let muon = |columns: &[usize]| UpdateRule::Muon {
        columns: columns.to_vec(),
    };
    let layers = [
        (1, UpdateRule::Adam),
        (50_001, UpdateRule::Adam),
        (576 * 64, muon(&[64])),
        (128 * 96, muon(&[32, 64])),
        (32 * 128, muon(&[128])),
    ];
    assert_independent_of_threads(|| {
        let mut states: Vec<_> = layers
            .iter()
            .map(|&(length, _)| {
                let of = |seed| numbers(length, seed);
                [of(1), of(2), vec![0.5; length], of(1), of(5)]
            })
            .collect();
        let parameters = states
            .iter_mut()
            .zip(&layers)
            .map(
                |([value, exp_avg, exp_avg_sq, ema, grad], (_, rule))| Parameter {
                    value,
                    exp_avg,
                    exp_avg_sq,
                    ema,
                    grad,
                    rule,
                },
            )
            .collect();
        optimizer::step(parameters, step);
        states.into_iter().flatten().collect()
    });
}
