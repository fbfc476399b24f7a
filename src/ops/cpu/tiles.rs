//! The transforms of Winograd's F(2×2, 3×3) between feature maps and tiles; see
//! [`super::winograd`].
//!
//! Places of a transformed tile are numbered row by row. Values of a place lie together, `[places,
//! tiles, channels]`, so that the sums over channels are matrix products.

use super::lanes::{Lanes, Vectorised, vectorised};

/// Which places of a transformed tile are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Places {
    /// All 4 × 4.
    All,
    /// 3 × 3: without the third row and column.
    WithoutThird,
}

impl Places {
    /// How many there are.
    pub fn count(self) -> usize {
        self.side() * self.side()
    }

    /// Rows, and columns, that are computed.
    pub fn side(self) -> usize {
        match self {
            Self::All => 4,
            Self::WithoutThird => 3,
        }
    }
}

/// The part of a row of tiles in values by place.
#[derive(Debug, Clone, Copy)]
pub struct TileRow {
    /// Its first tile.
    pub first: usize,
    /// Tiles in it.
    pub count: usize,
    /// Tiles of a place.
    pub all: usize,
}

/// Pixels of a row of tiles as columns of their transform see them.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    /// Pixels of a row.
    pub width: usize,
    /// Columns before the first pixel.
    pub padding: usize,
    /// Columns of a pixel.
    pub repeat: usize,
}

/// Transforms tiles of `INPUTS` × `INPUTS` pixels, 2 apart, to their places: Bᵀ d B for 4, A d Aᵀ
/// for 2.
///
/// `rows` are the tiles' rows of pixels, `[width, channels]` each. `halves` is memory for
/// `4 * (2 * tiles.count + INPUTS - 2) * channels` numbers.
pub fn gather<const INPUTS: usize>(
    rows: [&[f32]; INPUTS],
    columns: Columns,
    channels: usize,
    places: Places,
    tiles: TileRow,
    halves: &mut [f32],
    values: &mut [f32],
) {
    let work = Gather {
        rows,
        columns,
        channels,
        places,
        tiles,
        halves,
        values,
    };
    work.check();
    vectorised(work);
}

struct Gather<'a, const INPUTS: usize> {
    rows: [&'a [f32]; INPUTS],
    columns: Columns,
    channels: usize,
    places: Places,
    tiles: TileRow,
    halves: &'a mut [f32],
    values: &'a mut [f32],
}

impl<const INPUTS: usize> Gather<'_, INPUTS> {
    /// Columns of all tiles.
    #[inline(always)]
    fn width(&self) -> usize {
        2 * self.tiles.count + INPUTS - 2
    }

    /// What the reads and writes of `run` rely on.
    fn check(&self) {
        let row = self.columns.width * self.channels;
        assert!(self.rows.iter().all(|pixels| pixels.len() == row));
        assert!(self.halves.len() >= 4 * self.width() * self.channels);
        assert!(self.tiles.first + self.tiles.count <= self.tiles.all);
        let values = self.places.count() * self.tiles.all * self.channels;
        assert!(self.values.len() >= values);
        assert!(self.channels >= MIN_CHANNELS);
    }
}

/// Fewest channels of a map whose tiles are transformed: a vector of any kind.
pub const MIN_CHANNELS: usize = 16;

/// The channel of the vector after the one at `channel`; the last one may overlap the one before.
#[inline(always)]
pub fn next_vector(channel: usize, count: usize, channels: usize) -> usize {
    if channel + count >= channels {
        channels
    } else {
        (channel + count).min(channels - count)
    }
}

impl<const INPUTS: usize> Vectorised for Gather<'_, INPUTS> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize>(self) {
        match self.places {
            // SAFETY: `check` has seen that all reads and writes are inside.
            Places::All => unsafe { self.passes::<L, true>() },
            // SAFETY: as above.
            Places::WithoutThird => unsafe { self.passes::<L, false>() },
        }
    }
}

impl<const INPUTS: usize> Gather<'_, INPUTS> {
    #[inline(always)]
    unsafe fn passes<L: Lanes, const ALL: bool>(self) {
        let (width, channels) = (self.width(), self.channels);
        let side = self.places.side();
        let halves = self.halves.as_mut_ptr();
        let sources = self.rows.map(<[f32]>::as_ptr);
        let plane = width * channels;
        // Down the columns, which neighbouring tiles share.
        for column in 0..width {
            let to = column * channels;
            let inside = column >= self.columns.padding;
            let pixel = column.wrapping_sub(self.columns.padding) / self.columns.repeat;
            let from = pixel * channels;
            let inside = inside && pixel < self.columns.width;
            let mut channel = 0;
            while channel < channels {
                // SAFETY: the pixel is inside the rows, the column inside `halves`.
                unsafe {
                    let mut d = [L::splat(0.0); INPUTS];
                    if inside {
                        for (d, source) in d.iter_mut().zip(&sources) {
                            *d = L::load(source.add(from + channel));
                        }
                    }
                    let v = transform(d);
                    let to = halves.add(to + channel);
                    v[0].store(to);
                    v[1].store(to.add(plane));
                    if ALL {
                        v[2].store(to.add(2 * plane));
                    }
                    v[3].store(to.add((side - 1) * plane));
                }
                channel = next_vector(channel, L::COUNT, channels);
            }
        }
        // Along the rows.
        let values = self.values.as_mut_ptr();
        let place = self.tiles.all * channels;
        for row in 0..side {
            for tile in 0..self.tiles.count {
                let from = row * plane + 2 * tile * channels;
                let to = row * side * place + (self.tiles.first + tile) * channels;
                let mut channel = 0;
                while channel < channels {
                    // SAFETY: the tile's columns are inside `halves`, its places inside `values`.
                    unsafe {
                        let from = halves.add(from + channel);
                        let mut d = [L::splat(0.0); INPUTS];
                        for (i, d) in d.iter_mut().enumerate() {
                            *d = L::load(from.add(i * channels));
                        }
                        let v = transform(d);
                        let to = values.add(to + channel);
                        v[0].store(to);
                        v[1].store(to.add(place));
                        if ALL {
                            v[2].store(to.add(2 * place));
                        }
                        v[3].store(to.add((side - 1) * place));
                    }
                    channel = next_vector(channel, L::COUNT, channels);
                }
            }
        }
    }
}

/// Bᵀ d for four numbers, A d for two.
#[inline(always)]
fn transform<L: Lanes, const INPUTS: usize>(d: [L; INPUTS]) -> [L; 4] {
    if INPUTS == 4 {
        [
            d[0].sub(d[2]),
            d[1].add(d[2]),
            d[2].sub(d[1]),
            d[1].sub(d[3]),
        ]
    } else {
        let zero = L::splat(0.0);
        [d[0], d[0].add(d[1]), d[0].sub(d[1]), zero.sub(d[1])]
    }
}

/// What is added to the outputs.
#[derive(Debug, Clone, Copy)]
pub struct Addends<'a> {
    /// The same for every pixel, `[channels]`.
    pub bias: &'a [f32],
    /// For each pixel of the row of tiles; empty if nothing is added.
    pub pixels: &'a [f32],
}

/// Writes Aᵀ m A of the tiles' places to a row of tiles.
///
/// `outputs` are one or two rows of `width` pixels, `[rows, width, channels]`. With
/// [`Places::WithoutThird`] and `folded` it is one row, of one pixel for each tile: the sum of its
/// 2 × 2.
#[allow(clippy::too_many_arguments, reason = "one more than the lint takes")]
pub fn scatter(
    values: &[f32],
    places: Places,
    folded: bool,
    channels: usize,
    width: usize,
    tiles: TileRow,
    addends: Addends,
    outputs: &mut [f32],
) {
    let rows = outputs.len() / (width * channels);
    let work = Scatter {
        values,
        places,
        folded,
        channels,
        width,
        rows,
        tiles,
        addends,
        outputs,
    };
    work.check();
    vectorised(work);
}

struct Scatter<'a> {
    values: &'a [f32],
    places: Places,
    folded: bool,
    channels: usize,
    width: usize,
    rows: usize,
    tiles: TileRow,
    addends: Addends<'a>,
    outputs: &'a mut [f32],
}

impl Scatter<'_> {
    /// What the reads and writes of `run` rely on.
    fn check(&self) {
        let values = self.places.count() * self.tiles.all * self.channels;
        assert!(self.values.len() >= values);
        assert!(self.tiles.first + self.tiles.count <= self.tiles.all);
        assert_eq!(self.outputs.len(), self.rows * self.width * self.channels);
        assert_eq!(self.addends.bias.len(), self.channels);
        let pixels = self.addends.pixels.len();
        assert!(pixels == 0 || pixels == self.outputs.len());
        assert!(self.channels >= MIN_CHANNELS);
        let side = if self.folded { 1 } else { 2 };
        assert!((1..=side).contains(&self.rows));
        assert!(self.width > side * (self.tiles.count - 1));
        assert!(self.width <= side * self.tiles.count);
    }
}

impl Vectorised for Scatter<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize>(self) {
        // SAFETY: `check` has seen that all reads and writes are inside.
        unsafe {
            match (self.places, self.folded) {
                (Places::All, _) => self.tiles::<L, true, false>(),
                (Places::WithoutThird, false) => self.tiles::<L, false, false>(),
                (Places::WithoutThird, true) => self.tiles::<L, false, true>(),
            }
        }
    }
}

impl Scatter<'_> {
    #[inline(always)]
    unsafe fn tiles<L: Lanes, const ALL: bool, const FOLDED: bool>(mut self) {
        let (channels, side) = (self.channels, self.places.side());
        let place = self.tiles.all * channels;
        for tile in 0..self.tiles.count {
            let from = (self.tiles.first + tile) * channels;
            let mut channel = 0;
            while channel < channels {
                // SAFETY: the tile's places are inside `values`; `put` is given pixels that the
                // rows have.
                unsafe {
                    let values = self.values.as_ptr().add(from + channel);
                    let mut sums = [[L::splat(0.0); 2]; 4];
                    for (column, sums) in sums.iter_mut().enumerate() {
                        if !ALL && column == 2 {
                            continue;
                        }
                        let column_place = if ALL || column < 2 { column } else { 2 };
                        let value =
                            |row: usize| L::load(values.add((row * side + column_place) * place));
                        *sums = if ALL {
                            inverse([value(0), value(1), value(2), value(3)])
                        } else {
                            inverse_without_third([value(0), value(1), value(2)])
                        };
                    }
                    let row = |i: usize| {
                        let [a, b, c, d] = [sums[0][i], sums[1][i], sums[2][i], sums[3][i]];
                        if ALL {
                            inverse([a, b, c, d])
                        } else {
                            inverse_without_third([a, b, d])
                        }
                    };
                    let (top, bottom) = (row(0), row(1));
                    if FOLDED {
                        let sum = top[0].add(top[1]).add(bottom[0].add(bottom[1]));
                        self.put(0, tile, channel, sum);
                    } else {
                        let column = 2 * tile;
                        self.put(0, column, channel, top[0]);
                        if column + 1 < self.width {
                            self.put(0, column + 1, channel, top[1]);
                        }
                        if self.rows > 1 {
                            self.put(1, column, channel, bottom[0]);
                            if column + 1 < self.width {
                                self.put(1, column + 1, channel, bottom[1]);
                            }
                        }
                    }
                }
                channel = next_vector(channel, L::COUNT, channels);
            }
        }
    }

    /// Writes `value` and what is added to it.
    #[inline(always)]
    unsafe fn put<L: Lanes>(&mut self, row: usize, column: usize, channel: usize, value: L) {
        let at = (row * self.width + column) * self.channels + channel;
        // SAFETY: the caller's pixel is inside the rows, and the addends are as many.
        unsafe {
            let mut sum = value.add(L::load(self.addends.bias.as_ptr().add(channel)));
            if !self.addends.pixels.is_empty() {
                sum = sum.add(L::load(self.addends.pixels.as_ptr().add(at)));
            }
            sum.store(self.outputs.as_mut_ptr().add(at));
        }
    }
}

/// Aᵀ m.
#[inline(always)]
fn inverse<L: Lanes>([a, b, c, d]: [L; 4]) -> [L; 2] {
    [a.add(b).add(c), b.sub(c).sub(d)]
}

/// Aᵀ m where the third number is zero, or does not matter because the two sums are added.
#[inline(always)]
fn inverse_without_third<L: Lanes>([a, b, d]: [L; 3]) -> [L; 2] {
    [a.add(b), b.sub(d)]
}
