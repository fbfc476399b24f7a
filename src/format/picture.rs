//! Pictures on disk: training images in, grids and animations out.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Seek},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use image::{
    Delay, DynamicImage, Frame, GrayImage, ImageBuffer, ImageDecoder, ImageFormat, ImageReader,
    Limits, Luma, Rgb, RgbImage, Rgba, RgbaImage,
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
/// Red, green and blue of a pixel that counts as grey differ by at most this: nobody sees it, and
/// decoders round.
const GREY_TOLERANCE: u8 = 2;
/// Alpha from which on a pixel of a GIF is there: it has no half.
const OPAQUE: u8 = 128;

/// Training images, all of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// Rows of pixels, one image after the other.
    pub bytes: Vec<u8>,
    /// Bytes of a pixel: 1 of grey images, 3 of RGB, 4 of RGB and alpha.
    pub channels: usize,
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

/// Reads image files and folders of them, as squares of `size` pixels: turned upright and cropped
/// to the middle.
///
/// With `channels` 1 they become grey, with 3 RGB, both on white where they are transparent; with 4
/// they keep their alpha. `None` finds what they need: 4 where any is transparent anywhere, or else
/// 1 where all are grey, or else 3.
///
/// Folders are searched to any depth; hidden files, and files whose names are not those of images,
/// are left out. The images come sorted by path, each once, so that training does not depend on the
/// order they are named in.
///
/// # Errors
/// [`Error::Io`], [`Error::NotAnImage`] or [`Error::File`] for the first file that cannot be used:
/// a missing one, a broken one, or one too large. [`Error::NoImagesIn`] for a folder without
/// images, [`Error::NoImages`] for no `paths`.
pub fn read_images(paths: &[PathBuf], size: usize, channels: Option<usize>) -> Result<Images> {
    let (files, skipped) = image_files(paths)?;
    let squares = files.par_iter().map(|path| {
        let image = open(path)?;
        Ok(square(image, size as u32))
    });
    let squares = squares.collect::<Result<Vec<Fitted>>>()?;
    let channels = channels.unwrap_or_else(|| channels_of(&squares));
    let mut bytes = Vec::with_capacity(files.len() * size * size * channels);
    for square in squares {
        square.append_to(&mut bytes, channels);
    }
    Ok(Images {
        bytes,
        channels,
        paths: files,
        skipped,
    })
}

/// The image files among `paths` and in the folders among them, sorted, each once; and how many
/// other files the folders have.
pub(super) fn image_files(paths: &[PathBuf]) -> Result<(Vec<PathBuf>, usize)> {
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
    Ok((files, skipped))
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

/// The fewest channels that show all there is in the images.
pub(super) fn channels_of(images: &[Fitted]) -> usize {
    if images.iter().any(|image| image.transparent.is_some()) {
        4
    } else if images.iter().all(Fitted::is_grey) {
        1
    } else {
        3
    }
}

/// An image as training takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fitted {
    /// On white where it is transparent.
    pub opaque: RgbImage,
    /// With its alpha, where that is not 255 everywhere; colours are not multiplied by it.
    pub transparent: Option<RgbaImage>,
}

impl Fitted {
    fn is_grey(&self) -> bool {
        self.opaque.pixels().all(|Rgb(rgb)| {
            let (least, most) = (rgb.iter().min(), rgb.iter().max());
            least
                .zip(most)
                .is_some_and(|(least, most)| most - least <= GREY_TOLERANCE)
        })
    }

    /// Its rows of pixels, of so many channels: 1 or 4, otherwise RGB.
    pub(super) fn append_to(&self, bytes: &mut Vec<u8>, channels: usize) {
        match (channels, &self.transparent) {
            (1, _) => bytes.extend_from_slice(&imageops::grayscale(&self.opaque)),
            (4, Some(transparent)) => bytes.extend_from_slice(transparent),
            (4, None) => {
                let pixels = self.opaque.pixels();
                bytes.extend(pixels.flat_map(|Rgb([r, g, b])| [*r, *g, *b, u8::MAX]));
            }
            _ => bytes.extend_from_slice(&self.opaque),
        }
    }
}

/// Decodes an image file; see [`decode`].
pub(super) fn open(path: &Path) -> Result<DynamicImage> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    if metadata.len() == 0 {
        return Err(refuse(path, "the file is empty."));
    }
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    decode_whole(BufReader::new(file), path)
}

/// Decodes an image, once its header has shown it to be of a sensible size, as a square of `size`
/// pixels; see [`read_images`]. `path` is what errors call it, and tells the formats apart that
/// begin with nothing of their own.
///
/// # Errors
/// [`Error::Io`], [`Error::NotAnImage`] or [`Error::File`].
pub fn decode(file: impl BufRead + Seek, path: &Path, size: usize) -> Result<Fitted> {
    Ok(square(decode_whole(file, path)?, size as u32))
}

fn decode_whole(file: impl BufRead + Seek, path: &Path) -> Result<DynamicImage> {
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
    Ok(image)
}

/// The middle of the image as a square of `size` pixels.
fn square(image: DynamicImage, size: u32) -> Fitted {
    let side = image.width().min(image.height());
    let (x, y) = ((image.width() - side) / 2, (image.height() - side) / 2);
    let cropped = image.crop_imm(x, y, side, side);
    resized(cropped, size, size)
}

/// The image at `width` × `height` pixels.
pub(super) fn resized(image: DynamicImage, width: u32, height: u32) -> Fitted {
    let is_resized = (image.width(), image.height()) != (width, height);
    let (opaque, transparent) = if image.color().has_alpha() {
        let rgba = image.into_rgba8();
        let opaque = on_white(&rgba);
        let transparent = rgba.pixels().any(|pixel| pixel.0[3] < u8::MAX);
        (opaque, transparent.then_some(rgba))
    } else {
        (image.into_rgb8(), None)
    };
    if !is_resized {
        return Fitted {
            opaque,
            transparent,
        };
    }
    // Little ringing, unlike Lanczos, which shows in pictures of a few dozen pixels.
    let filter = FilterType::CatmullRom;
    Fitted {
        opaque: imageops::resize(&opaque, width, height, filter),
        transparent: transparent.map(|rgba| {
            straight(&imageops::resize(
                &premultiplied(&rgba),
                width,
                height,
                filter,
            ))
        }),
    }
}

/// Before resizing, so that the colours of invisible pixels do not bleed into visible ones.
fn on_white(image: &RgbaImage) -> RgbImage {
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [r, g, b, alpha] = image.get_pixel(x, y).0.map(u32::from);
        let over_white = |value: u32| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        Rgb([r, g, b].map(over_white))
    })
}

/// Colours times alpha, in 16 bits, so that [`straight`] loses nothing that shows.
fn premultiplied(image: &RgbaImage) -> ImageBuffer<Rgba<u16>, Vec<u16>> {
    ImageBuffer::from_fn(image.width(), image.height(), |x, y| {
        let [r, g, b, alpha] = image.get_pixel(x, y).0.map(u32::from);
        // 255 · 257 is the largest number of 16 bits.
        let times_alpha = |value: u32| ((value * alpha * 257 + 127) / 255) as u16;
        let [r, g, b] = [r, g, b].map(times_alpha);
        Rgba([r, g, b, (alpha * 257) as u16])
    })
}

/// The inverse of [`premultiplied`].
fn straight(image: &ImageBuffer<Rgba<u16>, Vec<u16>>) -> RgbaImage {
    RgbaImage::from_fn(image.width(), image.height(), |x, y| {
        let [r, g, b, alpha] = image.get_pixel(x, y).0.map(u32::from);
        // A filter that rings leaves colours above their alpha.
        let by_alpha = |value: u32| ((value * 255 + alpha / 2) / alpha.max(1)).min(255) as u8;
        let [r, g, b] = [r, g, b].map(by_alpha);
        Rgba([r, g, b, ((alpha + 128) / 257) as u8])
    })
}

/// How `count` images of `height` × `width` pixels with 1, 3 or 4 `channels` are laid out: row by row,
/// as square as possible, each pixel enlarged to `scale` × `scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    count: usize,
    height: usize,
    width: usize,
    channels: usize,
    scale: usize,
}

impl Grid {
    /// Of images of `[height, width]`.
    ///
    /// # Errors
    /// [`Error::Encode`] when the picture would be larger than 16,384 pixels a side.
    pub fn new(
        count: usize,
        [height, width]: [usize; 2],
        channels: usize,
        scale: usize,
    ) -> Result<Self> {
        let grid = Self {
            count,
            height,
            width,
            channels,
            scale,
        };
        let side = grid.columns() * width.max(height) * scale;
        if side > MAX_WRITTEN_SIDE {
            return Err(Error::Encode(
                format!(
                    "a grid of {count} at scale {scale} would be {side} pixels a side, but \
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

    /// The grid of `bytes`, the images' rows of pixels, one image after the other: grey, RGB or
    /// with alpha, as they are. Cells without an image are white, or transparent where there is an
    /// alpha.
    pub fn draw(&self, bytes: &[u8]) -> DynamicImage {
        let columns = self.columns();
        let rows = self.count.div_ceil(columns);
        let [across, down] = [self.width * self.scale, self.height * self.scale];
        let [width, height] = [columns * across, rows * down].map(|side| side as u32);
        let pixel = |x: u32, y: u32| {
            let (x, y) = (x as usize, y as usize);
            let image = y / down * columns + x / across;
            let (column, row) = (x % across / self.scale, y % down / self.scale);
            let start = ((image * self.height + row) * self.width + column) * self.channels;
            bytes.get(start..start + self.channels)
        };
        match self.channels {
            1 => GrayImage::from_fn(width, height, |x, y| match pixel(x, y) {
                Some(pixel) => Luma([pixel[0]]),
                None => Luma([255]),
            })
            .into(),
            4 => RgbaImage::from_fn(width, height, |x, y| match pixel(x, y) {
                Some(pixel) => Rgba([pixel[0], pixel[1], pixel[2], pixel[3]]),
                None => Rgba([0; 4]),
            })
            .into(),
            _ => RgbImage::from_fn(width, height, |x, y| match pixel(x, y) {
                Some(pixel) => Rgb([pixel[0], pixel[1], pixel[2]]),
                None => Rgb([255; 3]),
            })
            .into(),
        }
    }

    /// The grid as a PNG file.
    ///
    /// # Errors
    /// [`Error::Encode`] when it cannot be encoded.
    pub fn png(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut file = std::io::Cursor::new(Vec::new());
        self.draw(bytes)
            .write_to(&mut file, ImageFormat::Png)
            .map_err(|error| Error::Encode(error.into()))?;
        Ok(file.into_inner())
    }

    /// An animation of `total` frames as a GIF file: plays for ever and rests on the last frame.
    /// Pixels of an alpha below a half are left out, and others are opaque. Frames are what [`Grid::draw`] takes, and are only asked for one at a time.
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
        for (index, bytes) in frames.enumerate() {
            let mut picture = self.draw(&bytes?).into_rgba8();
            for pixel in picture.pixels_mut() {
                if pixel.0[3] < OPAQUE {
                    *pixel = Rgba([0; 4]);
                }
            }
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
        let square = square(rgba.clone().into(), 4);
        assert_eq!(square.opaque.get_pixel(3, 3).0, [255, 255, 255]);
        assert_eq!(square.opaque.get_pixel(0, 0).0, [227, 177, 127]);
        assert_eq!(square.transparent, Some(rgba));
    }

    /// A red disc on transparent green: at no size has a pixel any green.
    #[test]
    fn invisible_colours_do_not_show_once_resized() {
        let rgba = RgbaImage::from_fn(40, 40, |x, y| {
            let inside = x.abs_diff(20).pow(2) + y.abs_diff(20).pow(2) < 200;
            Rgba(if inside {
                [255, 0, 0, 255]
            } else {
                [0, 255, 0, 0]
            })
        });
        for size in [7, 16, 64] {
            let square = square(rgba.clone().into(), size).transparent.unwrap();
            let alphas: Vec<u8> = square.pixels().map(|pixel| pixel.0[3]).collect();
            assert!(alphas.contains(&0) && alphas.contains(&255));
            assert!(alphas.iter().any(|alpha| (1..255).contains(alpha)));
            for Rgba([red, green, blue, alpha]) in square.pixels() {
                assert_eq!([*green, *blue], [0, 0]);
                assert!(*alpha == 0 || *red > 250, "{red} at {alpha}");
            }
        }
    }

    #[test]
    fn images_have_the_fewest_channels_that_show_all() {
        let of = |pixel: [u8; 4]| square(RgbaImage::from_pixel(3, 3, Rgba(pixel)).into(), 2);
        let (grey, near_grey) = (of([9, 9, 9, 255]), of([9, 11, 10, 255]));
        let (coloured, faint) = (of([9, 12, 10, 255]), of([9, 9, 9, 254]));
        assert_eq!(channels_of(&[grey.clone(), near_grey.clone()]), 1);
        assert_eq!(channels_of(&[grey.clone(), coloured.clone()]), 3);
        assert_eq!(channels_of(&[grey.clone(), coloured, faint.clone()]), 4);
        let bytes = |square: &Fitted, channels| {
            let mut bytes = Vec::new();
            square.append_to(&mut bytes, channels);
            assert_eq!(bytes.len(), 4 * channels);
            bytes[..channels].to_vec()
        };
        assert_eq!(bytes(&grey, 1), [9]);
        assert_eq!(bytes(&near_grey, 3), [9, 11, 10]);
        assert_eq!(bytes(&near_grey, 4), [9, 11, 10, 255]);
        assert_eq!(bytes(&faint, 4), [9, 9, 9, 254]);
        assert_eq!(bytes(&faint, 1), [10]);
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
            assert_eq!(square.transparent, None);
            assert!(square.opaque.pixels().all(|pixel| pixel.0 == [0, 255, 0]));
        }
    }

    #[test]
    fn grids_are_as_square_as_possible() {
        for (count, width, height) in [(1, 2, 2), (2, 4, 2), (4, 4, 4), (5, 6, 4), (10, 8, 6)] {
            for channels in [1, 3, 4] {
                let grid = Grid::new(count, [1, 1], channels, 2).unwrap();
                let bytes: Vec<u8> = (0..count * channels).map(|i| i as u8).collect();
                let picture = grid.draw(&bytes);
                assert_eq!((picture.width(), picture.height()), (width, height));
                assert_eq!(picture.color().channel_count() as usize, channels);
                let last = count as u32 - 1;
                let (x, y) = (last % (width / 2) * 2 + 1, last / (width / 2) * 2 + 1);
                let first = picture.as_bytes()[((y * width + x) as usize) * channels];
                assert_eq!(first, ((count - 1) * channels) as u8);
            }
        }
        assert!(Grid::new(1024, [256, 256], 3, 4).is_err());
    }

    #[test]
    fn images_of_a_grid_may_be_wide() {
        let grid = Grid::new(2, [1, 3], 1, 1).unwrap();
        let picture = grid.draw(&[1, 2, 3, 4, 5, 6]);
        assert_eq!((picture.width(), picture.height()), (6, 1));
        assert_eq!(picture.as_bytes(), [1, 2, 3, 4, 5, 6]);
    }
}
