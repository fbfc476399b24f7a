// What the kernels of muon.rs share.
//
// For each matrix X there are four square matrices in `squares`, one after the other: the Gram
// matrix of X, the polynomial that X is multiplied with, and two for what is on the way. Their side
// is the shorter one of X, rounded up to a multiple of 4. All of them are symmetric: the row of an
// element may be read for its column.

// Launches of which a matrix has several workgroups, as indices of `first_workgroups`.
const GRAM: u32 = 0u;
const UPDATE: u32 = 1u;

struct Matrix {
    first_workgroups: array<u32, 2>,
    start: u32,    // of its values in a field of the state
    rows: u32,
    columns: u32,
    stride: u32,   // from one row to the next
    squares: u32,  // the first vec4 of its square matrices
    scale: f32,    // of the learning rate
}

struct Table {
    length: u32,  // of a field of the state
    unused: array<u32, 3>,
    matrices: array<Matrix>,
}

@group(0) @binding(0) var<storage, read> table: Table;

// The matrix of `workgroup` of a launch: the last one that begins there or before.
fn matrix_of(workgroup: u32, launch: u32) -> u32 {
    var low: u32 = 0u;
    var high: u32 = MATRICES;
    while (high - low > 1u) {
        let middle = (low + high) / 2u;
        if (table.matrices[middle].first_workgroups[launch] <= workgroup) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

// Four vec4s: a tile of 4 × 4 numbers, by rows.
struct Tile {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
    d: vec4<f32>,
}

fn add_outer(tile: Tile, column: vec4<f32>, row: vec4<f32>) -> Tile {
    return Tile(
        tile.a + column.x * row,
        tile.b + column.y * row,
        tile.c + column.z * row,
        tile.d + column.w * row,
    );
}

// The side of a matrix's square matrices, in vec4s.
fn quads_of(matrix: Matrix) -> u32 {
    return (min(matrix.rows, matrix.columns) + 3u) / 4u;
}
