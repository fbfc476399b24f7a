// Standard normal numbers ε of the counter-based generator (src/random.rs): Philox4x32-10 and
// Box–Muller. With flag MIX not ε but x_t and the training target, each
// x_coef · x_0 + eps_coef · ε. One block of four numbers per thread; SKIP of the first block's are
// left out.
//
// The elementary functions are our own, since WGSL allows its sin, cos and log errors that would
// make the noise of one seed differ visibly between GPUs.

@group(0) @binding(0) var<storage, read> uploaded: array<u32>;
#if MIX
// [image, pixel, channel]
@group(0) @binding(1) var<storage, read_write> x_t: array<f32>;
// [image, channel, pixel]
@group(0) @binding(2) var<storage, read_write> training_target: array<f32>;
#else
@group(0) @binding(1) var<storage, read_write> normals: array<f32>;
#endif

// 2^-32
const SCALE: f32 = 2.3283064e-10;
const TAU: f32 = 6.2831855;
const LN_2: f32 = 0.6931472;

// The upper 32 bits of a product.
fn multiply_high(a: u32, b: u32) -> u32 {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
    let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
    return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
}

fn philox(start: vec4<u32>, start_key: vec2<u32>) -> vec4<u32> {
    var counter = start;
    var key = start_key;
    for (var round: u32 = 0u; round < 10u; round += 1u) {
        counter = vec4<u32>(
            multiply_high(0xCD9E8D57u, counter.z) ^ counter.y ^ key.x,
            0xCD9E8D57u * counter.z,
            multiply_high(0xD2511F53u, counter.x) ^ counter.w ^ key.y,
            0xD2511F53u * counter.x,
        );
        key += vec2<u32>(0x9E3779B9u, 0xBB67AE85u);
    }
    return counter;
}

// 2 artanh(s) = ln((1 + s) / (1 - s)) for |s| <= 0.18.
fn twice_artanh(s: f32) -> f32 {
    let square = s * s;
    return 2.0 * s
        * (1.0 + square * (1.0 / 3.0 + square * (0.2 + square * (1.0 / 7.0 + square / 9.0))));
}

// -ln((lane + 1/2) / 2^32).
fn minus_log(lane: u32) -> f32 {
    // Close to 1, what is missing there has digits that the number itself has not.
    if (lane >= 0xC0000000u) {
        let missing = (f32(~lane) + 0.5) * SCALE;
        return twice_artanh(missing / (2.0 - missing));
    }
    // As m · 2^exponent with m between √½ and √2.
    let bits = bitcast<u32>(f32(lane) + 0.5) - 0x3f3504f3u;
    let exponent = f32(i32(bits) >> 23u) - 32.0;
    let m = bitcast<f32>((bits & 0x007fffffu) + 0x3f3504f3u);
    return -(exponent * LN_2 + twice_artanh((m - 1.0) / (m + 1.0)));
}

// Cosine and sine of lane / 2^32 turns: of at most an eighth of a turn either way, then turned by
// quarters.
fn turn(lane: u32) -> vec2<f32> {
    let quarter = (lane + 0x20000000u) >> 30u;
    let angle = f32(i32(lane - (quarter << 30u))) * (TAU * SCALE);
    let square = angle * angle;
    let sine = angle * (1.0 - square / 6.0
        * (1.0 - square / 20.0 * (1.0 - square / 42.0 * (1.0 - square / 72.0))));
    let cosine = 1.0 - square / 2.0
        * (1.0 - square / 12.0 * (1.0 - square / 30.0 * (1.0 - square / 56.0)));
    switch (quarter) {
        case 1u: { return vec2<f32>(-sine, cosine); }
        case 2u: { return vec2<f32>(-cosine, -sine); }
        case 3u: { return vec2<f32>(sine, -cosine); }
        default: { return vec2<f32>(cosine, sine); }
    }
}

fn pair(lanes: vec2<u32>) -> vec2<f32> {
    return sqrt(2.0 * minus_log(lanes.x)) * turn(lanes.y);
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let block = (group_id.y * DISPATCH_WIDTH + group_id.x) * THREADS + lane;
    if (block * 4u >= SKIP + COUNT) {
        return;
    }
    // uploaded: key, step, stream, first block (two words), then what MIX needs.
    let low = uploaded[4] + block;
    let high = uploaded[5] + select(0u, 1u, low < block);
    let counter = vec4<u32>(low, high, uploaded[2], uploaded[3]);
    let lanes = philox(counter, vec2<u32>(uploaded[0], uploaded[1]));
    let numbers = vec4<f32>(pair(lanes.xy), pair(lanes.zw));
    for (var i: u32 = 0u; i < 4u; i += 1u) {
        let number = block * 4u + i;
        if (number >= SKIP && number < SKIP + COUNT) {
            put(number - SKIP, numbers[i]);
        }
    }
}

#if MIX
fn coefficient(image: u32, which: u32) -> f32 {
    return bitcast<f32>(uploaded[HEADER + 4u * image + which]);
}

fn put(index: u32, eps: f32) {
    let image = index / (CHANNELS * PIXELS);
    let channel = index / PIXELS % CHANNELS;
    let x_0 = bitcast<f32>(uploaded[X_0_START + index]);
    let channels_last = (image * PIXELS + index % PIXELS) * CHANNELS + channel;
    x_t[channels_last] = coefficient(image, 0u) * x_0 + coefficient(image, 1u) * eps;
    training_target[index] = coefficient(image, 2u) * x_0 + coefficient(image, 3u) * eps;
}
#else
fn put(index: u32, number: f32) {
    normals[index] = number;
}
#endif
