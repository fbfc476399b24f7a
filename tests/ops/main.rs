//! Every fused operation: each backend's kernels against the portable definition, and the
//! gradients against finite differences of the forward pass.

mod cases;
mod check;
mod fused;
mod group_norm;
mod noise;
mod optimizer;
mod sums;
mod threads;
mod winograd;

use unnoise::ops::Kernels;

/// That backends agree is tested below; that what they agree on is right, once.
#[test]
fn gradients_of_several_uses_agree_with_finite_differences() {
    sums::sums_are_slopes::<unnoise::backend::Flex>(&Default::default());
}

/// One test module per backend, all with the same tests.
macro_rules! backend_tests {
    ($name:ident, $backend:ty, $device:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn conv2d_agrees_with_portable_definition() {
                check::conv2d_agrees::<$backend>(&$device);
            }

            #[test]
            fn conv2d_gradients_agree_with_finite_differences() {
                check::conv2d_finite_differences::<$backend>(&$device);
            }

            #[test]
            fn group_norm_agrees_with_portable_definition() {
                group_norm::agrees_with_definition::<$backend>(&$device);
            }

            #[test]
            fn group_norm_adds_to_the_gradients_of_other_uses() {
                group_norm::uses_add_up::<$backend>(&$device);
            }

            #[test]
            fn group_norm_gradients_agree_with_finite_differences() {
                group_norm::finite_differences::<$backend>(&$device);
            }

            #[test]
            fn adam_agrees_with_portable_definition() {
                optimizer::adam_agrees::<$backend>(&$device);
            }

            #[test]
            fn adam_leaves_other_holders_of_its_tensors_alone() {
                optimizer::adam_leaves_other_holders_alone::<$backend>(&$device);
            }

            #[test]
            fn adam_adds_up_partial_sums() {
                optimizer::partial_sums_add_up::<$backend>(&$device);
            }

            #[test]
            fn adam_adds_up_partial_sums_of_many_buffers() {
                optimizer::partial_sums_of_many_buffers_add_up::<$backend>(&$device);
            }

            #[test]
            fn muon_agrees_with_portable_definition() {
                optimizer::muon_agrees::<$backend>(&$device);
            }

            #[test]
            fn muon_orthogonalises_its_updates() {
                optimizer::muon_orthogonalises::<$backend>(&$device);
            }

            #[test]
            fn fused_operations_agree_with_flex() {
                fused::agree::<$backend>(&$device);
            }

            #[test]
            fn upsampling_agrees_with_repeated_pixels() {
                fused::upsampling_agrees::<$backend>(&$device);
            }

            #[test]
            fn projection_shortcuts_agree_with_convolutions_of_their_own() {
                fused::projections_agree::<$backend>(&$device);
            }

            #[test]
            fn projection_shortcut_gradients_agree_with_finite_differences() {
                fused::projection_finite_differences::<$backend>(&$device);
            }

            #[test]
            fn linear_layers_of_silu_agree_with_portable_definition() {
                fused::silu_linear_agrees::<$backend>(&$device);
            }

            #[test]
            fn fused_gradients_agree_with_finite_differences() {
                fused::finite_differences::<$backend>(&$device);
            }

            #[test]
            fn gradients_of_several_uses_add_up() {
                sums::uses_add_up::<$backend>(&$device);
            }

            #[test]
            fn squared_error_agrees_with_portable_definition() {
                sums::squared_error_agrees::<$backend>(&$device);
            }

            #[test]
            fn squared_error_is_a_mean_of_squares() {
                sums::squared_error_is_a_mean::<$backend>(&$device);
            }

            #[test]
            fn weighted_sum_agrees_with_arithmetic() {
                sums::weighted_sum_agrees::<$backend>(&$device);
            }

            #[test]
            fn x0_and_eps_agree_with_arithmetic() {
                sums::x0_and_eps_agree::<$backend>(&$device);
            }

            #[test]
            fn noise_is_that_of_the_generator() {
                noise::normals_agree::<$backend>(&$device);
            }

            #[test]
            fn a_step_is_uploaded_as_it_is() {
                noise::uploads_agree::<$backend>(&$device);
            }

            #[test]
            fn the_self_test_finds_nothing_wrong() {
                check::self_test_passes::<$backend>(&$device);
            }

            #[test]
            fn autodiff_registers_every_gradient() {
                check::autodiff_agrees::<$backend>(&$device);
            }
        }
    };
}

backend_tests!(flex, unnoise::backend::Flex, Default::default());
backend_tests!(candle, unnoise::backend::Candle, Default::default());
// burn opens its default device itself, and our kernels take that for a GPU whatever it is. One
// that we open is known for what it is: on an emulator these are the kernels for emulators.
backend_tests!(webgpu, unnoise::backend::WebGpu, Default::default());
backend_tests!(webgpu_as_opened, unnoise::backend::WebGpu, opened());

fn opened() -> burn_wgpu::WgpuDevice {
    let gpu = unnoise::ops::webgpu::device::initialise_blocking();
    gpu.expect("a Vulkan, Metal or DirectX adapter").device
}

#[test]
fn winograd_agrees_with_portable_definition() {
    winograd::agrees_with_definition::<unnoise::backend::Flex>(&Default::default());
    winograd::agrees_with_definition::<unnoise::backend::Candle>(&Default::default());
}

#[test]
fn winograd_takes_images_one_by_one() {
    winograd::images_are_independent::<unnoise::backend::Flex>(&Default::default());
}

/// Kernels take what a caller has, so a strided view must give what its contiguous copy gives.
#[test]
fn strided_inputs_give_the_same_result() {
    fn check<B: Kernels>() {
        check::strided_inputs::<B>(&Default::default());
    }
    check::<unnoise::backend::Flex>();
    check::<unnoise::backend::Candle>();
    check::<unnoise::backend::WebGpu>();
}

/// Shaders do not check bounds.
#[test]
#[should_panic(expected = "a kernel expects")]
fn gpu_kernels_refuse_operands_that_are_too_short() {
    use unnoise::{backend::WebGpu, ops};

    let device = Default::default();
    let (x, gamma, beta) = (
        check::tensor::<WebGpu, 4>([1, 2, 2, 1024], 1, &device),
        check::tensor::<WebGpu, 1>([4], 2, &device),
        check::tensor::<WebGpu, 1>([1024], 3, &device),
    );
    let options = ops::GroupNormOptions {
        groups: 2,
        epsilon: 1e-5,
        silu: true,
        mixed_precision: ops::MixedPrecision::No,
    };
    ops::group_norm(x, None, gamma, beta, options);
}
