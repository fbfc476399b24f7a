// One step of Adam (Kingma & Ba 2015, algorithm 1) and of the moving average of the weights, or of
// Muon's momentum, in place; one number per thread. Neighbouring threads touch neighbouring
// numbers, so this runs at the speed of memory.
//
// The state is [value, exp_avg, exp_avg_sq, ema], each of them with all tensors in it. The gradient
// is the sum of the partial sums that the kernels of the backward pass left.

struct Tensor {
    first_workgroup: u32,
    offset: u32,  // in each field of the state
    count: u32,
    buffer: u32,  // where its gradient is
    start: u32,   // of the first partial sum there
    parts: u32,   // partial sums
    stride: u32,  // from one to the next
    muon: u32,    // whether Muon moves it
}

struct Table {
    count: u32,
    length: u32,  // of a field of the state
    unused: vec2<u32>,
    tensors: array<Tensor>,
}

@group(0) @binding(0) var<storage, read> step: Step;
@group(0) @binding(1) var<storage, read_write> state: array<f32>;
@group(0) @binding(2) var<storage, read> table: Table;
@group(0) @binding(3) var<storage, read> grad_0: array<f32>;
@group(0) @binding(4) var<storage, read> grad_1: array<f32>;
@group(0) @binding(5) var<storage, read> grad_2: array<f32>;
@group(0) @binding(6) var<storage, read> grad_3: array<f32>;
@group(0) @binding(7) var<storage, read> grad_4: array<f32>;

fn grad_at(buffer: u32, index: u32) -> f32 {
    switch (buffer) {
        case 0u: { return grad_0[index]; }
        case 1u: { return grad_1[index]; }
        case 2u: { return grad_2[index]; }
        case 3u: { return grad_3[index]; }
        default: { return grad_4[index]; }
    }
}

// Partial sum `part`, or 0 after the last.
fn partial_sum(tensor: Tensor, part: u32, index: u32) -> f32 {
    let last = tensor.parts - 1u;
    let at = tensor.start + min(part, last) * tensor.stride + index;
    return select(0.0, grad_at(tensor.buffer, at), part <= last);
}

fn gradient(tensor: Tensor, index: u32) -> f32 {
    var sum: f32 = 0.0;
    // Four at a time, so that they are read at once.
    for (var part: u32 = 0u; part < tensor.parts; part += 4u) {
        let a = partial_sum(tensor, part, index);
        let b = partial_sum(tensor, part + 1u, index);
        let c = partial_sum(tensor, part + 2u, index);
        let d = partial_sum(tensor, part + 3u, index);
        sum = sum + a + b + c + d;
    }
    return sum;
}

// The tensor of `workgroup`: the last one that begins there or before.
fn tensor_of(workgroup: u32) -> u32 {
    var low: u32 = 0u;
    var high: u32 = table.count;
    while (high - low > 1u) {
        let middle = (low + high) / 2u;
        if (table.tensors[middle].first_workgroup <= workgroup) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let workgroup = group_id.y * DISPATCH_WIDTH + group_id.x;
    let tensor = table.tensors[tensor_of(workgroup)];
    let index = (workgroup - tensor.first_workgroup) * THREADS + lane;
    if (index >= tensor.count) {
        return;
    }
    let value = tensor.offset + index;
    let exp_avg = value + table.length;
    let exp_avg_sq = exp_avg + table.length;
    let ema = exp_avg_sq + table.length;

    let g = gradient(tensor, index);
    if (tensor.muon != 0u) {
        let momentum = step.muon_momentum;
        let mean = momentum * state[exp_avg] + (1.0 - momentum) * g;
        state[exp_avg] = mean;
        // Nesterov's look ahead, which the kernels of muon.rs orthogonalise.
        state[exp_avg_sq] = momentum * mean + (1.0 - momentum) * g;
        return;
    }
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
