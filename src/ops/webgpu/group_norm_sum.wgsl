// Adds the sums per image of group_norm_backward.wgsl, [image, 2, channel], to the gradients of
// gamma and beta, times UNSCALE, which undoes what the loss was multiplied by; one channel per thread.

@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read_write> grad_gamma: array<f32>;
@group(0) @binding(2) var<storage, read_write> grad_beta: array<f32>;

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let channel = (group_id.y * DISPATCH_WIDTH + group_id.x) * THREADS + lane;
    if (channel >= CHANNELS) {
        return;
    }
    var gamma_sum: f32 = 0.0;
    var beta_sum: f32 = 0.0;
    for (var image: u32 = 0u; image < IMAGES; image += 1u) {
        gamma_sum += parts[2u * image * CHANNELS + channel];
        beta_sum += parts[(2u * image + 1u) * CHANNELS + channel];
    }
    grad_gamma[channel] = UNSCALE * gamma_sum;
    grad_beta[channel] = UNSCALE * beta_sum;
}
