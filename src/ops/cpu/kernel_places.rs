//! The transforms of kernels of Winograd's F(2×2, 3×3); see [`super::winograd`].

use super::lanes::{Lanes, Vectorised, vectorised};
use super::matrix::Matrix;
use super::memory::{give_back, take};
use super::parallel;
use super::product::{Panels, pack, packed_len};
use super::tiles::{Places, next_vector};

/// Kernels by place, `[places, inputs, outputs]`, each place packed for products.
#[derive(Debug)]
pub struct KernelPlaces {
    packed: Vec<f32>,
    inputs: usize,
    /// Channels that they make.
    pub outputs: usize,
}

impl KernelPlaces {
    /// G g Gᵀ of `weight` `[3, 3, inputs, outputs]`; `turned` by half a turn with inputs and
    /// outputs exchanged.
    pub fn new(
        weight: &[f32],
        [inputs, outputs]: [usize; 2],
        places: Places,
        turned: bool,
    ) -> Self {
        let pairs = inputs * outputs;
        let mut values = take(16 * pairs);
        vectorised(KernelTransform {
            weight,
            values: &mut values,
        });
        let [inputs, outputs] = if turned {
            [outputs, inputs]
        } else {
            [inputs, outputs]
        };
        let length = packed_len(inputs, outputs);
        let mut packed = take(places.count() * length);
        let all = packed.chunks_exact_mut(length).enumerate().collect();
        parallel::for_each(all, |(index, packed)| {
            let place = |i: usize| if places == Places::All || i < 2 { i } else { 3 };
            let [mut row, mut column] = [index / places.side(), index % places.side()].map(place);
            if turned {
                // Turning g exchanges the first and last row of G g and leaves those between.
                let turn = |i: usize| if i.is_multiple_of(3) { 3 - i } else { i };
                (row, column) = (turn(row), turn(column));
            }
            let values = &values[(4 * row + column) * pairs..][..pairs];
            if turned {
                pack(Matrix::row_major(values, inputs).transposed(), packed);
            } else {
                pack(Matrix::row_major(values, outputs), packed);
            }
        });
        give_back(values);
        Self {
            packed,
            inputs,
            outputs,
        }
    }

    /// Keeps their memory for others.
    pub fn give_back(self) {
        give_back(self.packed);
    }

    /// The kernels of a place, numbered among those there are.
    pub fn panels(&self, place: usize) -> Panels<'_> {
        let length = packed_len(self.inputs, self.outputs);
        let values = &self.packed[place * length..][..length];
        Panels::from_packed(values, self.inputs, self.outputs)
    }
}

/// Gᵀ u G for `values` u `[places, pairs]` of inputs and outputs: `[3, 3, pairs]`.
pub fn adjoint(values: &[f32], pairs: usize, places: Places) -> Vec<f32> {
    let mut weight = take(9 * pairs);
    vectorised(KernelAdjoint {
        values,
        places,
        weight: &mut weight,
    });
    weight
}

/// G g Gᵀ: `weight` `[9, pairs]` to `values` `[16, pairs]`.
struct KernelTransform<'a> {
    weight: &'a [f32],
    values: &'a mut [f32],
}

impl Vectorised for KernelTransform<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize>(self) {
        let pairs = self.weight.len() / 9;
        assert!(self.values.len() == 16 * pairs && pairs >= L::COUNT);
        let (weight, values) = (self.weight.as_ptr(), self.values.as_mut_ptr());
        let mut pair = 0;
        while pair < pairs {
            // SAFETY: vectors from `pair` are inside each of the 9 and 16 taps.
            unsafe {
                let mut columns = [[L::splat(0.0); 4]; 3];
                for (i, column) in columns.iter_mut().enumerate() {
                    let tap = weight.add(i * pairs + pair);
                    *column = transform([
                        L::load(tap),
                        L::load(tap.add(3 * pairs)),
                        L::load(tap.add(6 * pairs)),
                    ]);
                }
                let [a, b, c] = columns;
                for row in 0..4 {
                    let placed = transform([a[row], b[row], c[row]]);
                    for (column, value) in placed.iter().enumerate() {
                        value.store(values.add((4 * row + column) * pairs + pair));
                    }
                }
            }
            pair = next_vector(pair, L::COUNT, pairs);
        }
    }
}

/// Gᵀ u G: `values` `[places, pairs]` to `weight` `[9, pairs]`.
struct KernelAdjoint<'a> {
    values: &'a [f32],
    places: Places,
    weight: &'a mut [f32],
}

impl Vectorised for KernelAdjoint<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize>(self) {
        let pairs = self.weight.len() / 9;
        let side = self.places.side();
        assert!(self.values.len() == side * side * pairs && pairs >= L::COUNT);
        let (weight, values) = (self.weight.as_mut_ptr(), self.values.as_ptr());
        let mut pair = 0;
        while pair < pairs {
            // SAFETY: vectors from `pair` are inside each of the places and taps.
            unsafe {
                // Places that there are not are zero.
                let mut columns = [[L::splat(0.0); 3]; 4];
                for (i, column) in columns.iter_mut().enumerate() {
                    let mut places = [L::splat(0.0); 4];
                    for (j, place) in places.iter_mut().enumerate() {
                        if side == 4 || (i != 2 && j != 2) {
                            let [i, j] = [i.min(side - 1), j.min(side - 1)];
                            *place = L::load(values.add((side * j + i) * pairs + pair));
                        }
                    }
                    *column = transform_back(places);
                }
                let [a, b, c, d] = columns;
                for row in 0..3 {
                    let taps = transform_back([a[row], b[row], c[row], d[row]]);
                    for (column, tap) in taps.iter().enumerate() {
                        tap.store(weight.add((3 * row + column) * pairs + pair));
                    }
                }
            }
            pair = next_vector(pair, L::COUNT, pairs);
        }
    }
}

/// G g.
#[inline(always)]
fn transform<L: Lanes>([a, b, c]: [L; 3]) -> [L; 4] {
    let (half, zero) = (L::splat(0.5), L::splat(0.0));
    let ends = a.add(c).mul_add(half, zero);
    let middle = b.mul_add(half, zero);
    [a, ends.add(middle), ends.sub(middle), c]
}

/// Gᵀ u.
#[inline(always)]
fn transform_back<L: Lanes>([a, b, c, d]: [L; 4]) -> [L; 3] {
    let (half, zero) = (L::splat(0.5), L::splat(0.0));
    let sum = b.add(c).mul_add(half, zero);
    let difference = b.sub(c).mul_add(half, zero);
    [a.add(sum), difference, sum.add(d)]
}
