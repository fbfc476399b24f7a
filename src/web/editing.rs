//! An edit, as JavaScript asks for it.

use serde::Deserialize;

use crate::{
    error::{Error, Result},
    sampler::{Edit, Resampling},
    train::Dataset,
};

/// What of `Engine.sample`'s JSON is about an image to be changed.
#[derive(Deserialize)]
pub(super) struct EditRequest {
    strength: Option<f64>,
    #[serde(flatten)]
    resampling: Resampling,
}

impl EditRequest {
    /// The edit of `init`, the bytes of an image of `size` × `size`, `channels` a pixel: filled in
    /// where `mask`, a byte a pixel, is not 0, or redrawn where there is no mask. None without an
    /// image.
    pub fn edit(
        &self,
        init: Option<&[u8]>,
        mask: Option<&[u8]>,
        [size, channels]: [usize; 2],
    ) -> Result<Option<Edit>> {
        let Some(init) = init else {
            return match (mask, self.strength) {
                (None, None) => Ok(None),
                _ => Err(Error::Config(
                    "mask and strength are about an image; give it as init.".into(),
                )),
            };
        };
        let image = Dataset::from_bytes(init, 1, size, channels)?
            .image(0)
            .to_vec();
        Ok(Some(match (mask, self.strength) {
            (Some(mask), None) => Edit::Inpaint {
                image,
                fill: mask.iter().map(|byte| *byte != 0).collect(),
                resampling: self.resampling,
            },
            (None, Some(strength)) => Edit::Img2Img { image, strength },
            _ => {
                return Err(Error::Config(
                    "an image is either redrawn with a strength or filled in with a mask; give \
                     one of them."
                        .into(),
                ));
            }
        }))
    }
}
