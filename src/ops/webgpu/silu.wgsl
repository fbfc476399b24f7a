// y = x σ(x), or with flag GRAD the gradient of x from that of y: σ(x) (1 + x (1 - σ(x))) times it.

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
#if GRAD
@group(0) @binding(2) var<storage, read> grad: array<f32>;
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
    let value = x[index];
    let s = 1.0 / (1.0 + exp(-value));
#if GRAD
    output[index] = grad[index] * s * (1.0 + value * (1.0 - s));
#else
    output[index] = value * s;
#endif
}
