//! What x_0 is drawn from: distributions in the plane, all within about [-1, 1]².

use std::f64::consts::{PI, TAU};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    random::{Random, Stream},
};

/// A point, (x, y).
pub type Point = [f32; 2];

/// Points that somebody may give at most: an estimate of x_0 looks at each.
pub const MAX_POINTS: usize = 4096;

/// A distribution in the plane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "distribution", rename_all = "lowercase")]
pub enum Distribution {
    /// Two half circles, each reaching into the other.
    Moons,
    /// A spiral of nearly one and a half turns, about uniform along its length.
    Spiral,
    /// The eight dark squares of a board of four by four.
    Checkerboard,
    /// Eight equal normal distributions on a circle, see [`gaussian_ring`].
    Gaussians,
    /// The ring between two circles, uniform over its area.
    Annulus,
    /// Given points, each as likely: drawn by hand, or the dark pixels of a picture.
    Points {
        /// 1 to [`MAX_POINTS`] of them.
        points: Vec<Point>,
    },
}

/// Width of the lines that moons and spiral are: the standard deviation of normal noise.
const LINE_WIDTH: f64 = 0.025;

/// A component of a mixture of normal distributions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gaussian {
    /// Its share of the mixture.
    pub weight: f64,
    /// Its mean.
    pub mean: [f64; 2],
    /// Its covariance, xx, xy and yy.
    pub covariance: [f64; 3],
}

/// The mixture of [`Distribution::Gaussians`].
pub fn gaussian_ring() -> Vec<Gaussian> {
    const COUNT: usize = 8;
    const RADIUS: f64 = 0.8;
    const DEVIATION: f64 = 0.08;
    (0..COUNT)
        .map(|i| {
            let (sin, cos) = libm::sincos(TAU * i as f64 / COUNT as f64);
            Gaussian {
                weight: 1.0 / COUNT as f64,
                mean: [RADIUS * cos, RADIUS * sin],
                covariance: [DEVIATION * DEVIATION, 0.0, DEVIATION * DEVIATION],
            }
        })
        .collect()
}

impl Distribution {
    /// Checks given points.
    ///
    /// # Errors
    /// [`Error::Config`] where there are none, too many, or one that is no number or far away.
    pub fn validate(&self) -> Result<()> {
        let Self::Points { points } = self else {
            return Ok(());
        };
        if points.is_empty() || points.len() > MAX_POINTS {
            return Err(Error::Config(format!(
                "there are {} points, but must be 1 to {MAX_POINTS}.",
                points.len()
            )));
        }
        // Not a number is not within it either.
        let inside = |x: &f32| (-4.0..=4.0).contains(x);
        if !points.iter().flatten().all(inside) {
            return Err(Error::Config(
                "points must have coordinates between -4 and 4.".into(),
            ));
        }
        Ok(())
    }

    /// `count` points of it, a function of the seed of `random` and of `step`. Given points come
    /// one after the other, again from the first where there are fewer.
    pub fn sample(&self, count: usize, random: &Random, step: u32) -> Vec<Point> {
        let uniform = |index: u64| random.uniform(Stream::PlanePoints, step, index);
        // Far from the uniform ones in the stream.
        let normals = random.normals(Stream::PlanePoints, step, 1 << 40, 2 * count);
        (0..count)
            .map(|i| {
                let [u, v, w] = [0, 1, 2].map(|k| uniform(4 * i as u64 + k));
                let noise = [normals[2 * i] as f64, normals[2 * i + 1] as f64];
                self.point(i, [u, v, w], noise)
            })
            .collect()
    }

    /// A point made of three numbers uniform on [0, 1) and two standard normal ones.
    fn point(&self, index: usize, [u, v, w]: [f64; 3], noise: [f64; 2]) -> Point {
        let around = |centre: [f64; 2], deviation: f64| {
            [0, 1].map(|axis| (centre[axis] + deviation * noise[axis]) as f32)
        };
        match self {
            Self::Moons => {
                let (sin, cos) = libm::sincos(PI * u);
                let upper = [cos - 0.5, sin - 0.25];
                let centre = if v < 0.5 {
                    upper
                } else {
                    [-upper[0], -upper[1]]
                };
                around(centre.map(|x| x * 0.65), LINE_WIDTH)
            }
            Self::Spiral => {
                // The length of the curve grows with the square of the angle, but near its centre.
                let share = libm::sqrt(0.04 + 0.96 * u);
                let (sin, cos) = libm::sincos(share * 3.5 * PI);
                around([share * cos, share * sin], LINE_WIDTH)
            }
            Self::Checkerboard => {
                let row = (4.0 * u).floor();
                let column = 2.0 * (2.0 * v).floor() + row % 2.0;
                let within = |cell: f64, share: f64| ((cell + share) / 2.0 - 1.0) as f32;
                [within(column, w), within(row, 4.0 * u - row)]
            }
            Self::Gaussians => {
                let ring = gaussian_ring();
                let chosen = ring[((u * ring.len() as f64) as usize).min(ring.len() - 1)];
                around(chosen.mean, chosen.covariance[0].sqrt())
            }
            Self::Annulus => {
                const RADII: [f64; 2] = [0.7, 1.0];
                let radius = libm::sqrt(
                    RADII[0] * RADII[0] + u * (RADII[1] * RADII[1] - RADII[0] * RADII[0]),
                );
                let (sin, cos) = libm::sincos(TAU * v);
                around([radius * cos, radius * sin], 0.0)
            }
            Self::Points { points } => points[index % points.len()],
        }
    }
}

/// `count` points on the dark pixels of a picture, RGB bytes of `width` × `height`: a pixel is as
/// likely as it is dark, and points are spread over it. The longer side becomes [-1, 1].
///
/// # Errors
/// [`Error::Image`] for bytes of another size and for a picture that is white all over,
/// [`Error::Config`] for a number of points out of range.
pub fn dark_pixels(
    rgb: &[u8],
    [width, height]: [usize; 2],
    count: usize,
    seed: u64,
) -> Result<Vec<Point>> {
    if rgb.is_empty() || Some(rgb.len()) != width.checked_mul(height).and_then(|n| n.checked_mul(3))
    {
        return Err(Error::Image(format!(
            "{} bytes are no picture of {width} × {height} pixels.",
            rgb.len()
        )));
    }
    if !(1..=MAX_POINTS).contains(&count) {
        return Err(Error::Config(format!(
            "{count} points were asked for, but 1 to {MAX_POINTS} are possible."
        )));
    }
    // Luma (ITU-R BT.709); squared, so that a grey ground does not count as drawn.
    let mut total = 0.0;
    let sums: Vec<f64> = rgb
        .chunks_exact(3)
        .map(|pixel| {
            let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(|byte| byte as f64 / 255.0);
            let darkness = 1.0 - (0.2126 * r + 0.7152 * g + 0.0722 * b);
            total += darkness * darkness;
            total
        })
        .collect();
    if total < 1e-3 {
        return Err(Error::Image("the picture is white all over.".into()));
    }
    let random = Random::new(seed);
    let uniform = |index: u64| random.uniform(Stream::PlanePoints, 0, index);
    let scale = 2.0 / width.max(height) as f64;
    Ok((0..count as u64)
        .map(|i| {
            let wanted = uniform(4 * i) * total;
            let pixel = sums
                .partition_point(|sum| *sum <= wanted)
                .min(sums.len() - 1);
            let x = (pixel % width) as f64 + uniform(4 * i + 1) - 0.5 * width as f64;
            let y = (pixel / width) as f64 + uniform(4 * i + 2) - 0.5 * height as f64;
            // Rows go down, the y axis up.
            [(x * scale) as f32, (-y * scale) as f32]
        })
        .collect())
}
