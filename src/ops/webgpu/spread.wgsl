// Images in a larger frame of zeros: pixel (y, x) goes to (STRIDE y, STRIDE x), channels stay where
// they are. One number of the target per thread.

@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> spread: array<f32>;

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group_id.y * DISPATCH_WIDTH + group_id.x) * THREADS + lane;
    if (index >= COUNT) {
        return;
    }
    let channel = index % CHANNELS;
    let x = index / CHANNELS % WIDTH;
    let y = index / (CHANNELS * WIDTH) % HEIGHT;
    let image = index / (CHANNELS * WIDTH * HEIGHT);
    let inside = x % STRIDE == 0u && y % STRIDE == 0u && x / STRIDE < SOURCE_WIDTH
        && y / STRIDE < SOURCE_HEIGHT && channel < SOURCE_CHANNELS;
    var number = 0.0;
    if (inside) {
        let pixel = (image * SOURCE_HEIGHT + y / STRIDE) * SOURCE_WIDTH + x / STRIDE;
        number = source[pixel * SOURCE_CHANNELS + channel];
    }
    spread[index] = number;
}
