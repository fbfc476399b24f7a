// The polynomial in its Gram matrix by which the Newton–Schulz iteration multiplies X, a workgroup a
// matrix; see ../cpu/muon.rs. A thread always has the same tiles.

@group(0) @binding(1) var<storage, read_write> squares: array<vec4<f32>>;

// The product of two of the square matrices: its tile at vec4 `i` of rows and `j` of columns.
fn product(left: u32, right: u32, i: u32, j: u32, quads: u32) -> Tile {
    var sum = Tile();
    for (var k: u32 = 0u; k < 4u * quads; k++) {
        sum = add_outer(sum, squares[left + k * quads + i], squares[right + k * quads + j]);
    }
    return sum;
}

fn load(first: u32, quads: u32) -> Tile {
    return Tile(
        squares[first],
        squares[first + quads],
        squares[first + 2u * quads],
        squares[first + 3u * quads],
    );
}

fn store(tile: Tile, first: u32, quads: u32) {
    squares[first] = tile.a;
    squares[first + quads] = tile.b;
    squares[first + 2u * quads] = tile.c;
    squares[first + 3u * quads] = tile.d;
}

fn scaled(tile: Tile, factor: f32) -> Tile {
    return Tile(tile.a * factor, tile.b * factor, tile.c * factor, tile.d * factor);
}

fn sum(x: Tile, y: Tile) -> Tile {
    return Tile(x.a + y.a, x.b + y.b, x.c + y.c, x.d + y.d);
}

// The tile of the identity at `i`, `j`.
fn identity(i: u32, j: u32) -> Tile {
    if (i != j) {
        return Tile();
    }
    return Tile(
        vec4<f32>(1.0, 0.0, 0.0, 0.0),
        vec4<f32>(0.0, 1.0, 0.0, 0.0),
        vec4<f32>(0.0, 0.0, 1.0, 0.0),
        vec4<f32>(0.0, 0.0, 0.0, 1.0),
    );
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = group_id.y * DISPATCH_WIDTH + group_id.x;
    if (index >= MATRICES) {
        return;
    }
    let matrix = table.matrices[index];
    let quads = quads_of(matrix);
    let tiles = quads * quads;
    let gram = matrix.squares;
    let polynomial = gram + 4u * tiles;
    let factor = polynomial + 4u * tiles;
    let scratch = factor + 4u * tiles;

    // The squared singular values add up to the square of the Frobenius norm.
    var squared_norm: f32 = 0.0;
    for (var k: u32 = 0u; k < 4u * quads; k++) {
        squared_norm += squares[gram + k * quads + k / 4u][k % 4u];
    }
    let to_unit = 1.0 / max(sqrt(squared_norm), LEAST_NORM);
    storageBarrier();
    for (var tile: u32 = lane; tile < tiles; tile += THREADS) {
        let at = tile / quads * 4u * quads + tile % quads;
        store(scaled(load(gram + at, quads), to_unit * to_unit), gram + at, quads);
    }
    storageBarrier();

    for (var step: u32 = 0u; step < STEPS; step++) {
        // The Gram matrix of what the last step made of X. Multiplied from both sides, it stays
        // symmetric but for rounding, which this keeps small.
        if (step > 0u) {
            for (var tile: u32 = lane; tile < tiles; tile += THREADS) {
                let i = tile / quads;
                let j = tile % quads;
                store(product(gram, factor, i, j, quads), scratch + i * 4u * quads + j, quads);
            }
            storageBarrier();
            for (var tile: u32 = lane; tile < tiles; tile += THREADS) {
                let i = tile / quads;
                let j = tile % quads;
                store(product(factor, scratch, i, j, quads), gram + i * 4u * quads + j, quads);
            }
            storageBarrier();
        }
        // a · I + b · A + c · A², which this step multiplies X with.
        for (var tile: u32 = lane; tile < tiles; tile += THREADS) {
            let i = tile / quads;
            let j = tile % quads;
            let at = i * 4u * quads + j;
            let linear = sum(scaled(identity(i, j), A), scaled(load(gram + at, quads), B));
            let result = sum(linear, scaled(product(gram, gram, i, j, quads), C));
            store(result, factor + at, quads);
            if (step == 0u) {
                store(result, polynomial + at, quads);
            }
        }
        storageBarrier();
        if (step > 0u) {
            for (var tile: u32 = lane; tile < tiles; tile += THREADS) {
                let i = tile / quads;
                let j = tile % quads;
                let result = product(factor, polynomial, i, j, quads);
                store(result, scratch + i * 4u * quads + j, quads);
            }
            storageBarrier();
            for (var tile: u32 = lane; tile < tiles; tile += THREADS) {
                let at = tile / quads * 4u * quads + tile % quads;
                store(load(scratch + at, quads), polynomial + at, quads);
            }
            storageBarrier();
        }
    }
    for (var tile: u32 = lane; tile < tiles; tile += THREADS) {
        let at = polynomial + tile / quads * 4u * quads + tile % quads;
        store(scaled(load(at, quads), to_unit), at, quads);
    }
}
