// Moves weights by the product of what Muon orthogonalises, X, and its polynomial, and their moving
// average after them. A tile of 4 × 4 numbers a thread.

@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> squares: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> state: array<f32>;

fn move_row(at: u32, count: u32, update: vec4<f32>) {
    for (var column: u32 = 0u; column < count; column++) {
        let value = at + column;
        let ema = value + 3u * table.length;
        let moved = state[value] - update[column];
        state[value] = moved;
        state[ema] = step.ema_decay * state[ema] + (1.0 - step.ema_decay) * moved;
    }
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let workgroup = group_id.y * DISPATCH_WIDTH + group_id.x;
    let matrix = table.matrices[matrix_of(workgroup, UPDATE)];
    let tile = (workgroup - matrix.first_workgroups[UPDATE]) * THREADS + lane;
    let width = (matrix.columns + 3u) / 4u;
    let row = tile / width * 4u;
    let column = tile % width * 4u;
    if (row >= matrix.rows) {
        return;
    }
    let quads = quads_of(matrix);
    let polynomial = matrix.squares + 4u * quads * quads;
    // exp_avg_sq, where optimizer.wgsl leaves it.
    let x = 2u * table.length + matrix.start;
    let offsets = vec4<u32>(0u, 1u, 2u, 3u);
    let rows = min(row + offsets, vec4<u32>(matrix.rows - 1u)) * matrix.stride;
    let columns = min(column + offsets, vec4<u32>(matrix.columns - 1u));

    var sum = Tile();
    if (matrix.columns <= matrix.rows) {
        for (var k: u32 = 0u; k < matrix.columns; k++) {
            let at = x + k;
            let left = vec4<f32>(
                state[at + rows.x], state[at + rows.y], state[at + rows.z], state[at + rows.w]);
            sum = add_outer(sum, left, squares[polynomial + k * quads + column / 4u]);
        }
    } else {
        for (var k: u32 = 0u; k < matrix.rows; k++) {
            let at = x + k * matrix.stride;
            let right = vec4<f32>(
                state[at + columns.x], state[at + columns.y],
                state[at + columns.z], state[at + columns.w]);
            sum = add_outer(sum, squares[polynomial + k * quads + row / 4u], right);
        }
    }
    let size = step.muon_learning_rate * matrix.scale;
    let count = min(4u, matrix.columns - column);
    let first = matrix.start + row * matrix.stride + column;
    move_row(first, count, size * sum.a);
    if (row + 1u < matrix.rows) {
        move_row(first + matrix.stride, count, size * sum.b);
    }
    if (row + 2u < matrix.rows) {
        move_row(first + 2u * matrix.stride, count, size * sum.c);
    }
    if (row + 3u < matrix.rows) {
        move_row(first + 3u * matrix.stride, count, size * sum.d);
    }
}
