// Convolution and its gradient with respect to the input, as an implicit matrix product.
//
// Both are  target[pixel, n] = sum over k of  source[pixel, k] * weight[k, n],  where k runs
// over the taps of the kernel and, within a tap, over the channels of the source. The matrix
// source[pixel, k] (the "im2col" matrix) is never written out: its entries are looked up in the
// source image while a tile is loaded.
//
//   forward:         source = x, target = y
//   gradient of x:   source = gradient of y, target = gradient of x (flag GRAD_INPUT)
//
// Every pixel of the source counts as REPEAT x REPEAT pixels, whose number SOURCE_HEIGHT and
// SOURCE_WIDTH say: upsampling to the nearest pixel is then not written out.
//
// With flag ADD, the PIXELS_PER_ADDEND pixels of the target that follow each other get the same numbers
// of `addend` added.
//
// Tiling. A workgroup computes TILE_PIXELS x TILE_CHANNELS of the target. It walks along k in
// steps of DEPTH. For each step all threads together copy the TILE_PIXELS x DEPTH part of the
// source and the DEPTH x TILE_CHANNELS part of the weights into workgroup memory. Then each
// thread adds to its own ROWS pixels x 4 channels, kept in registers. A vec4 read from workgroup
// memory takes part in 16 multiply-adds if it holds source, in 4 ROWS if it holds weights; a
// number read from global memory in TILE_CHANNELS or TILE_PIXELS.
//
// Stride in the gradient. With stride S, an input pixel only met the taps whose offset has the
// right remainder modulo S. The pixels of one remainder in y and x form a phase; a workgroup
// works on one phase, so all its pixels share the same taps and none is multiplied by zero.
//
// Source, Target and Addend are what the maps are stored as, f32 or f16; all sums are f32.
//
// Constants: BATCH, SOURCE_HEIGHT, SOURCE_WIDTH, SOURCE_CHANNELS, TARGET_HEIGHT, TARGET_WIDTH,
// TARGET_CHANNELS, KERNEL, STRIDE, PADDING; the tile; WORKGROUPS and DISPATCH_WIDTH of the
// launch.

#if SOURCE_VEC4
@group(0) @binding(0) var<storage, read> source: array<Source4>;
#else
@group(0) @binding(0) var<storage, read> source: array<Source1>;
#endif
#if WEIGHT_VEC4
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
#else
@group(0) @binding(1) var<storage, read> weight: array<f32>;
#endif
#if TARGET_VEC4
@group(0) @binding(2) var<storage, read_write> output: array<Target4>;
#else
@group(0) @binding(2) var<storage, read_write> output: array<Target1>;
#endif
#if ADD
#if TARGET_VEC4
alias Addend = Addend4;
#else
alias Addend = Addend1;
#endif
#endif
#if GRAD_INPUT
#if ADD
@group(0) @binding(3) var<storage, read> addend: array<Addend>;
#endif
#else
@group(0) @binding(3) var<storage, read> bias: array<f32>;
#if ADD
@group(0) @binding(4) var<storage, read> addend: array<Addend>;
#endif
#endif

// Everything counted in vec4s is called QUADS. One vec4 of padding per row of a tile keeps threads
// that read or write a column from hitting the same memory bank.
const DEPTH_QUADS: u32 = DEPTH / 4u;
const CHANNEL_QUADS: u32 = TILE_CHANNELS / 4u;
const SOURCE_PITCH: u32 = DEPTH_QUADS + 1u;
const WEIGHT_PITCH: u32 = CHANNEL_QUADS + 1u;
const SOURCE_TILE_QUADS: u32 = TILE_PIXELS * DEPTH_QUADS;
const WEIGHT_TILE_QUADS: u32 = DEPTH * CHANNEL_QUADS;
// Pixels of a thread lie this far apart.
const ROW_STEP: u32 = TILE_PIXELS / ROWS;

var<workgroup> source_tile: array<vec4<f32>, TILE_PIXELS * SOURCE_PITCH>; // [pixel][k / 4]
var<workgroup> weight_tile: array<vec4<f32>, DEPTH * WEIGHT_PITCH>;       // [k][channel / 4]

// The taps and pixels of a workgroup; in the forward pass all taps and all pixels.
struct Phase {
    first_pixel: vec2<u32>, // (y, x) of the first target pixel
    size: vec2<u32>,        // target pixels in y and x
    first_tap: vec2<u32>,
    taps: vec2<u32>,
    shift: vec2<i32>,       // from target to source pixel
    depth: u32,             // extent of k
}

fn phase_at(index: u32) -> Phase {
    var phase: Phase;
#if GRAD_INPUT
    let remainder = vec2<u32>(index / STRIDE, index % STRIDE);
    phase.first_pixel = remainder;
    phase.size = (vec2<u32>(TARGET_HEIGHT, TARGET_WIDTH) + (STRIDE - 1u) - remainder) / STRIDE;
    // x[S q + r] met y[o] by tap t where S o + t - PADDING = S q + r.
    phase.first_tap = (remainder + PADDING) % STRIDE;
    let last = max(vec2<u32>(KERNEL + STRIDE - 1u), phase.first_tap);
    phase.taps = (last - phase.first_tap) / STRIDE;
    phase.shift = (vec2<i32>(remainder + PADDING) - vec2<i32>(phase.first_tap)) / i32(STRIDE);
#else
    phase.first_pixel = vec2<u32>(0u);
    phase.size = vec2<u32>(TARGET_HEIGHT, TARGET_WIDTH);
    phase.first_tap = vec2<u32>(0u);
    phase.taps = vec2<u32>(KERNEL);
    phase.shift = vec2<i32>(-i32(PADDING));
#endif
    phase.depth = phase.taps.x * phase.taps.y * SOURCE_CHANNELS;
    return phase;
}

// (image, y, x) of a pixel of the phase.
fn pixel_at(index: u32, size: vec2<u32>) -> vec3<u32> {
    return vec3<u32>(index / (size.x * size.y), index / size.y % size.x, index % size.y);
}

// (image, y, x) of the source pixel under tap (0, 0). Rows beyond the last pixel get a place that
// is outside of the image for every tap.
fn origin_of(index: u32, pixels: u32, phase: Phase) -> vec3<i32> {
    if (index >= pixels) {
        return vec3<i32>(0, -0x40000000, 0);
    }
    let pixel = vec3<i32>(pixel_at(index, phase.size));
#if GRAD_INPUT
    return vec3<i32>(pixel.x, pixel.yz + phase.shift);
#else
    return vec3<i32>(pixel.x, pixel.yz * i32(STRIDE) + phase.shift);
#endif
}

// (channel, tap y, tap x) of position k along the product.
fn tap_at(k: u32, phase: Phase) -> vec3<u32> {
    let tap = k / SOURCE_CHANNELS;
    return vec3<u32>(k % SOURCE_CHANNELS, tap / phase.taps.y, tap % phase.taps.y);
}

// Index of a number of the source, or -1 outside of the image.
fn source_index(origin: vec3<i32>, tap: vec3<u32>) -> i32 {
#if GRAD_INPUT
    let place = origin.yz - vec2<i32>(tap.yz);
#else
    let place = origin.yz + vec2<i32>(tap.yz);
#endif
    let size = vec2<i32>(i32(SOURCE_HEIGHT), i32(SOURCE_WIDTH));
    if (any(place < vec2<i32>(0)) || any(place >= size)) {
        return -1;
    }
    let repeat = i32(REPEAT);
    let lines = origin.x * (size.x / repeat) + place.x / repeat;
    let pixel = lines * (size.y / repeat) + place.y / repeat;
    return pixel * i32(SOURCE_CHANNELS) + i32(tap.x);
}

#if SOURCE_VEC4
fn load_source(origin: vec3<i32>, k: u32, tap: vec3<u32>, phase: Phase) -> vec4<f32> {
    let index = source_index(origin, tap);
    if (k >= phase.depth || index < 0) {
        return vec4<f32>(0.0);
    }
    return vec4<f32>(source[u32(index) / 4u]);
}
#else
fn load_source_scalar(origin: vec3<i32>, k: u32, phase: Phase) -> f32 {
    let index = source_index(origin, tap_at(k, phase));
    if (k >= phase.depth || index < 0) {
        return 0.0;
    }
    return f32(source[u32(index)]);
}

fn load_source(origin: vec3<i32>, k: u32, tap: vec3<u32>, phase: Phase) -> vec4<f32> {
    return vec4<f32>(
        load_source_scalar(origin, k, phase),
        load_source_scalar(origin, k + 1u, phase),
        load_source_scalar(origin, k + 2u, phase),
        load_source_scalar(origin, k + 3u, phase),
    );
}
#endif

#if WEIGHT_VEC4
#else
fn load_weight_scalar(start: u32, step: u32, n: u32) -> f32 {
    if (n >= TARGET_CHANNELS) {
        return 0.0;
    }
    return weight[start + n * step];
}
#endif

// weight[k, n .. n + 4].
fn load_weight(k: u32, n: u32, phase: Phase) -> vec4<f32> {
    if (k >= phase.depth || n >= TARGET_CHANNELS) {
        return vec4<f32>(0.0);
    }
#if WEIGHT_VEC4
    return weight[(k * TARGET_CHANNELS + n) / 4u];
#else
#if GRAD_INPUT
    // The stored weight is [tap, n, k], read transposed.
    let place = tap_at(k, phase);
    let tap = phase.first_tap + STRIDE * place.yz;
    let start = (tap.x * KERNEL + tap.y) * TARGET_CHANNELS * SOURCE_CHANNELS + place.x;
    let step = SOURCE_CHANNELS;
#else
    let start = k * TARGET_CHANNELS;
    let step = 1u;
#endif
    return vec4<f32>(
        load_weight_scalar(start, step, n),
        load_weight_scalar(start, step, n + 1u),
        load_weight_scalar(start, step, n + 2u),
        load_weight_scalar(start, step, n + 3u),
    );
#endif
}

// What is added to channels n .. n + 4 of a pixel.
fn addend_at(pixel: u32, n: u32) -> vec4<f32> {
#if ADD
    let start = pixel / PIXELS_PER_ADDEND * TARGET_CHANNELS;
#if TARGET_VEC4
    return vec4<f32>(addend[(start + n) / 4u]);
#else
    // Past the last channel nothing is stored, so any value will do.
    let last = TARGET_CHANNELS - 1u;
    return vec4<f32>(
        f32(addend[start + n]),
        f32(addend[start + min(n + 1u, last)]),
        f32(addend[start + min(n + 2u, last)]),
        f32(addend[start + min(n + 3u, last)]),
    );
#endif
#else
    return vec4<f32>(0.0);
#endif
}

fn store(index: u32, pixels: u32, n: u32, phase: Phase, value: vec4<f32>) {
    if (index >= pixels || n >= TARGET_CHANNELS) {
        return;
    }
#if GRAD_INPUT
    let place = pixel_at(index, phase.size);
    let y = phase.first_pixel.x + STRIDE * place.y;
    let x = phase.first_pixel.y + STRIDE * place.z;
    let pixel = (place.x * TARGET_HEIGHT + y) * TARGET_WIDTH + x;
#else
    let pixel = index;
#endif
    let start = pixel * TARGET_CHANNELS + n;
#if TARGET_VEC4
    output[start / 4u] = Target4(value + addend_at(pixel, n));
#else
    let sum = Target4(value + addend_at(pixel, n));
    output[start] = sum.x;
    if (n + 1u < TARGET_CHANNELS) { output[start + 1u] = sum.y; }
    if (n + 2u < TARGET_CHANNELS) { output[start + 2u] = sum.z; }
    if (n + 3u < TARGET_CHANNELS) { output[start + 3u] = sum.w; }
#endif
}

fn bias_at(n: u32) -> vec4<f32> {
#if GRAD_INPUT
    return vec4<f32>(0.0);
#else
    // Past the last channel nothing is stored, so any value will do.
    let last = TARGET_CHANNELS - 1u;
    return vec4<f32>(
        bias[min(n, last)],
        bias[min(n + 1u, last)],
        bias[min(n + 2u, last)],
        bias[min(n + 3u, last)],
    );
#endif
}

// sum + (a as a row) times (the matrix with rows b0 … b3).
fn multiply_add(
    sum: vec4<f32>,
    a: vec4<f32>,
    b0: vec4<f32>,
    b1: vec4<f32>,
    b2: vec4<f32>,
    b3: vec4<f32>,
) -> vec4<f32> {
    let first = fma(vec4<f32>(a.y), b1, fma(vec4<f32>(a.x), b0, sum));
    return fma(vec4<f32>(a.w), b3, fma(vec4<f32>(a.z), b2, first));
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let group = group_id.y * DISPATCH_WIDTH + group_id.x;
    if (group >= WORKGROUPS) {
        return;
    }
    // Neighbouring workgroups share pixels, which are then still in the cache.
    let first_channel = group % TILES_OF_CHANNELS * TILE_CHANNELS;
    let first_pixel = group / TILES_OF_CHANNELS % TILES_OF_PIXELS * TILE_PIXELS;
    let phase = phase_at(group / (TILES_OF_CHANNELS * TILES_OF_PIXELS));
    let pixels = BATCH * phase.size.x * phase.size.y;

    // What this thread copies: one k-quad of SOURCE_LOADS pixels, and WEIGHT_LOADS vec4s of weight.
    let copied_quad = lane % DEPTH_QUADS;
    let copied_row = lane / DEPTH_QUADS;
    #repeat SOURCE_LOADS let origin$i = origin_of(first_pixel + copied_row + $iu * (THREADS / DEPTH_QUADS), pixels, phase);

    // What this thread computes: channels 4 * column … + 3 of pixels row, row + ROW_STEP, …
    let column = lane % CHANNEL_QUADS;
    let row = lane / CHANNEL_QUADS;
    let initial = bias_at(first_channel + 4u * column);
    #repeat ROWS var sum$i = initial;

    for (var k: u32 = 0u; k < phase.depth; k += DEPTH) {
        let copied_k = k + 4u * copied_quad;
        let tap = tap_at(copied_k, phase);
        #repeat SOURCE_LOADS if (lane + $iu * THREADS < SOURCE_TILE_QUADS) { source_tile[(copied_row + $iu * (THREADS / DEPTH_QUADS)) * SOURCE_PITCH + copied_quad] = load_source(origin$i, copied_k, tap, phase); }
        #repeat WEIGHT_LOADS copy_weight(lane + $iu * THREADS, k, first_channel, phase);
        workgroupBarrier();

        for (var quad: u32 = 0u; quad < DEPTH_QUADS; quad += 1u) {
            let at = 4u * quad * WEIGHT_PITCH + column;
            let b0 = weight_tile[at];
            let b1 = weight_tile[at + WEIGHT_PITCH];
            let b2 = weight_tile[at + 2u * WEIGHT_PITCH];
            let b3 = weight_tile[at + 3u * WEIGHT_PITCH];
            #repeat ROWS sum$i = multiply_add(sum$i, source_tile[(row + $iu * ROW_STEP) * SOURCE_PITCH + quad], b0, b1, b2, b3);
        }
        workgroupBarrier();
    }
    #repeat ROWS store(first_pixel + row + $iu * ROW_STEP, pixels, first_channel + 4u * column, phase, sum$i);
}

// Copies one vec4 of the weight tile. Neighbouring threads read neighbouring numbers: along the
// channels in the forward pass, along k where the weight is read transposed.
fn copy_weight(index: u32, k: u32, first_channel: u32, phase: Phase) {
    if (index >= WEIGHT_TILE_QUADS) {
        return;
    }
#if GRAD_INPUT
    let depth = index % DEPTH;
    let quad = index / DEPTH;
#else
    let depth = index / CHANNEL_QUADS;
    let quad = index % CHANNEL_QUADS;
#endif
    weight_tile[depth * WEIGHT_PITCH + quad] =
        load_weight(k + depth, first_channel + 4u * quad, phase);
}
