// One step of Adam (Kingma & Ba 2015, algorithm 1) and of the moving average of the weights, in
// place, for up to TENSORS parameter tensors; one number per thread. Neighbouring threads touch
// neighbouring numbers, so this runs at the speed of memory.
//
// The state is HEADER numbers that say where each tensor lies, then [value, exp_avg, exp_avg_sq,
// ema], each of them with all tensors in it.

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
@group(0) @binding(1) var<storage, read_write> state: array<f32>;
@group(0) @binding(2) var<storage, read> grad_0: array<f32>;
@group(0) @binding(3) var<storage, read> grad_1: array<f32>;
@group(0) @binding(4) var<storage, read> grad_2: array<f32>;
@group(0) @binding(5) var<storage, read> grad_3: array<f32>;
@group(0) @binding(6) var<storage, read> grad_4: array<f32>;
@group(0) @binding(7) var<storage, read> grad_5: array<f32>;

fn grad(tensor: u32, index: u32) -> f32 {
    switch (tensor) {
        case 0u: { return grad_0[index]; }
        case 1u: { return grad_1[index]; }
        case 2u: { return grad_2[index]; }
        case 3u: { return grad_3[index]; }
        case 4u: { return grad_4[index]; }
        default: { return grad_5[index]; }
    }
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let workgroup = group_id.y * DISPATCH_WIDTH + group_id.x;
    var tensor = 0u;
    #repeat TENSORS if (f32(workgroup) >= state[3u * $iu]) { tensor = $iu; }
    let first_workgroup = u32(state[3u * tensor]);
    let offset = u32(state[3u * tensor + 1u]);
    let count = u32(state[3u * tensor + 2u]);
    let index = (workgroup - first_workgroup) * THREADS + lane;
    if (index >= count) {
        return;
    }
    let length = u32(state[3u * TENSORS]);
    let value = HEADER + offset + index;
    let exp_avg = value + length;
    let exp_avg_sq = exp_avg + length;
    let ema = exp_avg_sq + length;

    let g = grad(tensor, index);
    let mean = step.beta1 * state[exp_avg] + (1.0 - step.beta1) * g;
    let mean_sq = step.beta2 * state[exp_avg_sq] + (1.0 - step.beta2) * g * g;
    let denominator = sqrt(mean_sq / step.bias_correction2) + step.epsilon;
    let updated =
        state[value] - step.learning_rate * (mean / step.bias_correction1) / denominator;

    state[exp_avg] = mean;
    state[exp_avg_sq] = mean_sq;
    state[value] = updated;
    state[ema] = step.ema_decay * state[ema] + (1.0 - step.ema_decay) * updated;
}
