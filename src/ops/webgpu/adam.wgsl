// One step of Adam (Kingma & Ba 2015, algorithm 1) and of the moving average of the weights, in
// place, for one parameter tensor of COUNT numbers; one number per thread. Neighbouring threads
// touch neighbouring numbers, so this runs at the speed of memory.

struct Step {
    learning_rate: f32,
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    bias_correction1: f32,
    bias_correction2: f32,
    ema_decay: f32,
}

@group(0) @binding(0) var<storage, read> step: Step;
@group(0) @binding(1) var<storage, read> grad: array<f32>;
@group(0) @binding(2) var<storage, read_write> value: array<f32>;
@group(0) @binding(3) var<storage, read_write> exp_avg: array<f32>;
@group(0) @binding(4) var<storage, read_write> exp_avg_sq: array<f32>;
@group(0) @binding(5) var<storage, read_write> ema: array<f32>;

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group_id.y * DISPATCH_WIDTH + group_id.x) * THREADS + lane;
    if (index >= COUNT) {
        return;
    }
    let g = grad[index];
    let mean = step.beta1 * exp_avg[index] + (1.0 - step.beta1) * g;
    let mean_sq = step.beta2 * exp_avg_sq[index] + (1.0 - step.beta2) * g * g;
    let denominator = sqrt(mean_sq / step.bias_correction2) + step.epsilon;
    let updated =
        value[index] - step.learning_rate * (mean / step.bias_correction1) / denominator;

    exp_avg[index] = mean;
    exp_avg_sq[index] = mean_sq;
    value[index] = updated;
    ema[index] = step.ema_decay * ema[index] + (1.0 - step.ema_decay) * updated;
}
