// Convolution of stride 1 and its gradient with respect to the input, patch by patch;
// conv_common.wgsl and conv_projection.wgsl go before.
//
// A workgroup computes TILE_CHANNELS channels of a patch of the target, GROUPS lines of ROWS pixels.
// It walks along the channels of the source in rounds of 4 QUADS. In each round it copies these channels
// of all pixels under the patch and their weights for all taps into workgroup memory. The pixels are
// read once for all KERNEL x KERNEL taps, where conv.wgsl reads them for each.
//
// A thread has one line of the patch. For one line of taps and one quad of channels, a unit, it reads
// ROWS + KERNEL - 1 vec4s of source and 4 KERNEL COLUMN_QUADS of weights, which take part in
// 16 KERNEL ROWS COLUMN_QUADS multiply-adds. Each part adds the products of STEPS of the KERNEL x QUADS units.
//
// The gradient is a convolution whose taps are in reverse order and whose weight is transposed.

// Whole rounds, but for a single one where there are fewer than four channels.
const ROUNDS: u32 = (SOURCE_CHANNELS + 4u * QUADS - 1u) / (4u * QUADS);
const SPAN: u32 = ROWS + KERNEL - 1u;
const LINES: u32 = GROUPS + KERNEL - 1u;
const SOURCE_TILE_QUADS: u32 = LINES * SPAN * QUADS;
const WEIGHT_TILE_QUADS: u32 = KERNEL * KERNEL * 4u * QUADS * CHANNEL_QUADS;
// For each step, tap of the line, column quad and each of four numbers i, a vec4: weights of four
// channels at number i of the quad; in the gradient, of channel i at the four numbers of the quad.
const WEIGHT_PITCH: u32 = max(STEPS * KERNEL * COLUMN_QUADS * 4u, GROUPS) | 1u;
const SOURCE_PITCH: u32 = SPAN | 1u;
var<workgroup> source_tile: array<array<vec4<f32>, SOURCE_PITCH>, LINES * QUADS>; // [line, quad][x]

#if GRAD_INPUT
const BEFORE: u32 = KERNEL - 1u - PADDING;
#else
const BEFORE: u32 = PADDING;
#endif

// What a workgroup computes.
struct Tile {
    image: u32,
    y: u32,
    x: u32,
}

fn target_pixel(tile: Tile, group: u32, row: u32) -> u32 {
    let y = tile.y + group;
    let x = tile.x + row;
    let pixel = (tile.image * TARGET_HEIGHT + y) * TARGET_WIDTH + x;
    return select(NO_PIXEL, pixel, (y < TARGET_HEIGHT) & (x < TARGET_WIDTH));
}

// What bindings count in: vec4s, or numbers where there is no whole number of vec4s.
#if SOURCE_VEC4
const SOURCE_UNIT: u32 = 4u;
#else
const SOURCE_UNIT: u32 = 1u;
#endif
#if WEIGHT_VEC4
const WEIGHT_UNIT: u32 = 4u;
#else
const WEIGHT_UNIT: u32 = 1u;
#endif

// Where a vec4 of the source's tile is read in the first round, or -1 outside of the image.
fn source_place(index: u32, tile: Tile) -> i32 {
    let pixel = index / QUADS;
    let y = i32(tile.y + pixel / SPAN) - i32(BEFORE);
    let x = i32(tile.x + pixel % SPAN) - i32(BEFORE);
    let exists = (u32(y) < SOURCE_HEIGHT) & (u32(x) < SOURCE_WIDTH) & (index < SOURCE_TILE_QUADS);
    let repeat = i32(REPEAT);
    let line = i32(tile.image * (SOURCE_HEIGHT / REPEAT)) + y / repeat;
    let place = line * i32(SOURCE_WIDTH / REPEAT) + x / repeat;
    let at = (place * i32(SOURCE_CHANNELS) + 4 * i32(index % QUADS)) / i32(SOURCE_UNIT);
    return select(-1, at, exists);
}

#if SOURCE_VEC4
fn load_source(place: i32, round: u32) -> vec4<f32> {
    let exists = place >= 0;
    let value = vec4<f32>(source[select(0u, u32(place) + round * QUADS, exists)]);
    return select(vec4<f32>(0.0), value, exists);
}
#else
// There are up to three channels, and one round.
fn load_source_scalar(place: i32, channel: u32) -> f32 {
    let exists = (place >= 0) & (channel < SOURCE_CHANNELS);
    return select(0.0, f32(source[select(0u, u32(place) + channel, exists)]), exists);
}

fn load_source(place: i32, round: u32) -> vec4<f32> {
    return vec4<f32>(
        load_source_scalar(place, 0u),
        load_source_scalar(place, 1u),
        load_source_scalar(place, 2u),
        load_source_scalar(place, 3u),
    );
}
#endif

// Where it goes, as the two indices of `source_tile`.
fn source_slot(index: u32) -> vec2<u32> {
    let pixel = index / QUADS;
    return vec2<u32>(pixel / SPAN * QUADS + index % QUADS, pixel % SPAN);
}

// What the number of a vec4 of the weights' tile means. Neighbouring threads read neighbouring numbers as
// far as they can.
struct WeightCell {
    tap: u32,          // in the order in which a thread meets them
    quad: u32,         // of the source's channels
    channel_quad: u32, // of the target's
    i: u32,            // see WEIGHT_PITCH
}

fn weight_cell(index: u32) -> WeightCell {
#if GRAD_INPUT
    let n = index / QUADS % TILE_CHANNELS;
    return WeightCell(index / (QUADS * TILE_CHANNELS), index % QUADS, n / 4u, n % 4u);
#else
    let k = index / CHANNEL_QUADS % (4u * QUADS);
    return WeightCell(index / (CHANNEL_QUADS * 4u * QUADS), k / 4u, index % CHANNEL_QUADS, k % 4u);
#endif
}

// Where it is read in the first round, or -1 past the last channel.
fn weight_place(index: u32, first_channel: u32) -> i32 {
    let cell = weight_cell(index);
#if GRAD_INPUT
    // The stored weight is [tap, n, channel].
    let n = first_channel + 4u * cell.channel_quad + cell.i;
    let tap = KERNEL * KERNEL - 1u - cell.tap;
    let place = (tap * TARGET_CHANNELS + n) * SOURCE_CHANNELS + 4u * cell.quad;
    let exists = n < TARGET_CHANNELS;
#else
    let n = first_channel + 4u * cell.channel_quad;
    let k = 4u * cell.quad + cell.i;
    let place = (cell.tap * SOURCE_CHANNELS + k) * TARGET_CHANNELS + n;
    let exists = (n < TARGET_CHANNELS) & (k < SOURCE_CHANNELS);
#endif
    return select(-1, i32(place / WEIGHT_UNIT), exists & (index < WEIGHT_TILE_QUADS));
}

// How much further on it is read in the next round.
#if GRAD_INPUT
const WEIGHT_STRIDE: u32 = 4u * QUADS / WEIGHT_UNIT;
// Neighbouring weights of which some or all of a vec4 exist.
const WEIGHT_RUN: u32 = SOURCE_CHANNELS;
#else
const WEIGHT_STRIDE: u32 = 4u * QUADS * TARGET_CHANNELS / WEIGHT_UNIT;
const WEIGHT_RUN: u32 = TARGET_CHANNELS;
#endif

#if WEIGHT_VEC4
fn load_weight(place: i32, round: u32) -> vec4<f32> {
    if (WHOLE_CHANNELS && SOURCE_CHANNELS % 4u == 0u && WEIGHT_TILE_QUADS % THREADS == 0u) {
        return weight[u32(place) + round * WEIGHT_STRIDE];
    }
    let exists = place >= 0;
    let value = weight[select(0u, u32(place) + round * WEIGHT_STRIDE, exists)];
    return select(vec4<f32>(0.0), value, exists);
}
#else
// There are up to three neighbours.
fn load_weight_scalar(place: i32, round: u32, next: u32) -> f32 {
    let exists = (place >= 0) & (next < WEIGHT_RUN);
    return select(0.0, weight[select(0u, u32(place) + round * WEIGHT_STRIDE + next, exists)], exists);
}

fn load_weight(place: i32, round: u32) -> vec4<f32> {
    return vec4<f32>(
        load_weight_scalar(place, round, 0u),
        load_weight_scalar(place, round, 1u),
        load_weight_scalar(place, round, 2u),
        load_weight_scalar(place, round, 3u),
    );
}
#endif

// Where it goes, as the two indices of `weight_tile`.
fn weight_slot(index: u32) -> vec2<u32> {
    let cell = weight_cell(index);
    let unit = cell.tap / KERNEL * QUADS + cell.quad;
    let step_and_tap = unit % STEPS * KERNEL + cell.tap % KERNEL;
    let inner = (step_and_tap * COLUMN_QUADS + cell.channel_quad / COLUMNS) * 4u + cell.i;
    return vec2<u32>(unit / STEPS * COLUMNS + cell.channel_quad % COLUMNS, inner);
}

fn put_source(index: u32, slot: vec2<u32>, value: vec4<f32>) {
    if (SOURCE_TILE_QUADS % THREADS == 0u || index < SOURCE_TILE_QUADS) {
        source_tile[slot.x][slot.y] = value;
    }
}

fn put_weight(index: u32, slot: vec2<u32>, value: vec4<f32>) {
    if (WEIGHT_TILE_QUADS % THREADS == 0u || index < WEIGHT_TILE_QUADS) {
        weight_tile[slot.x][slot.y] = value;
    }
}

// Adds the products of one tap; `a` are the pixels of the line under it.
fn accumulate(sums: ptr<function, Sums>, column: u32, first: u32, a: Line) {
    #repeat COLUMN_QUADS let w$i_0 = weight_tile[column][first + $iu * 4u];
    #repeat COLUMN_QUADS let w$i_1 = weight_tile[column][first + $iu * 4u + 1u];
    #repeat COLUMN_QUADS let w$i_2 = weight_tile[column][first + $iu * 4u + 2u];
    #repeat COLUMN_QUADS let w$i_3 = weight_tile[column][first + $iu * 4u + 3u];
#if GRAD_INPUT
    #repeat COLUMN_QUADS let b$i_0 = vec4<f32>(w$i_0.x, w$i_1.x, w$i_2.x, w$i_3.x);
    #repeat COLUMN_QUADS let b$i_1 = vec4<f32>(w$i_0.y, w$i_1.y, w$i_2.y, w$i_3.y);
    #repeat COLUMN_QUADS let b$i_2 = vec4<f32>(w$i_0.z, w$i_1.z, w$i_2.z, w$i_3.z);
    #repeat COLUMN_QUADS let b$i_3 = vec4<f32>(w$i_0.w, w$i_1.w, w$i_2.w, w$i_3.w);
    #repeat ROWS #repeat COLUMN_QUADS (*sums).s$i_$j = multiply_add((*sums).s$i_$j, a.p$i, b$j_0, b$j_1, b$j_2, b$j_3);
#else
    #repeat ROWS #repeat COLUMN_QUADS (*sums).s$i_$j = multiply_add((*sums).s$i_$j, a.p$i, w$j_0, w$j_1, w$j_2, w$j_3);
#endif
}

// One quad of ROWS neighbouring pixels.
struct Line {
    #repeat ROWS p$i: vec4<f32>,
}

fn line_from(at: u32, first: u32) -> Line {
    var line: Line;
    #repeat ROWS line.p$i = source_tile[at][first + $iu];
    return line;
}

fn add_unit(sums: ptr<function, Sums>, group: u32, part: u32, column: u32, step: u32) {
    let unit = part * STEPS + step;
    let at = (group + unit / QUADS) * QUADS + unit % QUADS;
    #repeat KERNEL accumulate(sums, part * COLUMNS + column, (step * KERNEL + $iu) * COLUMN_QUADS * 4u, line_from(at, $iu));
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
    let patch_x = workgroup / TILES_OF_CHANNELS % PATCHES_X;
    let patch_y = workgroup / (TILES_OF_CHANNELS * PATCHES_X) % PATCHES_Y;
    let image = workgroup / (TILES_OF_CHANNELS * PATCHES_X * PATCHES_Y);
    let tile = Tile(image, patch_y * GROUPS, patch_x * ROWS);
    let part = lane / PART_THREADS;
    let column = lane % COLUMNS;
    let group = lane / COLUMNS % GROUPS;
    var sums: Sums;
#if PROJECTION
#if GRAD_INPUT
    if (first_channel >= FIRST_SHORTCUT_CHANNEL) {
        add_projection(&sums, part, group, column, tile, first_channel - FIRST_SHORTCUT_CHANNEL);
        finish(&sums, part, group, column, tile, first_channel);
        return;
    }
#endif
#endif

    #repeat SOURCE_LOADS let place$i = source_place(lane + $iu * THREADS, tile);
    #repeat SOURCE_LOADS let slot$i = source_slot(lane + $iu * THREADS);
    #repeat SOURCE_LOADS var source$i = load_source(place$i, 0u);
    #repeat WEIGHT_LOADS let weight_place$i = weight_place(lane + $iu * THREADS, first_channel);
    #repeat WEIGHT_LOADS let weight_slot$i = weight_slot(lane + $iu * THREADS);
    #repeat WEIGHT_LOADS var weight$i = load_weight(weight_place$i, 0u);

    for (var round: u32 = 0u; round < ROUNDS; round += 1u) {
        workgroupBarrier();
        #repeat SOURCE_LOADS put_source(lane + $iu * THREADS, slot$i, source$i);
        #repeat WEIGHT_LOADS put_weight(lane + $iu * THREADS, weight_slot$i, weight$i);
        workgroupBarrier();
        // After the last round, the last one's numbers are read once more.
        let next = min(round + 1u, ROUNDS - 1u);
        #repeat SOURCE_LOADS source$i = load_source(place$i, next);
        #repeat WEIGHT_LOADS weight$i = load_weight(weight_place$i, next);
        #repeat STEPS add_unit(&sums, group, part, column, $iu);
    }

#if PROJECTION
#if GRAD_INPUT
#else
    add_projection(&sums, part, group, column, tile, first_channel);
#endif
#endif
    finish(&sums, part, group, column, tile, first_channel);
}
