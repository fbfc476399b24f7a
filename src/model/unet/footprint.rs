//! How much room the tensors of a network take: by its shapes, before any of them is made.

use super::{Layer, UNet};

/// Numbers that a [`UNet`] works on for images of one size. In 64 bits, since an absurd network has
/// more than 32 can count, and is to be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Footprint {
    /// The largest tensor that grows with the images, for one of them: a feature map, the scores of
    /// a self-attention (one for each head and pair of pixels), or what a training step is given.
    pub largest_of_image: u64,
    /// The largest parameter tensor.
    pub largest_parameter: u64,
    /// All parameters.
    pub parameters: u64,
    /// All that training holds for one image when its backward pass begins: there it has most.
    pub image: u64,
}

impl UNet {
    /// What images of `height` × `width` take.
    pub fn footprint(&self, [height, width]: [usize; 2]) -> Footprint {
        let config = self.config();
        let mut maps = Maps::default();
        let mut pixels = height as u64 * width as u64;
        // In one upload: the image, its time, its class, and a few numbers.
        let classes = config.num_class_embeds.unwrap_or(0);
        let given =
            pixels * config.in_channels as u64 + (config.block_out_channels[0] + classes) as u64;
        maps.keep(given.next_multiple_of(64) + 256);
        // x_t, the target, and the prediction.
        maps.keep_map(2 * pixels, config.in_channels);
        maps.keep_map(pixels, config.out_channels);
        let channels = |layers: &[Layer]| layers.last().map_or(0, |layer| layer.channels()[1]);
        let finest = config.block_out_channels[0];
        maps.keep_map(pixels, finest);
        for level in &self.down {
            maps.layers(pixels, &level.layers);
            if level.resample.is_some() {
                pixels /= 4;
                maps.keep_map(pixels, channels(&level.layers));
            }
        }
        maps.layers(pixels, &self.mid);
        for level in &self.up {
            for layer in &level.layers {
                // The input is the concatenation of what comes from below and the skip.
                maps.keep_map(pixels, layer.channels()[0]);
                maps.layers(pixels, std::slice::from_ref(layer));
            }
            if level.resample.is_some() {
                pixels *= 4;
                maps.pass_map(pixels, channels(&level.layers));
            }
        }
        maps.keep_map(pixels, finest);
        let counts = self.parameters().iter().map(|spec| spec.count() as u64);
        Footprint {
            largest_of_image: maps.largest,
            largest_parameter: counts.clone().max().unwrap_or(0),
            parameters: counts.sum(),
            image: maps.kept + GRADIENTS * maps.largest,
        }
    }
}

/// Gradients of the size of the largest map that the backward pass has at a time.
const GRADIENTS: u64 = 3;

/// The maps of an image that were met so far.
#[derive(Default)]
struct Maps {
    largest: u64,
    /// Together, those that the backward pass needs.
    kept: u64,
}

impl Maps {
    fn pass(&mut self, numbers: u64) {
        self.largest = self.largest.max(numbers);
    }

    fn keep(&mut self, numbers: u64) {
        self.pass(numbers);
        self.kept += numbers;
    }

    /// Some kernels want channels in fours.
    fn pass_map(&mut self, pixels: u64, channels: usize) {
        self.pass(pixels * channels.next_multiple_of(4) as u64);
    }

    fn keep_map(&mut self, pixels: u64, channels: usize) {
        self.keep(pixels * channels.next_multiple_of(4) as u64);
    }

    fn layers(&mut self, pixels: u64, layers: &[Layer]) {
        for layer in layers {
            let [inputs, outputs] = layer.channels();
            // The first norm, the first convolution, the second norm, and the output.
            self.keep_map(pixels, inputs);
            for _ in 0..3 {
                self.keep_map(pixels, outputs);
            }
            if let Some([heads, inner]) = layer.attention() {
                // The norm, queries, keys and values, what they give, and the output.
                for channels in [outputs, inner, inner, inner, inner, outputs] {
                    self.keep_map(pixels, channels);
                }
                for _ in 0..KEPT_SCORES {
                    self.keep(heads as u64 * pixels * pixels);
                }
            }
        }
    }
}

/// Tensors of the shape of the scores that the gradient of softmax needs.
const KEPT_SCORES: usize = 3;
