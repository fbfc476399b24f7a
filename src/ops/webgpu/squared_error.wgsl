// The mean squared difference of a prediction (channels last) and its target (channels first), or
// with flag GRAD the gradient for the prediction. With flag LOSS_WEIGHTS each image's difference
// counts that many times.

@group(0) @binding(0) var<storage, read> prediction: array<f32>;     // [image, pixel, channel]
@group(0) @binding(1) var<storage, read> expected: array<f32>;       // [image, channel, pixel]
@group(0) @binding(2) var<storage, read_write> output: array<f32>;   // [1], or as prediction
#if GRAD
@group(0) @binding(3) var<storage, read> grad: array<f32>;           // [1]
#if LOSS_WEIGHTS
@group(0) @binding(4) var<storage, read> loss_weights: array<f32>;        // [image]
#endif
#else
#if LOSS_WEIGHTS
@group(0) @binding(3) var<storage, read> loss_weights: array<f32>;
#endif
#endif

const COUNT: u32 = IMAGES * PIXELS * CHANNELS;

fn loss_weight(image: u32) -> f32 {
#if LOSS_WEIGHTS
    return loss_weights[image] / f32(COUNT);
#else
    return 1.0 / f32(COUNT);
#endif
}

fn error(index: u32) -> f32 {
    let pixel = index / CHANNELS;
    let image = pixel / PIXELS;
    let channel = index % CHANNELS;
    return prediction[index] - expected[(image * CHANNELS + channel) * PIXELS + pixel % PIXELS];
}

#if GRAD
@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group_id.y * DISPATCH_WIDTH + group_id.x) * THREADS + lane;
    if (index < COUNT) {
        output[index] = 2.0 * grad[0] * loss_weight(index / (PIXELS * CHANNELS)) * error(index);
    }
}
#else
var<workgroup> parts: array<f32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) lane: u32) {
    var part = 0.0;
    for (var image: u32 = 0u; image < IMAGES; image += 1u) {
        var squares = 0.0;
        for (var at = lane; at < PIXELS * CHANNELS; at += THREADS) {
            let difference = error(image * PIXELS * CHANNELS + at);
            squares += difference * difference;
        }
        part += loss_weight(image) * squares;
    }
    parts[lane] = part;
    workgroupBarrier();
    if (lane == 0u) {
        var sum = 0.0;
        for (var other: u32 = 0u; other < THREADS; other += 1u) {
            sum += parts[other];
        }
        output[0] = sum;
    }
}
#endif
