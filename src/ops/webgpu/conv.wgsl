// Convolution and its gradient with respect to the input, as an implicit matrix product, for any
// geometry; conv_common.wgsl goes before.
//
// Both are  target[pixel, n] = sum over k of  source[pixel, k] * weight[k, n],  where k runs
// over the taps of the kernel and, within a tap, over the channels of the source. The matrix
// source[pixel, k] (the "im2col" matrix) is never written out: its entries are looked up in the
// source image while a tile is loaded.
//
// Tiling. A workgroup computes TILE_PIXELS x TILE_CHANNELS of the target. It walks along k in
// rounds of DEPTH. In each round all threads together copy the TILE_PIXELS x DEPTH part of the
// source and the DEPTH x TILE_CHANNELS part of the weights into workgroup memory; then each part
// adds the products of its own STEPS quads of k.
//
// Stride in the gradient. With stride S, an input pixel only met the taps whose offset has the
// right remainder modulo S. The pixels of one remainder in y and x form a phase; a workgroup
// works on one phase, so all its pixels share the same taps and none is multiplied by zero.
//
// Flag WHOLE_TAPS: every round lies within one tap.

const DEPTH_QUADS: u32 = DEPTH / 4u;
const TILE_PIXELS: u32 = GROUPS * ROWS;
const SOURCE_TILE_QUADS: u32 = TILE_PIXELS * DEPTH_QUADS;
const WEIGHT_TILE_QUADS: u32 = DEPTH * CHANNEL_QUADS;
// Whether every thread copies a part of the weights' tile; others must not read past the weights.
const WHOLE_WEIGHT_TILE: bool = WEIGHT_TILE_QUADS % THREADS == 0u;
// For each column quad and each of four numbers i, STEPS vec4s: weights of four channels at number
// 4 step + i of the part's k; in the gradient, of channel i at the numbers 4 step … of that k.
const WEIGHT_PITCH: u32 = max(4u * COLUMN_QUADS * STEPS, GROUPS) | 1u;
const SOURCE_PITCH: u32 = (ROWS * STEPS) | 1u;
// [part, group][row, step]: source numbers 4 step … of the part's k.
var<workgroup> source_tile: array<array<vec4<f32>, SOURCE_PITCH>, PARTS * GROUPS>;

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

// (y, x) of the source pixel under tap (0, 0), and the number of the first pixel of the image or, where
// every pixel counts once, of that pixel itself. Pixels from `end` on get a place that is outside of the
// image for every tap.
fn origin_of(index: u32, end: u32, phase: Phase) -> vec3<i32> {
    let pixel = vec3<i32>(pixel_at(index, phase.size));
#if GRAD_INPUT
    let place = pixel.yz + phase.shift;
#else
    let place = pixel.yz * i32(STRIDE) + phase.shift;
#endif
    var start = pixel.x * i32((SOURCE_HEIGHT / REPEAT) * (SOURCE_WIDTH / REPEAT));
    if (REPEAT == 1u) {
        start += place.x * i32(SOURCE_WIDTH) + place.y;
    }
    return vec3<i32>(select(-0x40000000, place.x, index < end), place.y, start);
}

// (channel, tap y, tap x) of position k along the product.
fn tap_at(k: u32, phase: Phase) -> vec3<u32> {
    let tap = k / SOURCE_CHANNELS;
    return vec3<u32>(k % SOURCE_CHANNELS, tap / phase.taps.y, tap % phase.taps.y);
}

// The pixel under a tap as its number in the source, and whether there is one.
struct Place {
    pixel: i32,
    exists: bool,
}

fn place_under(origin: vec3<i32>, tap: vec2<u32>) -> Place {
#if GRAD_INPUT
    let offset = -vec2<i32>(tap);
#else
    let offset = vec2<i32>(tap);
#endif
    let y = origin.x + offset.x;
    let x = origin.y + offset.y;
    let exists = (u32(y) < SOURCE_HEIGHT) & (u32(x) < SOURCE_WIDTH);
    if (REPEAT == 1u) {
        return Place(origin.z + (offset.x * i32(SOURCE_WIDTH) + offset.y), exists);
    }
    let repeat = i32(REPEAT);
    return Place(origin.z + y / repeat * (i32(SOURCE_WIDTH) / repeat) + x / repeat, exists);
}

// source[pixel, k … k + 4] for the pixel of `origin` and k = start + 4 quad.
#if SOURCE_VEC4
fn load_source(origin: vec3<i32>, start: u32, quad: u32, phase: Phase) -> vec4<f32> {
#if WHOLE_TAPS
    let tap = tap_at(start, phase);
    let place = place_under(origin, tap.yz);
    let index = place.pixel * i32(SOURCE_CHANNELS / 4u) + i32(tap.x / 4u + quad);
    let exists = place.exists;
#else
    let k = start + 4u * quad;
    let tap = tap_at(k, phase);
    let place = place_under(origin, tap.yz);
    let index = place.pixel * i32(SOURCE_CHANNELS / 4u) + i32(tap.x / 4u);
    let exists = place.exists & (k < phase.depth);
#endif
    let value = vec4<f32>(source[u32(select(0, index, exists))]);
    return select(vec4<f32>(0.0), value, exists);
}
#else
fn load_source_scalar(origin: vec3<i32>, k: u32, phase: Phase) -> f32 {
    let tap = tap_at(k, phase);
    let place = place_under(origin, tap.yz);
    let exists = place.exists & (k < phase.depth);
    let index = place.pixel * i32(SOURCE_CHANNELS) + i32(tap.x);
    return select(0.0, f32(source[u32(select(0, index, exists))]), exists);
}

fn load_source(origin: vec3<i32>, start: u32, quad: u32, phase: Phase) -> vec4<f32> {
    let k = start + 4u * quad;
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
fn load_weight_scalar(k: u32, n: u32, phase: Phase) -> f32 {
    let exists = (k < phase.depth) & (n < TARGET_CHANNELS);
#if GRAD_INPUT
    let place = tap_at(k, phase);
    let tap = phase.first_tap + STRIDE * place.yz;
    let index = ((tap.x * KERNEL + tap.y) * TARGET_CHANNELS + n) * SOURCE_CHANNELS + place.x;
#else
    let index = k * TARGET_CHANNELS + n;
#endif
    return select(0.0, weight[select(0u, index, exists)], exists);
}
#endif

// One vec4 of the weights' tile. Neighbouring threads read neighbouring numbers: in the forward pass
// weight[k, n … n + 4], neighbours along n; in the gradient, where the stored weight is [tap, n, channel],
// weight[k … k + 4, n], neighbours along k.
fn load_weight(index: u32, start: u32, first_channel: u32, phase: Phase) -> vec4<f32> {
    let in_tile = WHOLE_WEIGHT_TILE | (index < WEIGHT_TILE_QUADS);
#if GRAD_INPUT
    let quad = index % DEPTH_QUADS;
    let n = first_channel + index / DEPTH_QUADS;
    let k = start + 4u * quad;
#if WEIGHT_VEC4
#if WHOLE_TAPS
    let place = tap_at(start, phase);
    let channel_quad = place.x / 4u + quad;
    let exists = in_tile & (WHOLE_CHANNELS | (n < TARGET_CHANNELS));
#else
    let place = tap_at(k, phase);
    let channel_quad = place.x / 4u;
    let exists = in_tile & (k < phase.depth) & (WHOLE_CHANNELS | (n < TARGET_CHANNELS));
#endif
    let tap = phase.first_tap + STRIDE * place.yz;
    let first = (tap.x * KERNEL + tap.y) * (TARGET_CHANNELS * (SOURCE_CHANNELS / 4u));
    let at = first + (n * (SOURCE_CHANNELS / 4u) + channel_quad);
    return select(vec4<f32>(0.0), weight[select(0u, at, exists)], exists);
#else
    return vec4<f32>(
        load_weight_scalar(k, n, phase),
        load_weight_scalar(k + 1u, n, phase),
        load_weight_scalar(k + 2u, n, phase),
        load_weight_scalar(k + 3u, n, phase),
    );
#endif
#else
    let k = start + index / CHANNEL_QUADS;
    let n = first_channel + 4u * (index % CHANNEL_QUADS);
#if WEIGHT_VEC4
#if WHOLE_TAPS
    let exists = in_tile & (WHOLE_CHANNELS | (n < TARGET_CHANNELS));
#else
    let exists = in_tile & (k < phase.depth) & (WHOLE_CHANNELS | (n < TARGET_CHANNELS));
#endif
    let at = (k * TARGET_CHANNELS + n) / 4u;
    return select(vec4<f32>(0.0), weight[select(0u, at, exists)], exists);
#else
    return vec4<f32>(
        load_weight_scalar(k, n, phase),
        load_weight_scalar(k, n + 1u, phase),
        load_weight_scalar(k, n + 2u, phase),
        load_weight_scalar(k, n + 3u, phase),
    );
#endif
#endif
}

fn put_source(index: u32, value: vec4<f32>) {
    if (index < SOURCE_TILE_QUADS) {
        let quad = index % DEPTH_QUADS;
        let row = index / DEPTH_QUADS;
        source_tile[quad / STEPS * GROUPS + row / ROWS][row % ROWS * STEPS + quad % STEPS] = value;
    }
}

fn put_weight(index: u32, value: vec4<f32>) {
    if (index < WEIGHT_TILE_QUADS) {
#if GRAD_INPUT
        let quad = index % DEPTH_QUADS;
        let n = index / DEPTH_QUADS;
        let channel_quad = n / 4u;
        let i = n % 4u;
#else
        let k = index / CHANNEL_QUADS;
        let quad = k / 4u;
        let channel_quad = index % CHANNEL_QUADS;
        let i = k % 4u;
#endif
        let place = (channel_quad / COLUMNS * 4u + i) * STEPS + quad % STEPS;
        weight_tile[quad / STEPS * COLUMNS + channel_quad % COLUMNS][place] = value;
    }
}

// What a workgroup computes.
struct Tile {
    phase: Phase,
    pixels: u32, // of the phase
    first_pixel: u32,
}

fn target_pixel(tile: Tile, group: u32, row: u32) -> u32 {
    let index = tile.first_pixel + group * ROWS + row;
    var pixel = index;
#if GRAD_INPUT
    let place = pixel_at(index, tile.phase.size);
    let y = tile.phase.first_pixel.x + STRIDE * place.y;
    let x = tile.phase.first_pixel.y + STRIDE * place.z;
    pixel = (place.x * TARGET_HEIGHT + y) * TARGET_WIDTH + x;
#endif
    return select(NO_PIXEL, pixel, index < tile.pixels);
}

// Adds the products of one quad of k.
fn accumulate(sums: ptr<function, Sums>, group: u32, column: u32, step: u32) {
    #repeat COLUMN_QUADS let w$i_0 = weight_tile[column][($iu * 4u) * STEPS + step];
    #repeat COLUMN_QUADS let w$i_1 = weight_tile[column][($iu * 4u + 1u) * STEPS + step];
    #repeat COLUMN_QUADS let w$i_2 = weight_tile[column][($iu * 4u + 2u) * STEPS + step];
    #repeat COLUMN_QUADS let w$i_3 = weight_tile[column][($iu * 4u + 3u) * STEPS + step];
#if GRAD_INPUT
    #repeat COLUMN_QUADS let b$i_0 = vec4<f32>(w$i_0.x, w$i_1.x, w$i_2.x, w$i_3.x);
    #repeat COLUMN_QUADS let b$i_1 = vec4<f32>(w$i_0.y, w$i_1.y, w$i_2.y, w$i_3.y);
    #repeat COLUMN_QUADS let b$i_2 = vec4<f32>(w$i_0.z, w$i_1.z, w$i_2.z, w$i_3.z);
    #repeat COLUMN_QUADS let b$i_3 = vec4<f32>(w$i_0.w, w$i_1.w, w$i_2.w, w$i_3.w);
    #repeat ROWS let a$i = source_tile[group][$iu * STEPS + step];
    #repeat ROWS #repeat COLUMN_QUADS (*sums).s$i_$j = multiply_add((*sums).s$i_$j, a$i, b$j_0, b$j_1, b$j_2, b$j_3);
#else
    #repeat ROWS let a$i = source_tile[group][$iu * STEPS + step];
    #repeat ROWS #repeat COLUMN_QUADS (*sums).s$i_$j = multiply_add((*sums).s$i_$j, a$i, w$j_0, w$j_1, w$j_2, w$j_3);
#endif
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let workgroup = group_id.y * DISPATCH_WIDTH + group_id.x;
    if (workgroup >= WORKGROUPS) {
        return;
    }
    // Neighbouring workgroups share pixels, which are then still in the cache.
    let first_channel = workgroup % TILES_OF_CHANNELS * TILE_CHANNELS;
    let first_pixel = workgroup / TILES_OF_CHANNELS % TILES_OF_PIXELS * TILE_PIXELS;
    let phase = phase_at(workgroup / (TILES_OF_CHANNELS * TILES_OF_PIXELS));
    let pixels = BATCH * phase.size.x * phase.size.y;

    // What this thread copies: one quad of k of SOURCE_LOADS pixels, and WEIGHT_LOADS quads of weight.
    let copied_quad = lane % DEPTH_QUADS;
    let copied_row = lane / DEPTH_QUADS;
    let copied_end = min(first_pixel + TILE_PIXELS, pixels);
    #repeat SOURCE_LOADS let origin$i = origin_of(first_pixel + copied_row + $iu * (THREADS / DEPTH_QUADS), copied_end, phase);
    #repeat SOURCE_LOADS var source$i = vec4<f32>(0.0);
    #repeat WEIGHT_LOADS var weight$i = vec4<f32>(0.0);
    if (phase.depth > 0u) {
        #repeat SOURCE_LOADS source$i = load_source(origin$i, 0u, copied_quad, phase);
        #repeat WEIGHT_LOADS weight$i = load_weight(lane + $iu * THREADS, 0u, first_channel, phase);
    }

    let part = lane / PART_THREADS;
    let column = lane % COLUMNS;
    let group = lane / COLUMNS % GROUPS;
    let tile_column = part * COLUMNS + column;
    let tile_group = part * GROUPS + group;
    var sums: Sums;

    for (var k: u32 = 0u; k < phase.depth; k += DEPTH) {
        workgroupBarrier();
        #repeat SOURCE_LOADS put_source(lane + $iu * THREADS, source$i);
        #repeat WEIGHT_LOADS put_weight(lane + $iu * THREADS, weight$i);
        workgroupBarrier();
        let next = k + DEPTH;
        if (next < phase.depth) {
            #repeat SOURCE_LOADS source$i = load_source(origin$i, next, copied_quad, phase);
            #repeat WEIGHT_LOADS weight$i = load_weight(lane + $iu * THREADS, next, first_channel, phase);
        }
        #repeat STEPS accumulate(&sums, tile_group, tile_column, $iu);
    }

    finish(&sums, part, group, column, Tile(phase, pixels, first_pixel), first_channel);
}
