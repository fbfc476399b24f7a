//! Shapes at the edges of what kernels tile for: odd sizes, one channel, not multiples of any tile,
//! batch 1, stride 2.

use unnoise::ops::{ConvGeometry, GroupNormOptions, MixedPrecision};

/// `(n, h, w, c_in, c_out, geometry)`.
pub type ConvCase = (usize, usize, usize, usize, usize, ConvGeometry);

const fn conv(kernel: usize, stride: usize, padding: usize) -> ConvGeometry {
    ConvGeometry {
        kernel,
        stride,
        padding,
        upsample: false,
    }
}

pub const CONVOLUTIONS: &[ConvCase] = &[
    (1, 1, 1, 1, 1, conv(1, 1, 0)),
    (2, 5, 7, 3, 4, conv(3, 1, 1)),
    (1, 8, 8, 16, 16, conv(3, 1, 1)),
    (3, 9, 6, 5, 7, conv(3, 2, 1)),
    (2, 16, 16, 32, 64, conv(3, 2, 1)),
    (2, 16, 16, 64, 32, conv(3, 1, 1)),
    (4, 1, 1, 32, 128, conv(1, 1, 0)),
    (2, 12, 10, 33, 17, conv(1, 1, 0)),
    (1, 32, 32, 3, 32, conv(3, 1, 1)),
    (2, 32, 32, 32, 3, conv(3, 1, 1)),
    (5, 4, 4, 96, 64, conv(3, 1, 1)),
    (2, 3, 3, 130, 70, conv(3, 1, 1)),
    // More pixels than the CPU takes at a time, ending in the middle of a row.
    (5, 19, 23, 8, 12, conv(3, 1, 1)),
    (3, 40, 31, 4, 5, conv(1, 1, 0)),
    // No padding, too much of it, a larger kernel.
    (2, 7, 8, 5, 6, conv(3, 1, 0)),
    (2, 5, 6, 3, 4, conv(3, 1, 2)),
    (1, 9, 8, 4, 3, conv(5, 1, 2)),
    // Strides that leave input pixels without any tap, or with taps of their own.
    (2, 7, 9, 8, 12, conv(1, 2, 0)),
    (2, 10, 11, 8, 6, conv(3, 3, 1)),
    // Enough pixels for the GPU's largest tiles, cut at both edges.
    (7, 30, 31, 36, 68, conv(3, 1, 1)),
    (13, 32, 31, 12, 28, conv(3, 1, 1)),
    (13, 32, 31, 12, 3, conv(3, 1, 1)),
    // The ends of networks for grey images and for images with alpha, with and without a variance.
    (3, 13, 12, 1, 16, conv(3, 1, 1)),
    (3, 13, 12, 4, 16, conv(3, 1, 1)),
    (3, 13, 12, 16, 1, conv(3, 1, 1)),
    (3, 13, 12, 16, 2, conv(3, 1, 1)),
    (3, 13, 12, 16, 4, conv(3, 1, 1)),
    (3, 13, 12, 16, 8, conv(3, 1, 1)),
];

/// Large enough for each size of a GPU's patches, cut at the lower edge and at the last channel. Only for
/// what adds up a convolution's own products: sums over all of their outputs differ too much in f32.
pub const LARGE_CONVOLUTIONS: &[ConvCase] = &[
    (8, 30, 32, 8, 36, conv(3, 1, 1)),
    (8, 30, 32, 40, 32, conv(3, 1, 1)),
    (16, 29, 32, 4, 64, conv(3, 1, 1)),
    (16, 25, 32, 64, 12, conv(3, 1, 1)),
    (8, 30, 32, 1, 32, conv(3, 1, 1)),
    (8, 30, 32, 32, 1, conv(3, 1, 1)),
    (2, 10, 10, 32, 32, conv(3, 1, 0)),
    (2, 6, 6, 32, 32, conv(3, 1, 2)),
    // More loads than llvmpipe lets a thread of a CPU's kernel loop for.
    (1, 1024, 520, 4, 4, conv(1, 1, 0)),
];

/// `(n, h, w, [c_in, channels of the shortcut], c_out, geometry)`.
pub type ProjectionCase = (usize, usize, usize, [usize; 2], usize, ConvGeometry);

/// Shortcuts of the default network, others that end within a tile or reach each size of patches, and those
/// that no kernel computes in passing: odd channels and widths, strides.
pub const PROJECTIONS: &[ProjectionCase] = &[
    (2, 8, 8, [64, 128], 64, conv(3, 1, 1)),
    (2, 16, 16, [64, 32], 64, conv(3, 1, 1)),
    (1, 32, 32, [32, 96], 32, conv(3, 1, 1)),
    (8, 30, 32, [40, 36], 32, conv(3, 1, 1)),
    (16, 29, 32, [4, 8], 64, conv(3, 1, 1)),
    (16, 25, 32, [64, 68], 12, conv(3, 1, 1)),
    (3, 9, 12, [8, 20], 36, conv(3, 1, 1)),
    (2, 5, 7, [8, 12], 16, conv(3, 1, 1)),
    (2, 6, 4, [12, 8], 4, conv(1, 1, 0)),
    (2, 5, 7, [3, 2], 4, conv(3, 1, 1)),
    (2, 9, 8, [8, 16], 12, conv(3, 2, 1)),
];

/// `(n, h, w, c, options)`.
pub type GroupNormCase = (usize, usize, usize, usize, GroupNormOptions);

const fn norm(groups: usize, silu: bool) -> GroupNormOptions {
    GroupNormOptions {
        groups,
        epsilon: 1e-5,
        silu,
        mixed_precision: MixedPrecision::No,
    }
}

pub const GROUP_NORMS: &[GroupNormCase] = &[
    (1, 2, 2, 1, norm(1, true)),
    (2, 5, 7, 6, norm(3, true)),
    (2, 5, 7, 6, norm(6, false)),
    (3, 32, 32, 32, norm(8, true)),
    (2, 8, 8, 96, norm(8, true)),
    (2, 4, 3, 18, norm(6, true)),
    (1, 16, 16, 128, norm(32, false)),
    (2, 13, 17, 27, norm(9, true)),
    // Groups with more channels than a workgroup has threads.
    (2, 2, 3, 1028, norm(1, true)),
    (1, 2, 2, 602, norm(2, true)),
    // More elements than llvmpipe lets a thread of a CPU's kernel loop over.
    (1, 100, 96, 9, norm(3, true)),
];
