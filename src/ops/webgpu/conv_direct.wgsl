// Convolution and its gradient with respect to the input where threads run on a CPU.
//
// The same products as conv.wgsl, for adapters that emulate a GPU (SwiftShader, llvmpipe). There
// workgroup memory is ordinary memory, a barrier suspends every thread of a workgroup, and each
// load from a buffer is scattered and checked, at the price of ten multiply-adds. So a thread
// shares nothing: it reads into a register tile as large as it can, PIXELS neighbours of a row by
// 4 QUADS channels, and reads the columns of the source under those pixels once for all taps of a
// row of the kernel.
//
// The gradient (flag GRAD_INPUT, stride 1 only) is the same walk with the taps mirrored and the
// weight transposed: source = gradient of y, target = gradient of x. SHIFT is the padding that
// walk sees. REPEAT and flag ADD are those of conv.wgsl. Channels on both sides are multiples of 4,
// PIXELS divides TARGET_WIDTH, and QUADS the vec4s of target channels.

@group(0) @binding(0) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4<f32>>;
#if GRAD_INPUT
#if ADD
@group(0) @binding(3) var<storage, read> addend: array<vec4<f32>>;
#endif
#else
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
#if ADD
@group(0) @binding(4) var<storage, read> addend: array<vec4<f32>>;
#endif
#endif

const SOURCE_QUADS: u32 = SOURCE_CHANNELS / 4u;
const TARGET_QUADS: u32 = TARGET_CHANNELS / 4u;
const TILES_X: u32 = TARGET_WIDTH / PIXELS;
const TILES_CHANNELS: u32 = TARGET_QUADS / QUADS;

// The 4 x 4 weights of a tap between source channels 4 source_quad … and target channels
// 4 target_quad …, as they lie in memory: columns are source channels, or target channels in the
// gradient.
fn weights(ky: u32, kx: u32, source_quad: u32, target_quad: u32) -> mat4x4<f32> {
#if GRAD_INPUT
    let tap = KERNEL * KERNEL - 1u - (ky * KERNEL + kx);
    let at = (tap * TARGET_CHANNELS + 4u * target_quad) * SOURCE_QUADS + source_quad;
    let step = SOURCE_QUADS;
#else
    let tap = ky * KERNEL + kx;
    let at = (tap * SOURCE_CHANNELS + 4u * source_quad) * TARGET_QUADS + target_quad;
    let step = TARGET_QUADS;
#endif
    return mat4x4<f32>(weight[at], weight[at + step], weight[at + 2u * step], weight[at + 3u * step]);
}

fn product(m: mat4x4<f32>, values: vec4<f32>) -> vec4<f32> {
#if GRAD_INPUT
    return values * m;
#else
    return m * values;
#endif
}

fn initial(pixel: u32, quad: u32) -> vec4<f32> {
#if GRAD_INPUT
    let start = vec4<f32>(0.0);
#else
    let start = bias[quad];
#endif
#if ADD
    return start + addend[pixel * TARGET_QUADS + quad];
#else
    return start;
#endif
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group_id.y * DISPATCH_WIDTH + group_id.x) * THREADS + lane;
    let first_quad = thread % TILES_CHANNELS * QUADS;
    let first_x = thread / TILES_CHANNELS % TILES_X * PIXELS;
    let y = thread / (TILES_CHANNELS * TILES_X) % TARGET_HEIGHT;
    let image = thread / (TILES_CHANNELS * TILES_X * TARGET_HEIGHT);
    if (image >= BATCH) {
        return;
    }

    var sums: array<vec4<f32>, PIXELS * QUADS>;
    let first_pixel = (image * TARGET_HEIGHT + y) * TARGET_WIDTH + first_x;
    #repeat PIXELS #repeat QUADS sums[$iu * QUADS + $ju] = initial(first_pixel + $iu, first_quad + $ju);

    var inside: array<bool, COLUMNS>;
    var column: array<u32, COLUMNS>;
    var values: array<vec4<f32>, COLUMNS>;
    let left = i32(first_x * STRIDE) - SHIFT;
    #repeat COLUMNS inside[$i] = left + $i >= 0 && left + $i < i32(SOURCE_WIDTH);
    #repeat COLUMNS column[$i] = u32(clamp(left + $i, 0, i32(SOURCE_WIDTH) - 1)) / REPEAT * SOURCE_QUADS;

    for (var ky: u32 = 0u; ky < KERNEL; ky += 1u) {
        let source_y = i32(y * STRIDE + ky) - SHIFT;
        if (source_y < 0 || source_y >= i32(SOURCE_HEIGHT)) {
            continue;
        }
        let line = (image * (SOURCE_HEIGHT / REPEAT) + u32(source_y) / REPEAT) * (SOURCE_WIDTH / REPEAT) * SOURCE_QUADS;
        for (var quad: u32 = 0u; quad < SOURCE_QUADS; quad += 1u) {
            #repeat COLUMNS values[$i] = select(vec4<f32>(0.0), source[line + column[$i] + quad], inside[$i]);
            #repeat KERNEL #repeat QUADS let m$i_$j = weights(ky, $iu, quad, first_quad + $ju);
            #repeat KERNEL #repeat QUADS #repeat PIXELS sums[$ku * QUADS + $ju] += product(m$i_$j, values[$ku * STRIDE + $iu]);
        }
    }

    let start = first_pixel * TARGET_QUADS + first_quad;
    #repeat PIXELS #repeat QUADS output[start + $iu * TARGET_QUADS + $ju] = sums[$iu * QUADS + $ju];
}
