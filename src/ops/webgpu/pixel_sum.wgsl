// Sums of every channel over the pixels of every image, where threads run on a CPU: a thread per
// image and channel, which on a GPU would leave most of it idle.

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>; // [image, channel]

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group_id.y * DISPATCH_WIDTH + group_id.x) * THREADS + lane;
    if (index >= IMAGES * CHANNELS) {
        return;
    }
    let start = index / CHANNELS * PIXELS * CHANNELS + index % CHANNELS;
    var sum: f32 = 0.0;
    for (var p: u32 = 0u; p < PIXELS; p += 1u) {
        sum += x[start + p * CHANNELS];
    }
    sums[index] = sum;
}
