// Gradient of nearest upsampling by 2: each input pixel collects the 2 x 2 output pixels made of
// it.

@group(0) @binding(0) var<storage, read> grad: array<Grad1>;
@group(0) @binding(1) var<storage, read_write> grad_x: array<GradX1>;

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group_id.y * DISPATCH_WIDTH + group_id.x) * THREADS + lane;
    if (index >= LINES * WIDTH * CHANNELS) {
        return;
    }
    let channel = index % CHANNELS;
    let column = index / CHANNELS % WIDTH;
    let line = index / (CHANNELS * WIDTH); // of all images
    let above = ((2u * line) * 2u * WIDTH + 2u * column) * CHANNELS + channel;
    let below = above + 2u * WIDTH * CHANNELS;
    let upper = f32(grad[above]) + f32(grad[above + CHANNELS]);
    let lower = f32(grad[below]) + f32(grad[below + CHANNELS]);
    grad_x[index] = GradX1(upper + lower);
}
