// coefs[0] x + coefs[1] y, a number a thread, between -1 and 1 with flag CLIP; with flag TWO also
// coefs[2] x + coefs[3] y. The operands are [n, c, h, w] with strides of their own: what the
// network gives lies channels last, and would be copied before burn's operations.

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> coefs: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
#if TWO
@group(0) @binding(4) var<storage, read_write> second: array<f32>;
#endif

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group_id.y * DISPATCH_WIDTH + group_id.x) * THREADS + lane;
    if (index >= COUNT) {
        return;
    }
    let place = vec4<u32>(
        index / (CHANNELS * HEIGHT * WIDTH),
        index / (HEIGHT * WIDTH) % CHANNELS,
        index / WIDTH % HEIGHT,
        index % WIDTH,
    );
    let at_x = place * vec4<u32>(X_N, X_C, X_H, X_W);
    let at_y = place * vec4<u32>(Y_N, Y_C, Y_H, Y_W);
    let a = x[at_x.x + at_x.y + at_x.z + at_x.w];
    let b = y[at_y.x + at_y.y + at_y.z + at_y.w];
    let sum = coefs[0] * a + coefs[1] * b;
#if CLIP
    output[index] = clamp(sum, -1.0, 1.0);
#else
    output[index] = sum;
#endif
#if TWO
    second[index] = coefs[2] * a + coefs[3] * b;
#endif
}
