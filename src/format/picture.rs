//! Pictures on disk: training images in, grids and animations out.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Seek},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use image::{
    Delay, DynamicImage, Frame, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage,
    codecs::gif::{GifEncoder, Repeat},
    imageops::{self, FilterType},
};
use rayon::prelude::*;

use crate::error::{Error, Result};

/// Longest side of an image that is decoded.
const MAX_SIDE: u32 = 16_384;
/// Most pixels of an image that is decoded: 256 MB as RGBA.
const MAX_PIXELS: u64 = 64_000_000;
/// Most bytes that pixels are decoded into.
const MAX_BYTES: u64 = 512 << 20;
/// Images that take more are decoded one at a time, whatever the number of threads.
const LARGE_BYTES: u64 = 64 << 20;
/// Longest side of a picture that is written; a GIF cannot have more than 65,535.
const MAX_WRITTEN_SIDE: usize = 16_384;

/// Training images, all of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// Rows of pixels, one image after the other.
    pub rgb: Vec<u8>,
    /// Where each image came from.
    pub paths: Vec<PathBuf>,
    /// Files in folders that are not images and were left out.
    pub skipped: usize,
}

impl Images {
    /// Number of images.
    pub fn count(&self) -> usize {
        self.paths.len()
    }
}

/// Reads image files and folders of them, as squares of `size` pixels: turned upright, transparency
/// on white, cropped to the middle.
///
/// Folders are searched to any depth; hidden files, and files whose names are not those of images,
/// are left out. The images come sorted by path, each once, so that training does not depend on the
/// order they are named in.
///
/// # Errors
/// [`Error::Io`], [`Error::NotAnImage`] or [`Error::File`] for the first file that cannot be used:
/// a missing one, a broken one, or one too large. [`Error::NoImagesIn`] for a folder without
/// images, [`Error::NoImages`] for no `paths`.
pub fn read_images(paths: &[PathBuf], size: usize) -> Result<Images> {
    let mut files = Vec::new();
    let mut skipped = 0;
    for path in paths {
        let metadata = fs::metadata(path).map_err(|error| unreadable(path, error))?;
        if metadata.is_dir() {
            let before = files.len();
            search(path, &mut files, &mut skipped)?;
            if files.len() == before {
                return Err(Error::NoImagesIn {
                    folder: path.display().to_string(),
                });
            }
        } else {
            files.push(path.clone());
        }
    }
    files.sort();
    files.dedup();
    if files.is_empty() {
        return Err(Error::NoImages);
    }
    let images: Vec<Result<RgbImage>> = files.par_iter().map(|path| open(path, size)).collect();
    let mut rgb = Vec::with_capacity(files.len() * size * size * 3);
    for image in images {
        rgb.extend_from_slice(&image?);
    }
    Ok(Images {
        rgb,
        paths: files,
        skipped,
    })
}

/// Collects the image files under `folder`.
fn search(folder: &Path, files: &mut Vec<PathBuf>, skipped: &mut usize) -> Result<()> {
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(folder, error))?;
        let path = entry.path();
        let kind = entry
            .file_type()
            .map_err(|error| unreadable(&path, error))?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if kind.is_dir() {
            search(&path, files, skipped)?;
        } else if kind.is_symlink() && path.is_dir() {
            // Not followed: a link to a parent folder would never end.
            *skipped += 1;
        } else if ImageFormat::from_path(&path).is_ok() {
            files.push(path);
        } else {
            *skipped += 1;
        }
    }
    Ok(())
}

fn open(path: &Path, size: usize) -> Result<RgbImage> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    if metadata.len() == 0 {
        return Err(refuse(path, "the file is empty."));
    }
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    decode(BufReader::new(file), path, size)
}

/// Decodes an image, once its header has shown it to be of a sensible size, as a square of `size`
/// pixels; see [`read_images`]. `path` is what errors call it, and tells the formats apart that
/// begin with nothing of their own.
///
/// # Errors
/// [`Error::Io`], [`Error::NotAnImage`] or [`Error::File`].
pub fn decode(file: impl BufRead + Seek, path: &Path, size: usize) -> Result<RgbImage> {
    static LARGE: Mutex<()> = Mutex::new(());
    let not_an_image = |error: image::ImageError| Error::NotAnImage {
        path: path.display().to_string(),
        source: error.into(),
    };
    let mut reader = ImageReader::new(file);
    if let Ok(format) = ImageFormat::from_path(path) {
        reader.set_format(format);
    }
    let mut reader = (reader.with_guessed_format()).map_err(|error| unreadable(path, error))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let mut decoder = match reader.into_decoder() {
        Err(image::ImageError::Limits(_)) => return Err(too_large(path)),
        decoder => decoder.map_err(not_an_image)?,
    };
    let (width, height) = decoder.dimensions();
    let bytes = decoder.total_bytes();
    if width.max(height) > MAX_SIDE
        || width as u64 * height as u64 > MAX_PIXELS
        || bytes > MAX_BYTES
    {
        return Err(too_large(path));
    }
    if width == 0 || height == 0 {
        return Err(refuse(path, "the image has no pixels."));
    }
    let _one_at_a_time =
        (bytes > LARGE_BYTES).then(|| LARGE.lock().unwrap_or_else(PoisonError::into_inner));
    // A damaged note about the orientation is no reason to refuse the picture.
    let orientation = decoder.orientation();
    let mut image = DynamicImage::from_decoder(decoder).map_err(not_an_image)?;
    if let Ok(orientation) = orientation {
        image.apply_orientation(orientation);
    }
    Ok(square(image, size as u32))
}

/// The middle of the image as a square of `size` pixels.
fn square(image: DynamicImage, size: u32) -> RgbImage {
    let side = image.width().min(image.height());
    let (x, y) = ((image.width() - side) / 2, (image.height() - side) / 2);
    let cropped = image.crop_imm(x, y, side, side);
    let opaque = if cropped.color().has_alpha() {
        on_white(&cropped)
    } else {
        cropped.into_rgb8()
    };
    if side == size {
        return opaque;
    }
    // Little ringing, unlike Lanczos, which shows in pictures of a few dozen pixels.
    imageops::resize(&opaque, size, size, FilterType::CatmullRom)
}

/// Before resizing, so that the colours of invisible pixels do not bleed into visible ones.
fn on_white(image: &DynamicImage) -> RgbImage {
    let rgba = image.to_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [r, g, b, alpha] = rgba.get_pixel(x, y).0.map(u32::from);
        let over_white = |value: u32| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        Rgb([r, g, b].map(over_white))
    })
}

/// How `count` images are laid out: row by row, as square as possible, each pixel enlarged to
/// `scale` × `scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    count: usize,
    size: usize,
    scale: usize,
}

impl Grid {
    /// # Errors
    /// [`Error::Encode`] when the picture would be larger than 16,384 pixels a side.
    pub fn new(count: usize, size: usize, scale: usize) -> Result<Self> {
        let grid = Self { count, size, scale };
        let side = grid.columns() * size * scale;
        if side > MAX_WRITTEN_SIDE {
            return Err(Error::Encode(
                format!(
                    "a grid of {count} at scale {scale} would be {side} pixels wide, but \
                     {MAX_WRITTEN_SIDE} is the most"
                )
                .into(),
            ));
        }
        Ok(grid)
    }

    fn columns(&self) -> usize {
        let root = self.count.isqrt();
        root + usize::from(root * root < self.count)
    }

    /// The grid of `rgb`, the images' rows of pixels, one image after the other. Cells without an
    /// image are white.
    pub fn draw(&self, rgb: &[u8]) -> RgbImage {
        let columns = self.columns();
        let rows = self.count.div_ceil(columns);
        let cell = self.size * self.scale;
        let [width, height] = [columns, rows].map(|cells| (cells * cell) as u32);
        RgbImage::from_fn(width, height, |x, y| {
            let (x, y) = (x as usize, y as usize);
            let image = y / cell * columns + x / cell;
            let (column, row) = (x % cell / self.scale, y % cell / self.scale);
            let start = ((image * self.size + row) * self.size + column) * 3;
            match rgb.get(start..start + 3) {
                Some(pixel) => Rgb([pixel[0], pixel[1], pixel[2]]),
                None => Rgb([255; 3]),
            }
        })
    }

    /// The grid as a PNG file.
    ///
    /// # Errors
    /// [`Error::Encode`] when it cannot be encoded.
    pub fn png(&self, rgb: &[u8]) -> Result<Vec<u8>> {
        let mut file = std::io::Cursor::new(Vec::new());
        self.draw(rgb)
            .write_to(&mut file, ImageFormat::Png)
            .map_err(|error| Error::Encode(error.into()))?;
        Ok(file.into_inner())
    }

    /// An animation of `total` frames as a GIF file: plays for ever and rests on the last frame.
    /// Frames are what [`Grid::draw`] takes, and are only asked for one at a time.
    ///
    /// # Errors
    /// [`Error::Encode`] when it cannot be encoded, or the error of a frame.
    pub fn gif(
        &self,
        total: usize,
        frames: impl Iterator<Item = Result<Vec<u8>>>,
    ) -> Result<Vec<u8>> {
        const REST_MS: u32 = 2000;
        const PLAY_MS: u32 = 4000;
        /// 1 is best and 30 fastest; this is where differences start to show.
        const QUANTISER_SPEED: i32 = 10;
        let wrong = |error: image::ImageError| Error::Encode(error.into());
        // Browsers slow anything faster than 20 ms down to 100 ms.
        let delay = (PLAY_MS / total.max(1) as u32).clamp(20, 200);
        let mut file = Vec::new();
        let mut encoder = GifEncoder::new_with_speed(&mut file, QUANTISER_SPEED);
        encoder.set_repeat(Repeat::Infinite).map_err(wrong)?;
        for (index, rgb) in frames.enumerate() {
            let picture = DynamicImage::from(self.draw(&rgb?)).into_rgba8();
            let delay = if index + 1 == total { REST_MS } else { delay };
            let delay = Delay::from_numer_denom_ms(delay, 1);
            let frame = Frame::from_parts(picture, 0, 0, delay);
            encoder.encode_frame(frame).map_err(wrong)?;
        }
        // Writes the end of the file.
        drop(encoder);
        Ok(file)
    }
}

fn refuse(path: &Path, reason: &str) -> Error {
    Error::File {
        path: path.display().to_string(),
        reason: reason.into(),
    }
}

fn unreadable(path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        path: path.display().to_string(),
        source,
    }
}

fn too_large(path: &Path) -> Error {
    refuse(
        path,
        &format!(
            "the image is too large; at most {MAX_SIDE} pixels a side and {} million pixels are \
             read.",
            MAX_PIXELS / 1_000_000
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparency_becomes_white_before_resizing() {
        let mut rgba = image::RgbaImage::from_pixel(4, 4, image::Rgba([0, 0, 0, 0]));
        rgba.put_pixel(0, 0, image::Rgba([200, 100, 0, 128]));
        let square = square(rgba.into(), 4);
        assert_eq!(square.get_pixel(3, 3).0, [255, 255, 255]);
        assert_eq!(square.get_pixel(0, 0).0, [227, 177, 127]);
    }

    #[test]
    fn the_middle_is_what_is_kept() {
        // Red, green and blue squares side by side, either way up.
        let wide = RgbImage::from_fn(24, 8, |x, _| {
            Rgb([0, 1, 2].map(|c| if x / 8 == c { 255 } else { 0 }))
        });
        let tall = imageops::rotate90(&wide);
        for image in [wide, tall] {
            let square = square(image.into(), 4);
            assert!(square.pixels().all(|pixel| pixel.0 == [0, 255, 0]));
        }
    }

    #[test]
    fn grids_are_as_square_as_possible() {
        for (count, width, height) in [(1, 2, 2), (2, 4, 2), (4, 4, 4), (5, 6, 4), (10, 8, 6)] {
            let grid = Grid::new(count, 1, 2).unwrap();
            let rgb: Vec<u8> = (0..count * 3).map(|i| i as u8).collect();
            let picture = grid.draw(&rgb);
            assert_eq!(picture.dimensions(), (width, height));
            let last = count as u32 - 1;
            let (x, y) = (last % (width / 2) * 2 + 1, last / (width / 2) * 2 + 1);
            assert_eq!(picture.get_pixel(x, y).0[0], (count * 3 - 3) as u8);
        }
        assert!(Grid::new(1024, 256, 4).is_err());
    }
}
