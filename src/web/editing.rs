//! An edit, as JavaScript asks for it.

use serde::Deserialize;

use crate::{
    error::{Error, Result},
    sampler::{Edit, Resampling},
    train::LargePicture,
};

/// A picture to be extended: its shape, and the place of its upper left corner.
#[derive(Deserialize)]
struct Extension {
    height: usize,
    width: usize,
    top: usize,
    left: usize,
}

/// What of `Engine.sample`'s JSON is about an image to be changed.
#[derive(Deserialize)]
pub(super) struct EditRequest {
    strength: Option<f64>,
    extend: Option<Extension>,
    #[serde(flatten)]
    resampling: Resampling,
}

impl EditRequest {
    /// The edit of `init`, the bytes of an image of `[height, width]`, `channels` a pixel: filled in
    /// where `mask`, a byte a pixel, is not 0, or redrawn where there is no mask; or of another shape
    /// and extended to that. None without an image.
    pub fn edit(
        &self,
        init: Option<&[u8]>,
        mask: Option<&[u8]>,
        shape: [usize; 2],
        channels: usize,
    ) -> Result<Option<Edit>> {
        let Some(init) = init else {
            return match (mask, self.strength, &self.extend) {
                (None, None, None) => Ok(None),
                _ => Err(Error::Config(
                    "mask, strength and extend are about an image; give it as init.".into(),
                )),
            };
        };
        if let (Some(extension), None, None) = (&self.extend, mask, self.strength) {
            let own = [extension.height, extension.width];
            let picture = LargePicture::from_bytes(init, own, channels)?;
            let place = [extension.top, extension.left];
            let resampling = self.resampling;
            return Edit::extend(picture.pixels(), own, place, shape, resampling).map(Some);
        }
        let image = LargePicture::from_bytes(init, shape, channels)?
            .pixels()
            .to_vec();
        Ok(Some(match (mask, self.strength) {
            (Some(mask), None) if self.extend.is_none() => Edit::Inpaint {
                image,
                fill: mask.iter().map(|byte| *byte != 0).collect(),
                resampling: self.resampling,
            },
            (None, Some(strength)) if self.extend.is_none() => Edit::Img2Img { image, strength },
            _ => {
                return Err(Error::Config(
                    "an image is either redrawn with a strength, filled in with a mask, or extended; \
                     give one of them."
                        .into(),
                ));
            }
        }))
    }
}
