//! Whether a device has room for a network and its batches: by their shapes and what the device
//! says of itself, before anything is made.

use super::MixedPrecision;
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

/// What a network takes on a device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room<'a> {
    unet: &'a UNet,
    /// Side of the images.
    size: usize,
    /// What feature maps are stored as.
    mixed_precision: MixedPrecision,
    capacity: Capacity,
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
            size,
            mixed_precision,
            capacity: B::capacity(device),
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
        let bytes = |unet: &UNet| copies * F32 * unet.footprint(self.size).parameters;
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
        let bytes = |unet: &UNet| layer_bytes(&unet.footprint(self.size), copies);
        let needed = bytes(self.unet);
        if needed <= limit {
            return Ok(());
        }
        let with_adam = if copies == 1 {
            ""
        } else {
            " with what Adam keeps of it"
        };
        let reason = format!(
            "the largest layer of the network takes {}{with_adam}, and the device {} in one piece.",
            megabytes(needed),
            megabytes(limit)
        );
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
        let of_image = |size| self.bytes(self.unet.footprint(size).largest_of_image);
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
        let of_image = |size| self.bytes(self.unet.footprint(size).image);
        self.check(count, "batch_size", limit, of_image, |bytes| {
            format!(
                "training on {} takes about {}, and there is room for {}.",
                self.images(count),
                megabytes(bytes + parameters),
                megabytes(total)
            )
        })
    }

    /// The state of all parameters and their gradients.
    fn parameter_bytes(self) -> u64 {
        (STATE + 1) * F32 * self.unet.footprint(self.size).parameters
    }

    /// That `count` times `of_image` of the size is at most `limit`.
    fn check(
        self,
        count: usize,
        setting: &str,
        limit: u64,
        of_image: impl Fn(usize) -> u64,
        reason: impl Fn(u64) -> String,
    ) -> Result<()> {
        let most = |size| limit / of_image(size).max(1);
        if count as u64 <= most(self.size) {
            return Ok(());
        }
        let advice = match most(self.size) {
            0 => {
                let step = self.unet.config().size_multiple();
                let mut smaller = (1..).map_while(|steps| self.size.checked_sub(steps * step));
                match smaller.find(|size| *size < 4 || most(*size) > 0) {
                    Some(size) if size >= 4 && most(size) < count as u64 => {
                        format!("Lower size to {size} and {setting} to {}.", most(size))
                    }
                    Some(size) if size >= 4 => format!("Lower size to {size}."),
                    _ => "Lower the widths in block_out_channels.".into(),
                }
            }
            most => format!("Lower {setting} to {most}."),
        };
        Err(Error::TooLarge {
            reason: reason(count as u64 * of_image(self.size)),
            advice,
        })
    }

    fn bytes(self, numbers: u64) -> u64 {
        numbers
            * match self.mixed_precision {
                MixedPrecision::No => F32,
                MixedPrecision::Fp16 => F32 / 2,
            }
    }

    fn images(self, count: usize) -> String {
        let images = if count == 1 { "image" } else { "images" };
        format!("{count} {images} of {0} × {0} pixels", self.size)
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
    use crate::train::Config;

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
            size: config.size,
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
