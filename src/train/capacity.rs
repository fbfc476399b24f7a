//! Whether a device has room for a network and its batches: by their shapes and what the device
//! says of itself, before anything is made.

use super::{Config, MixedPrecision};
use crate::{
    error::{Error, Result},
    model::{Footprint, UNet, UNetConfig},
    ops::{Capacity, Kernels},
};

/// Bytes of a number.
const F32: u64 = size_of::<f32>() as u64;

/// Numbers that a backend may keep of a parameter in one tensor: its value, Adam's two moments, and
/// the average.
const STATE: u64 = 4;

/// What training on the CPU takes beside them of a parameter, for its gradient and for weights that are
/// transformed or packed, in hundredths of its size: measured in WebAssembly, see docs/benchmarks.md.
const WORK: u64 = 160;

impl Config {
    /// Bytes that training takes on the CPU, in one thread: within 15 % of the memory of WebAssembly
    /// (docs/benchmarks.md), beside the program and the images.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration cannot work.
    pub fn memory(&self) -> Result<u64> {
        self.validate()?;
        let room = Room {
            unet: &UNet::new(self.unet.clone())?,
            shape: [self.size; 2],
            sides: Sides::Size,
            mixed_precision: MixedPrecision::No,
            capacity: Capacity::UNLIMITED,
        };
        Ok(room.training_bytes(self.training.batch_size))
    }
}

/// What a network takes on a device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room<'a> {
    unet: &'a UNet,
    /// Height and width of the images.
    shape: [usize; 2],
    /// What says how large they are.
    sides: Sides,
    /// What feature maps are stored as.
    mixed_precision: MixedPrecision,
    capacity: Capacity,
}

/// The settings that images have their size from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sides {
    /// `size`: they are square.
    Size,
    /// `height` and `width`.
    HeightAndWidth,
}

impl<'a> Room<'a> {
    /// What `unet` takes on `device` for images of `size` × `size`.
    pub(crate) fn new<B: Kernels>(
        unet: &'a UNet,
        size: usize,
        mixed_precision: MixedPrecision,
        device: &B::Device,
    ) -> Self {
        Self {
            unet,
            shape: [size; 2],
            sides: Sides::Size,
            mixed_precision,
            capacity: B::capacity(device),
        }
    }

    /// The same for images of `[height, width]`, which were asked for as such.
    pub(crate) fn of_shape(self, shape: [usize; 2]) -> Self {
        if shape == self.shape {
            return self;
        }
        Self {
            shape,
            sides: Sides::HeightAndWidth,
            ..self
        }
    }

    /// That training with batches of `batch_size` images has no tensor that is too large.
    ///
    /// # Errors
    /// [`Error::TooLarge`] with the setting to lower.
    pub(crate) fn check_tensors(self, batch_size: usize) -> Result<()> {
        self.check_layers(STATE)?;
        self.check_parameters(STATE)?;
        self.check_images(batch_size, "batch_size")
    }

    /// That the weights alone are not too large, in any layer or together.
    ///
    /// # Errors
    /// [`Error::TooLarge`] with the setting to lower.
    pub(crate) fn check_weights(self) -> Result<()> {
        self.check_layers(1)?;
        self.check_parameters(1)
    }

    /// As [`Room::check_weights`], with room for what Adam keeps of them.
    ///
    /// # Errors
    /// [`Error::TooLarge`] with the setting to lower.
    pub(crate) fn check_state(self) -> Result<()> {
        self.check_layers(1)?;
        self.check_parameters(STATE)
    }

    /// That there is room for `copies` numbers for each of the weights.
    fn check_parameters(self, copies: u64) -> Result<()> {
        let Some(limit) = self.capacity.total else {
            return Ok(());
        };
        let bytes = |unet: &UNet| copies * F32 * unet.footprint(self.shape).parameters;
        let needed = bytes(self.unet);
        if needed <= limit {
            return Ok(());
        }
        let reason = format!(
            "the weights of the network take {}, and there is room for {}.",
            megabytes(needed),
            megabytes(limit)
        );
        Err(self.too_wide(reason, |unet| bytes(unet) <= limit))
    }

    /// An error that advises the largest width that fits.
    fn too_wide(self, reason: String, fits: impl Fn(&UNet) -> bool) -> Error {
        let advice = match narrower(self.unet.config(), fits) {
            Some(width) => format!("Lower the widths in block_out_channels to {width} or less."),
            None => "Lower the widths in block_out_channels.".into(),
        };
        Error::TooLarge { reason, advice }
    }

    /// That no tensor of `copies` numbers for each of a layer's weights is too large.
    fn check_layers(self, copies: u64) -> Result<()> {
        let Some(limit) = self.capacity.tensor else {
            return Ok(());
        };
        let bytes = |unet: &UNet| layer_bytes(&unet.footprint(self.shape), copies);
        let needed = bytes(self.unet);
        if needed <= limit {
            return Ok(());
        }
        let (needed_mb, limit_mb) = (megabytes(needed), megabytes(limit));
        let reason = if copies == 1 {
            format!(
                "the largest layer of the network takes {needed_mb}, and the device \
                 {limit_mb} in one piece."
            )
        } else {
            format!(
                "the largest layer of the network and what Adam keeps of it take {needed_mb}, and \
                 the device {limit_mb} in one piece."
            )
        };
        Err(self.too_wide(reason, |unet| bytes(unet) <= limit))
    }

    /// That a pass over `count` images has no tensor that is too large. `setting` is what says how
    /// many they are.
    ///
    /// # Errors
    /// [`Error::TooLarge`] with the setting to lower.
    pub(crate) fn check_images(self, count: usize, setting: &str) -> Result<()> {
        let Some(limit) = self.capacity.tensor else {
            return Ok(());
        };
        let of_image = |shape| self.bytes(self.unet.footprint(shape).largest_of_image);
        self.check(count, setting, limit, of_image, |bytes| {
            format!(
                "{} make tensors of {}, and the device takes {} in one piece.",
                self.images(count),
                megabytes(bytes),
                megabytes(limit)
            )
        })
    }

    /// That everything that training on `count` images at once takes is there.
    ///
    /// # Errors
    /// [`Error::TooLarge`] with the setting to lower.
    pub(crate) fn check_total(self, count: usize) -> Result<()> {
        let Some(total) = self.capacity.total else {
            return Ok(());
        };
        let parameters = self.parameter_bytes();
        let limit = total.saturating_sub(parameters);
        let of_image = |shape| self.bytes(self.unet.footprint(shape).image);
        self.check(count, "batch_size", limit, of_image, |bytes| {
            format!(
                "training on {} takes about {}, and there is room for {}.",
                self.images(count),
                megabytes(bytes + parameters),
                megabytes(total)
            )
        })
    }

    /// All that training on `count` images at once takes.
    fn training_bytes(self, count: usize) -> u64 {
        let image = self.bytes(self.unet.footprint(self.shape).image);
        self.parameter_bytes() + count as u64 * image
    }

    /// The state of all parameters, and [`WORK`].
    fn parameter_bytes(self) -> u64 {
        let bytes = F32 * self.unet.footprint(self.shape).parameters;
        STATE * bytes + WORK * bytes / 100
    }

    /// That `count` times `of_image` of the shape is at most `limit`.
    fn check(
        self,
        count: usize,
        setting: &str,
        limit: u64,
        of_image: impl Fn([usize; 2]) -> u64,
        reason: impl Fn(u64) -> String,
    ) -> Result<()> {
        let most = |shape| limit / of_image(shape).max(1);
        if count as u64 <= most(self.shape) {
            return Ok(());
        }
        let advice = match most(self.shape) {
            0 => match self.smaller().find(|shape| most(*shape) > 0) {
                Some(shape) => {
                    let fewer = Some(most(shape)).filter(|most| *most < count as u64);
                    self.lower(shape, fewer.map(|most| (setting, most)))
                }
                None => "Lower the widths in block_out_channels.".into(),
            },
            most => format!("Lower {setting} to {most}."),
        };
        Err(Error::TooLarge {
            reason: reason(count as u64 * of_image(self.shape)),
            advice,
        })
    }

    /// The shapes that one may ask for instead, from the largest on.
    fn smaller(self) -> impl Iterator<Item = [usize; 2]> {
        let step = self.unet.config().size_multiple();
        let next = move |[height, width]: &[usize; 2]| {
            let [lower, narrower] = match self.sides {
                Sides::Size => [true, true],
                Sides::HeightAndWidth => [height >= width, height < width],
            };
            let less = |side: usize, is_less| side.checked_sub(if is_less { step } else { 0 });
            let shape = [less(*height, lower)?, less(*width, narrower)?];
            (shape[0].min(shape[1]) >= 4).then_some(shape)
        };
        std::iter::successors(Some(self.shape), next).skip(1)
    }

    /// The advice to make images of `[height, width]`, and, if given, to lower the setting that says how
    /// many they are.
    fn lower(self, [height, width]: [usize; 2], count: Option<(&str, u64)>) -> String {
        match (self.sides, count) {
            (Sides::Size, None) => format!("Lower size to {width}."),
            (Sides::Size, Some((setting, most))) => {
                format!("Lower size to {width} and {setting} to {most}.")
            }
            (Sides::HeightAndWidth, None) => {
                format!("Lower height to {height} and width to {width}.")
            }
            (Sides::HeightAndWidth, Some((setting, most))) => {
                format!("Lower height to {height}, width to {width} and {setting} to {most}.")
            }
        }
    }

    fn bytes(self, numbers: u64) -> u64 {
        numbers
            * match self.mixed_precision {
                MixedPrecision::No => F32,
                MixedPrecision::Fp16 => F32 / 2,
            }
    }

    fn images(self, count: usize) -> String {
        let [height, width] = self.shape;
        if count == 1 {
            format!("one image of {width} × {height} pixels")
        } else {
            format!("{count} images of {width} × {height} pixels")
        }
    }
}

/// Bytes of the largest layer, with what a backend may put before it and up to the end of a block.
fn layer_bytes(footprint: &Footprint, copies: u64) -> u64 {
    copies * F32 * footprint.largest_parameter.next_multiple_of(64) + 256
}

/// The largest width with which a network like this fits.
fn narrower(config: &UNetConfig, fits: impl Fn(&UNet) -> bool) -> Option<usize> {
    let widest = *config.block_out_channels.iter().max()?;
    // Widths are even.
    let step = config.norm_num_groups.max(1) * (1 + config.norm_num_groups % 2);
    let mut widths = (1..).map_while(|steps| widest.checked_sub(steps * step));
    widths.find(|width| {
        let mut config = config.clone();
        for channels in &mut config.block_out_channels {
            *channels = (*channels).min(*width);
        }
        UNet::new(config).is_ok_and(|unet| fits(&unet))
    })
}

/// For people: in millions of bytes.
fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What WebGPU guarantees.
    const GUARANTEED: Capacity = Capacity {
        tensor: Some(128 << 20),
        total: None,
    };

    fn config(size: usize, widths: &[usize], batch_size: usize) -> Config {
        let mut config = Config::for_size(size);
        config.unet = UNetConfig::with_widths(widths.to_vec());
        config.training.batch_size = batch_size;
        config
    }

    fn check(config: &Config, capacity: Capacity) -> Result<()> {
        config.validate()?;
        let room = Room {
            unet: &UNet::new(config.unet.clone())?,
            shape: [config.size; 2],
            sides: Sides::Size,
            mixed_precision: MixedPrecision::No,
            capacity,
        };
        room.check_tensors(config.training.batch_size)?;
        room.check_total(config.training.batch_size)
    }

    /// `config` as the error says that it should be.
    fn advised(mut config: Config, error: &Error) -> Config {
        let Error::TooLarge { advice, .. } = error else {
            panic!("{error}")
        };
        let words: Vec<&str> = advice.trim_end_matches('.').split(' ').collect();
        for part in words.windows(3).filter(|part| part[1] == "to") {
            let number: usize = part[2].parse().unwrap();
            match part[0] {
                "batch_size" => config.training.batch_size = number,
                "size" => config.size = number,
                "block_out_channels" => {
                    for width in &mut config.unet.block_out_channels {
                        *width = (*width).min(number);
                    }
                }
                other => panic!("{other}: {advice}"),
            }
        }
        config
    }

    #[test]
    fn what_is_advised_fits_and_no_more_does() {
        let total = Capacity {
            tensor: None,
            total: Some(7 << 29),
        };
        let capacities = [
            GUARANTEED,
            total,
            Capacity {
                tensor: Some(1 << 20),
                ..GUARANTEED
            },
        ];
        for capacity in capacities {
            for size in [32, 64, 128, 256] {
                for widths in [&[32, 64, 64][..], &[128, 256, 256], &[256, 1024], &[8]] {
                    for batch_size in [1, 16, 256, 1024] {
                        let mut config = config(size, widths, batch_size);
                        // A second time, where a layer and the images are too large.
                        for _ in 0..2 {
                            if let Err(error) = check(&config, capacity) {
                                config = advised(config, &error);
                            }
                        }
                        check(&config, capacity).unwrap();
                        if config.training.batch_size < batch_size {
                            config.training.batch_size += 1;
                            check(&config, capacity).unwrap_err();
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_sentence_says_what_there_is_too_much_of() {
        let error = check(&config(128, &[32, 64, 64], 256), GUARANTEED).unwrap_err();
        assert_eq!(error.code(), "too-large");
        assert_eq!(
            error.to_string(),
            "This is too large for the device: 256 images of 128 × 128 pixels make tensors of 1611 \
             MB, and the device takes 135 MB in one piece. Lower batch_size to 21."
        );
    }

    #[test]
    fn a_shape_that_was_asked_for_is_advised_as_one() {
        let unet = UNet::new(UNetConfig::with_widths(vec![32, 64])).unwrap();
        let room = |shape| {
            let room = Room {
                unet: &unet,
                shape: [32; 2],
                sides: Sides::Size,
                mixed_precision: MixedPrecision::No,
                capacity: Capacity {
                    tensor: Some(8 << 20),
                    total: None,
                },
            };
            room.of_shape(shape)
        };
        let advice = |shape, count| {
            let error = room(shape).check_images(count, "count").unwrap_err();
            let Error::TooLarge { advice, .. } = error else {
                panic!("{error}")
            };
            advice
        };
        assert_eq!(advice([64, 256], 99), "Lower count to 1.");
        let lower = advice([256, 128], 1);
        assert_eq!(lower, "Lower height to 170 and width to 128.");
        room([170, 128]).check_images(1, "count").unwrap();
        assert!(room([172, 128]).check_images(1, "count").is_err());
    }

    /// Just below a limit is accepted, just above it refused, with what to do: of a binding, of a layer,
    /// and of everything.
    #[test]
    fn limits_are_exact() {
        let fits = |size, widths: &[usize], batch_size, capacity| {
            check(&config(size, widths, batch_size), capacity).map_err(|error| error.to_string())
        };
        let advice = |result: std::result::Result<(), String>| {
            let sentence = result.unwrap_err();
            sentence.split(". ").last().unwrap().to_owned()
        };
        // 96 channels of 128 × 128 pixels: 21 of them are 132.1 MB of 134.2, 22 are 138.4.
        let widths = [32, 64, 64];
        fits(128, &widths, 21, GUARANTEED).unwrap();
        let refused = fits(128, &widths, 22, GUARANTEED);
        assert_eq!(advice(refused), "Lower batch_size to 21.");
        // To the byte.
        let unet = UNet::new(UNetConfig::with_widths(widths.to_vec())).unwrap();
        let one = F32 * unet.footprint([128; 2]).largest_of_image;
        let exactly = |tensor| Capacity {
            tensor: Some(tensor),
            total: None,
        };
        fits(128, &widths, 3, exactly(3 * one)).unwrap();
        let refused = fits(128, &widths, 3, exactly(3 * one - 1));
        assert_eq!(advice(refused), "Lower batch_size to 2.");
        let layer = layer_bytes(&unet.footprint([4; 2]), STATE);
        fits(4, &widths, 1, exactly(layer)).unwrap();
        let refused = fits(4, &widths, 1, exactly(layer - 1));
        assert!(advice(refused).starts_with("Lower the widths in block_out_channels to "));
        let memory = config(32, &widths, 16).memory().unwrap();
        let all = |total| Capacity {
            tensor: None,
            total: Some(total),
        };
        fits(32, &widths, 16, all(memory)).unwrap();
        let refused = fits(32, &widths, 16, all(memory - 1));
        assert_eq!(advice(refused), "Lower batch_size to 15.");
    }

    /// A 32-bit count of them would have come round to 0.
    #[test]
    fn absurd_networks_are_refused() {
        let host = Capacity {
            tensor: Some(i32::MAX as u64),
            total: Some(7 << 29),
        };
        let mut attention = config(256, &[8], 1);
        attention.unet.add_attention = true;
        let mut deep = config(32, &[1024; 6], 1);
        deep.unet.layers_per_block = 8;
        for config in [attention, deep] {
            let error = check(&config, host).unwrap_err();
            assert_eq!(error.code(), "too-large", "{error}");
        }
    }

    #[test]
    fn the_default_fits_everywhere() {
        for size in [32, 64, 128] {
            check(&Config::for_size(size), GUARANTEED).unwrap();
        }
    }
}
