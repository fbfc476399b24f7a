// Convolution and its gradient with respect to the input where threads run on a CPU.
//
// The same products as conv.wgsl, for adapters that emulate a GPU (SwiftShader, llvmpipe). There
// workgroup memory is ordinary memory, a barrier suspends every thread of a workgroup, and each
// load from a buffer is scattered and checked, at the price of ten multiply-adds. So a thread
// shares nothing: it reads into a register tile as large as it can, PIXELS neighbours of a row by
// 4 QUADS channels, and reads the columns of the source under those pixels once for all taps of a
// row of the kernel.
//
// The gradient (flag GRAD_INPUT) is the same walk with the taps mirrored and the weight transposed:
// source = gradient of y, target = gradient of x. SHIFT is the padding that walk sees; it goes
// pixel by pixel (STRIDE 1), and pixels of the source lie SPREAD apart, with zeros between them.
// REPEAT and flag ADD are those of conv.wgsl, flag PROJECTION that of conv_projection.wgsl.
//
// SOURCE_HEIGHT and SOURCE_WIDTH count the pixels that the walk sees, STORED_HEIGHT and STORED_WIDTH
// those there are. PIXELS divides TARGET_WIDTH, and QUADS the vec4s of target channels. Where there
// is no whole number of vec4s, bindings count in numbers.

#if SOURCE_VEC4
@group(0) @binding(0) var<storage, read> source: array<vec4<f32>>;
#else
@group(0) @binding(0) var<storage, read> source: array<f32>;
#endif
#if WEIGHT_VEC4
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
#else
@group(0) @binding(1) var<storage, read> weight: array<f32>;
#endif
#if TARGET_VEC4
alias Target = vec4<f32>;
#else
alias Target = f32;
#endif
@group(0) @binding(2) var<storage, read_write> output: array<Target>;
#if GRAD_INPUT
#if ADD
@group(0) @binding(3) var<storage, read> addend: array<Target>;
#endif
#if PROJECTION
@group(0) @binding(3) var<storage, read> shortcut_weight: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> shortcut_grad: array<vec4<f32>>;
#if ADD_SHORTCUT
@group(0) @binding(5) var<storage, read> shortcut_addend: array<vec4<f32>>;
#endif
#endif
#else
@group(0) @binding(3) var<storage, read> bias: array<Target>;
#if ADD
@group(0) @binding(4) var<storage, read> addend: array<Target>;
#endif
#if PROJECTION
@group(0) @binding(4) var<storage, read> shortcut: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> shortcut_weight: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> shortcut_bias: array<vec4<f32>>;
#endif
#endif

const SOURCE_QUADS: u32 = (SOURCE_CHANNELS + 3u) / 4u;
const TARGET_QUADS: u32 = (TARGET_CHANNELS + 3u) / 4u;
const TILES_X: u32 = TARGET_WIDTH / PIXELS;
#if PROJECTION
const SHORTCUT_QUADS: u32 = SHORTCUT_CHANNELS / 4u;
#endif
// Of the target; in the gradient those of the shortcut's gradient follow.
const TILES_CHANNELS: u32 = (TARGET_QUADS + MORE_QUADS) / QUADS;

// Four channels of the source's pixel that begins at `start`; zeros past the last.
#if SOURCE_VEC4
const SOURCE_STEP: u32 = SOURCE_QUADS;

fn source_at(start: u32, quad: u32) -> vec4<f32> {
    return source[start + quad];
}
#else
const SOURCE_STEP: u32 = SOURCE_CHANNELS;

fn source_number(start: u32, channel: u32) -> f32 {
    let number = source[start + min(channel, SOURCE_CHANNELS - 1u)];
    return select(0.0, number, channel < SOURCE_CHANNELS);
}

fn source_at(start: u32, quad: u32) -> vec4<f32> {
    let channel = 4u * quad;
    return vec4<f32>(
        source_number(start, channel),
        source_number(start, channel + 1u),
        source_number(start, channel + 2u),
        source_number(start, channel + 3u),
    );
}
#endif

// The weights of a tap are rows of numbers: [source channel, target channel], or the other way round in
// the gradient.
#if GRAD_INPUT
const WEIGHT_ROWS: u32 = TARGET_CHANNELS;
const WEIGHT_COLUMNS: u32 = SOURCE_CHANNELS;
#else
const WEIGHT_ROWS: u32 = SOURCE_CHANNELS;
const WEIGHT_COLUMNS: u32 = TARGET_CHANNELS;
#endif

// The 4 x 4 weights of a tap from its row 4 row_quad and column 4 column_quad on, rows as columns.
#if WEIGHT_VEC4
const WEIGHT_STEP: u32 = WEIGHT_COLUMNS / 4u;

fn weights_at(tap: u32, row_quad: u32, column_quad: u32) -> mat4x4<f32> {
    let at = (tap * WEIGHT_ROWS + 4u * row_quad) * WEIGHT_STEP + column_quad;
    return mat4x4<f32>(
        weight[at],
        weight[at + WEIGHT_STEP],
        weight[at + 2u * WEIGHT_STEP],
        weight[at + 3u * WEIGHT_STEP],
    );
}
#else
// Past the last row or column any number will do: it meets a zero, or what is not stored.
fn weight_row(tap: u32, row: u32, column: u32) -> vec4<f32> {
    let start = (tap * WEIGHT_ROWS + min(row, WEIGHT_ROWS - 1u)) * WEIGHT_COLUMNS;
    let last = WEIGHT_COLUMNS - 1u;
    return vec4<f32>(
        weight[start + min(column, last)],
        weight[start + min(column + 1u, last)],
        weight[start + min(column + 2u, last)],
        weight[start + min(column + 3u, last)],
    );
}

fn weights_at(tap: u32, row_quad: u32, column_quad: u32) -> mat4x4<f32> {
    let row = 4u * row_quad;
    let column = 4u * column_quad;
    return mat4x4<f32>(
        weight_row(tap, row, column),
        weight_row(tap, row + 1u, column),
        weight_row(tap, row + 2u, column),
        weight_row(tap, row + 3u, column),
    );
}
#endif

// The weights of a tap between source channels 4 source_quad … and target channels 4 target_quad …, as
// `product` wants them.
fn weights(ky: u32, kx: u32, source_quad: u32, target_quad: u32) -> mat4x4<f32> {
    let tap = ky * KERNEL + kx;
#if GRAD_INPUT
    return weights_at(KERNEL * KERNEL - 1u - tap, target_quad, source_quad);
#else
    return weights_at(tap, source_quad, target_quad);
#endif
}

fn product(m: mat4x4<f32>, values: vec4<f32>) -> vec4<f32> {
#if GRAD_INPUT
    return values * m;
#else
    return m * values;
#endif
}

// What the sums of four channels begin with, and where they go.
#if TARGET_VEC4
fn initial(pixel: u32, quad: u32) -> vec4<f32> {
    var sum = vec4<f32>(0.0);
#if GRAD_INPUT
#else
    sum += bias[quad];
#if PROJECTION
    sum += shortcut_bias[quad];
#endif
#endif
#if ADD
    sum += addend[pixel * TARGET_QUADS + quad];
#endif
    return sum;
}

fn store(pixel: u32, quad: u32, sum: vec4<f32>) {
    output[pixel * TARGET_QUADS + quad] = sum;
}
#else
fn initial_number(pixel: u32, channel: u32) -> f32 {
    // Past the last channel nothing is stored, so any value will do.
    let n = min(channel, TARGET_CHANNELS - 1u);
    var sum = 0.0;
#if GRAD_INPUT
#else
    sum += bias[n];
#endif
#if ADD
    sum += addend[pixel * TARGET_CHANNELS + n];
#endif
    return sum;
}

fn initial(pixel: u32, quad: u32) -> vec4<f32> {
    let n = 4u * quad;
    return vec4<f32>(
        initial_number(pixel, n),
        initial_number(pixel, n + 1u),
        initial_number(pixel, n + 2u),
        initial_number(pixel, n + 3u),
    );
}

fn store(pixel: u32, quad: u32, sum: vec4<f32>) {
    let n = 4u * quad;
    let start = pixel * TARGET_CHANNELS + n;
    output[start] = sum.x;
    if (n + 1u < TARGET_CHANNELS) { output[start + 1u] = sum.y; }
    if (n + 2u < TARGET_CHANNELS) { output[start + 2u] = sum.z; }
    if (n + 3u < TARGET_CHANNELS) { output[start + 3u] = sum.w; }
}
#endif

#if PROJECTION
// The weights of the shortcut from row 4 row_quad and column 4 column_quad on, rows as columns.
fn shortcut_weights(row_quad: u32, column_quad: u32, columns: u32) -> mat4x4<f32> {
    let at = 4u * row_quad * columns + column_quad;
    return mat4x4<f32>(
        shortcut_weight[at],
        shortcut_weight[at + columns],
        shortcut_weight[at + 2u * columns],
        shortcut_weight[at + 3u * columns],
    );
}

#if GRAD_INPUT
// The gradient of the shortcut's input.
fn project(first_pixel: u32, first_quad: u32) {
    var sums: array<vec4<f32>, PIXELS * QUADS>;
    let start = first_pixel * SHORTCUT_QUADS + first_quad;
#if ADD_SHORTCUT
    #repeat PIXELS #repeat QUADS sums[$iu * QUADS + $ju] = shortcut_addend[start + $iu * SHORTCUT_QUADS + $ju];
#endif
    for (var quad: u32 = 0u; quad < SOURCE_QUADS; quad += 1u) {
        #repeat QUADS let m$i = shortcut_weights(first_quad + $iu, quad, SOURCE_QUADS);
        #repeat PIXELS let value$i = source[(first_pixel + $iu) * SOURCE_QUADS + quad];
        #repeat PIXELS #repeat QUADS sums[$iu * QUADS + $ju] += value$i * m$j;
    }
    #repeat PIXELS #repeat QUADS shortcut_grad[start + $iu * SHORTCUT_QUADS + $ju] = sums[$iu * QUADS + $ju];
}
#endif
#endif

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
    let first_pixel = (image * TARGET_HEIGHT + y) * TARGET_WIDTH + first_x;
#if PROJECTION
#if GRAD_INPUT
    if (first_quad >= TARGET_QUADS) {
        project(first_pixel, first_quad - TARGET_QUADS);
        return;
    }
#endif
#endif

    var sums: array<vec4<f32>, PIXELS * QUADS>;
    #repeat PIXELS #repeat QUADS sums[$iu * QUADS + $ju] = initial(first_pixel + $iu, first_quad + $ju);

    var inside: array<bool, COLUMNS>;
    var column: array<u32, COLUMNS>;
    var values: array<vec4<f32>, COLUMNS>;
    let left = i32(first_x * STRIDE) - SHIFT;
    #repeat COLUMNS inside[$i] = left + $i >= 0 && left + $i < i32(SOURCE_WIDTH) && u32(left + $i) % SPREAD == 0u;
    #repeat COLUMNS column[$i] = u32(clamp(left + $i, 0, i32(SOURCE_WIDTH) - 1)) / (REPEAT * SPREAD) * SOURCE_STEP;

    for (var ky: u32 = 0u; ky < KERNEL; ky += 1u) {
        let source_y = i32(y * STRIDE + ky) - SHIFT;
        if (source_y < 0 || source_y >= i32(SOURCE_HEIGHT) || u32(source_y) % SPREAD != 0u) {
            continue;
        }
        let line = (image * STORED_HEIGHT + u32(source_y) / (REPEAT * SPREAD)) * STORED_WIDTH * SOURCE_STEP;
        for (var quad: u32 = 0u; quad < SOURCE_QUADS; quad += 1u) {
            #repeat COLUMNS values[$i] = select(vec4<f32>(0.0), source_at(line + column[$i], quad), inside[$i]);
            #repeat KERNEL #repeat QUADS let m$i_$j = weights(ky, $iu, quad, first_quad + $ju);
            #repeat KERNEL #repeat QUADS #repeat PIXELS sums[$ku * QUADS + $ju] += product(m$i_$j, values[$ku * STRIDE + $iu]);
        }
    }
#if PROJECTION
#if GRAD_INPUT
#else
    for (var quad: u32 = 0u; quad < SHORTCUT_QUADS; quad += 1u) {
        #repeat QUADS let m$i = shortcut_weights(quad, first_quad + $iu, TARGET_QUADS);
        #repeat PIXELS let value$i = shortcut[(first_pixel + $iu) * SHORTCUT_QUADS + quad];
        #repeat PIXELS #repeat QUADS sums[$iu * QUADS + $ju] += m$j * value$i;
    }
#endif
#endif

    #repeat PIXELS #repeat QUADS store(first_pixel + $iu, first_quad + $ju, sums[$iu * QUADS + $ju]);
}
