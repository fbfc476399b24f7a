// Adds the partial sums of conv_weight.wgsl, [split, number], to the gradients, one number per
// thread: first those of the weight, then those of the bias.

@group(0) @binding(0) var<storage, read> weight_parts: array<f32>;
@group(0) @binding(1) var<storage, read> bias_parts: array<f32>;
@group(0) @binding(2) var<storage, read_write> weight_grad: array<f32>;
@group(0) @binding(3) var<storage, read_write> bias_grad: array<f32>;

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group_id.y * DISPATCH_WIDTH + group_id.x) * THREADS + lane;
    if (index < WEIGHTS) {
        var sum: f32 = 0.0;
        for (var split: u32 = 0u; split < SPLITS; split += 1u) {
            sum += weight_parts[split * WEIGHTS + index];
        }
        weight_grad[index] = sum;
    } else if (index < WEIGHTS + BIASES) {
        let channel = index - WEIGHTS;
        var sum: f32 = 0.0;
        for (var split: u32 = 0u; split < SPLITS; split += 1u) {
            sum += bias_parts[split * BIASES + channel];
        }
        bias_grad[channel] = sum;
    }
}
