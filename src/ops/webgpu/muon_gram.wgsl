// The Gram matrix of what Muon orthogonalises: Xᵀ X, or X Xᵀ where X has more columns than rows. A
// tile of 4 × 4 numbers a thread.

@group(0) @binding(1) var<storage, read> state: array<f32>;
@group(0) @binding(2) var<storage, read_write> squares: array<vec4<f32>>;

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let workgroup = group_id.y * DISPATCH_WIDTH + group_id.x;
    let matrix = table.matrices[matrix_of(workgroup, GRAM)];
    let quads = quads_of(matrix);
    let tile = (workgroup - matrix.first_workgroups[GRAM]) * THREADS + lane;
    if (tile >= quads * quads) {
        return;
    }
    let tall = matrix.columns <= matrix.rows;
    let side = min(matrix.rows, matrix.columns);
    let depth = max(matrix.rows, matrix.columns);
    // From one element to the next along the side that is summed over, and along the other.
    let along = select(1u, matrix.stride, tall);
    let across = select(matrix.stride, 1u, tall);
    let place = 4u * vec2<u32>(tile / quads, tile % quads);
    let offsets = vec4<u32>(0u, 1u, 2u, 3u);
    // What is beyond the side counts as 0.
    let i = min(place.x + offsets, vec4<u32>(side - 1u)) * across;
    let j = min(place.y + offsets, vec4<u32>(side - 1u)) * across;
    let inside_i = select(vec4<f32>(0.0), vec4<f32>(1.0), place.x + offsets < vec4<u32>(side));
    let inside_j = select(vec4<f32>(0.0), vec4<f32>(1.0), place.y + offsets < vec4<u32>(side));

    // exp_avg_sq, where optimizer.wgsl leaves it.
    let x = 2u * table.length + matrix.start;
    var sum = Tile();
    for (var k: u32 = 0u; k < depth; k++) {
        let at = x + k * along;
        let left = vec4<f32>(
            state[at + i.x], state[at + i.y], state[at + i.z], state[at + i.w]);
        let right = vec4<f32>(
            state[at + j.x], state[at + j.y], state[at + j.z], state[at + j.w]);
        sum = add_outer(sum, left * inside_i, right * inside_j);
    }
    let first = matrix.squares + place.x * quads + place.y / 4u;
    squares[first] = sum.a;
    squares[first + quads] = sum.b;
    squares[first + 2u * quads] = sum.c;
    squares[first + 3u * quads] = sum.d;
}
