// Gradients of a convolution of stride 1 with respect to its weight and bias, patch by patch.
//
//   weight_grad[tap, c, n] = sum over pixels p of  x[p + tap, c] * grad[p, n]
//   bias_grad[n]           = sum over pixels p of  grad[p, n]
//
// A workgroup has CHANNELS_OF_X channels c, TILE_CHANNELS channels n and all taps, and walks over patches
// of the images, LINES lines of WIDTH pixels, in rounds of one patch: all threads together copy what
// lies under the patch into workgroup memory, each number of x once for all KERNEL x KERNEL taps. A thread
// has one line of taps, one quad of c and COLUMN_QUADS quads of n, and PARTS threads share each sum:
// each takes STEPS lines of every patch. For a pixel it reads one new vec4 of x and COLUMN_QUADS of the
// gradient, which take part in 16 KERNEL COLUMN_QUADS multiply-adds.
//
// Reading ahead and the layout of workgroup memory are those of conv_common.wgsl, splitting and UNSCALE
// those of conv_weight.wgsl; each of SPLITS splits takes at least one patch. Flag PROJECTION is that of
// conv_patch_projection.wgsl, which follows.

// Where there are fewer than four channels, bindings count in numbers, else in vec4s.
#if X_VEC4
@group(0) @binding(0) var<storage, read> x: array<X4>;
const X_UNIT: u32 = 4u;
#else
@group(0) @binding(0) var<storage, read> x: array<X1>;
const X_UNIT: u32 = 1u;
#endif
#if GRAD_VEC4
@group(0) @binding(1) var<storage, read> grad: array<Grad4>;
@group(0) @binding(2) var<storage, read_write> weight_grad: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> bias_grad: array<vec4<f32>>;
const GRAD_UNIT: u32 = 4u;
#else
@group(0) @binding(1) var<storage, read> grad: array<Grad1>;
@group(0) @binding(2) var<storage, read_write> weight_grad: array<f32>;
@group(0) @binding(3) var<storage, read_write> bias_grad: array<f32>;
const GRAD_UNIT: u32 = 1u;
#endif

const SPAN: u32 = WIDTH + KERNEL - 1u;
const X_LINES: u32 = LINES + KERNEL - 1u;
const X_QUADS: u32 = CHANNELS_OF_X / 4u;
const CHANNEL_QUADS: u32 = TILE_CHANNELS / 4u;
const COLUMNS: u32 = CHANNEL_QUADS / COLUMN_QUADS;
const X_TILE_QUADS: u32 = X_LINES * SPAN * X_QUADS;
const GRAD_TILE_QUADS: u32 = LINES * WIDTH * CHANNEL_QUADS;
const PATCHES: u32 = BATCH * PATCHES_Y * PATCHES_X;
const PART_THREADS: u32 = KERNEL * X_QUADS * COLUMNS;

var<workgroup> x_tile: array<array<vec4<f32>, SPAN | 1u>, X_LINES * X_QUADS>;        // [line, quad][x]
var<workgroup> grad_tile: array<array<vec4<f32>, WIDTH | 1u>, LINES * CHANNEL_QUADS>; // [line, quad][x]
var<workgroup> parts_of_sums: array<array<vec4<f32>, CELLS_AT_ONCE>, THREADS>;

// The patch of a round.
struct Patch {
    image: u32,
    y: u32,
    x: u32,
}

fn patch_at(index: u32) -> Patch {
    let y = index / PATCHES_X % PATCHES_Y * LINES;
    return Patch(index / (PATCHES_X * PATCHES_Y), y, index % PATCHES_X * WIDTH);
}

// One vec4 of x: line and pixel under the patch, and where it is read for the patch at the first
// pixel.
struct XCell {
    y: i32,
    x: i32,
    channel: u32,
    exists: bool,
}

fn x_cell(index: u32, first: u32) -> XCell {
    let pixel = index / X_QUADS;
    let channel = first + 4u * (index % X_QUADS);
    let exists = ((X_TILE_QUADS % THREADS == 0u) | (index < X_TILE_QUADS))
        & ((CHANNELS_IN % CHANNELS_OF_X == 0u) | (channel < CHANNELS_IN));
    return XCell(i32(pixel / SPAN) - i32(PADDING), i32(pixel % SPAN) - i32(PADDING), channel, exists);
}

fn load_x(cell: XCell, at: Patch) -> vec4<f32> {
    let y = cell.y + i32(at.y);
    let x_ = cell.x + i32(at.x);
    let exists = (u32(y) < HEIGHT_IN) & (u32(x_) < WIDTH_IN) & cell.exists;
    let repeat = i32(REPEAT);
    let height = i32(HEIGHT_IN / REPEAT);
    let width = i32(WIDTH_IN / REPEAT);
    let channels = i32(CHANNELS_IN);
    // Where every pixel counts once, the sum of a part of the thread and one of the round.
    var place = (cell.y * width + cell.x) * channels + i32(cell.channel);
    if (REPEAT == 1u) {
        place += ((i32(at.image) * height + i32(at.y)) * width + i32(at.x)) * channels;
    } else {
        let line = i32(at.image) * height + y / repeat;
        place = (line * width + x_ / repeat) * channels + i32(cell.channel);
    }
    return read_x(u32(select(0, place, exists)) / X_UNIT, exists);
}

#if X_VEC4
fn read_x(at: u32, exists: bool) -> vec4<f32> {
    return select(vec4<f32>(0.0), vec4<f32>(x[at]), exists);
}
#else
fn read_x_scalar(at: u32, exists: bool, channel: u32) -> f32 {
    let is_channel = exists & (channel < CHANNELS_IN);
    return select(0.0, f32(x[select(0u, at + channel, is_channel)]), is_channel);
}

fn read_x(at: u32, exists: bool) -> vec4<f32> {
    return vec4<f32>(
        read_x_scalar(at, exists, 0u),
        read_x_scalar(at, exists, 1u),
        read_x_scalar(at, exists, 2u),
        read_x_scalar(at, exists, 3u),
    );
}
#endif

// One vec4 of the gradient; as XCell.
struct GradCell {
    y: u32,
    place: u32,
    exists: bool,
}

fn grad_cell(index: u32, first: u32) -> GradCell {
    let pixel = index / CHANNEL_QUADS;
    let n = first + 4u * (index % CHANNEL_QUADS);
    let exists = ((GRAD_TILE_QUADS % THREADS == 0u) | (index < GRAD_TILE_QUADS))
        & ((CHANNELS_OUT % TILE_CHANNELS == 0u) | (n < CHANNELS_OUT));
    let place = ((pixel / WIDTH * WIDTH_OUT + pixel % WIDTH) * CHANNELS_OUT + n) / GRAD_UNIT;
    return GradCell(pixel / WIDTH, place, exists);
}

fn load_grad(cell: GradCell, at: Patch) -> vec4<f32> {
    let first = (at.image * HEIGHT_OUT + at.y) * WIDTH_OUT + at.x;
    let start = first * (CHANNELS_OUT / GRAD_UNIT);
    let exists = cell.exists & ((HEIGHT_OUT % LINES == 0u) | (at.y + cell.y < HEIGHT_OUT));
    return read_grad(select(0u, start + cell.place, exists), exists);
}

#if GRAD_VEC4
fn read_grad(at: u32, exists: bool) -> vec4<f32> {
    return select(vec4<f32>(0.0), vec4<f32>(grad[at]), exists);
}
#else
fn read_grad_scalar(at: u32, exists: bool, channel: u32) -> f32 {
    let is_channel = exists & (channel < CHANNELS_OUT);
    return select(0.0, f32(grad[select(0u, at + channel, is_channel)]), is_channel);
}

fn read_grad(at: u32, exists: bool) -> vec4<f32> {
    return vec4<f32>(
        read_grad_scalar(at, exists, 0u),
        read_grad_scalar(at, exists, 1u),
        read_grad_scalar(at, exists, 2u),
        read_grad_scalar(at, exists, 3u),
    );
}
#endif

// Where they go, as the two indices of the tiles.
fn x_slot(index: u32) -> vec2<u32> {
    let pixel = index / X_QUADS;
    return vec2<u32>(pixel / SPAN * X_QUADS + index % X_QUADS, pixel % SPAN);
}

fn grad_slot(index: u32) -> vec2<u32> {
    let pixel = index / CHANNEL_QUADS;
    return vec2<u32>(pixel / WIDTH * CHANNEL_QUADS + index % CHANNEL_QUADS, pixel % WIDTH);
}

fn put_x(index: u32, slot: vec2<u32>, value: vec4<f32>) {
    if (X_TILE_QUADS % THREADS == 0u || index < X_TILE_QUADS) {
        x_tile[slot.x][slot.y] = value;
    }
}

fn put_grad(index: u32, slot: vec2<u32>, value: vec4<f32>) {
    if (GRAD_TILE_QUADS % THREADS == 0u || index < GRAD_TILE_QUADS) {
        grad_tile[slot.x][slot.y] = value;
    }
}

// The sums of a thread: [tap of the line, column quad], for each channel of the quad of x.
struct Sums {
    #repeat KERNEL #repeat COLUMN_QUADS x$i_$j: vec4<f32>, y$i_$j: vec4<f32>, z$i_$j: vec4<f32>, w$i_$j: vec4<f32>,
}

// Adds the products of one pixel; `line` and `column` are where x and the gradient are read.
fn accumulate(sums: ptr<function, Sums>, line: u32, column: u32, pixel: u32) {
    #repeat KERNEL let a$i = x_tile[line][pixel + $iu];
    #repeat COLUMN_QUADS let b$i = grad_tile[column + $iu * COLUMNS][pixel];
    #repeat KERNEL #repeat COLUMN_QUADS (*sums).x$i_$j = fma(vec4<f32>(a$i.x), b$j, (*sums).x$i_$j);
    #repeat KERNEL #repeat COLUMN_QUADS (*sums).y$i_$j = fma(vec4<f32>(a$i.y), b$j, (*sums).y$i_$j);
    #repeat KERNEL #repeat COLUMN_QUADS (*sums).z$i_$j = fma(vec4<f32>(a$i.z), b$j, (*sums).z$i_$j);
    #repeat KERNEL #repeat COLUMN_QUADS (*sums).w$i_$j = fma(vec4<f32>(a$i.w), b$j, (*sums).w$i_$j);
}

fn accumulate_line(sums: ptr<function, Sums>, line: u32, tap_line: u32, quad: u32, column: u32) {
    let x_line = (line + tap_line) * X_QUADS + quad;
    #repeat WIDTH accumulate(sums, x_line, line * CHANNEL_QUADS + column, $iu);
}

fn store(split: u32, tap: u32, channel: u32, n: u32, sum: vec4<f32>) {
    if (channel < CHANNELS_IN && n < CHANNELS_OUT) {
        let row = (split * KERNEL * KERNEL + tap) * CHANNELS_IN + channel;
        let start = row * CHANNELS_OUT + n;
        let value = UNSCALE * sum;
#if GRAD_VEC4
        weight_grad[start / 4u] = value;
#else
        weight_grad[start] = value.x;
        if (n + 1u < CHANNELS_OUT) { weight_grad[start + 1u] = value.y; }
        if (n + 2u < CHANNELS_OUT) { weight_grad[start + 2u] = value.z; }
#endif
    }
}

fn store_bias(split: u32, n: u32, sum: vec4<f32>) {
    if (n < CHANNELS_OUT) {
        let start = split * CHANNELS_OUT + n;
        let value = UNSCALE * sum;
#if GRAD_VEC4
        bias_grad[start / 4u] = value;
#else
        bias_grad[start] = value.x;
        if (n + 1u < CHANNELS_OUT) { bias_grad[start + 1u] = value.y; }
        if (n + 2u < CHANNELS_OUT) { bias_grad[start + 2u] = value.z; }
#endif
    }
}

// A cell is one of the vec4s of a thread, [tap of the line, column quad, channel].
const CELLS: u32 = KERNEL * COLUMN_QUADS * 4u;

// Does nothing where `cell` is not among those of this turn, which it then exceeds or wraps around below.
fn put_cell(lane: u32, cell: u32, value: vec4<f32>) {
    if (cell < CELLS_AT_ONCE) {
        parts_of_sums[lane][cell] = value;
    }
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
#if PROJECTION
    if (workgroup >= OWN_WORKGROUPS) {
        project(workgroup - OWN_WORKGROUPS, lane);
        return;
    }
#endif
    let first_n = workgroup % TILES_OF_CHANNELS * TILE_CHANNELS;
    let first_channel = workgroup / TILES_OF_CHANNELS % TILES_OF_X * CHANNELS_OF_X;
    let split = workgroup / (TILES_OF_CHANNELS * TILES_OF_X);
    let start = split * PATCHES / SPLITS;
    let end = (split + 1u) * PATCHES / SPLITS;

    let first_patch = patch_at(start);
    #repeat X_LOADS let x_cell$i = x_cell(lane + $iu * THREADS, first_channel);
    #repeat X_LOADS let x_slot$i = x_slot(lane + $iu * THREADS);
    #repeat X_LOADS var x$i = load_x(x_cell$i, first_patch);
    #repeat GRAD_LOADS let grad_cell$i = grad_cell(lane + $iu * THREADS, first_n);
    #repeat GRAD_LOADS let grad_slot$i = grad_slot(lane + $iu * THREADS);
    #repeat GRAD_LOADS var grad$i = load_grad(grad_cell$i, first_patch);

    let part = lane / PART_THREADS;
    let column = lane % COLUMNS;
    let quad = lane / COLUMNS % X_QUADS;
    let tap_line = lane / (COLUMNS * X_QUADS) % KERNEL;
    var sums: Sums;
    var bias_sum = vec4<f32>(0.0);

    for (var index: u32 = start; index < end; index += 1u) {
        workgroupBarrier();
        #repeat X_LOADS put_x(lane + $iu * THREADS, x_slot$i, x$i);
        #repeat GRAD_LOADS put_grad(lane + $iu * THREADS, grad_slot$i, grad$i);
        workgroupBarrier();
        // All that a thread copies of the gradient is of the same channels.
        if (first_channel == 0u) {
            #repeat GRAD_LOADS bias_sum += grad$i;
        }
        // After the last round, the last one's numbers are read once more.
        let next = patch_at(min(index + 1u, end - 1u));
        #repeat X_LOADS x$i = load_x(x_cell$i, next);
        #repeat GRAD_LOADS grad$i = load_grad(grad_cell$i, next);
        #repeat STEPS accumulate_line(&sums, part * STEPS + $iu, tap_line, quad, column);
    }

    for (var first: u32 = 0u; first < CELLS; first += CELLS_AT_ONCE) {
        workgroupBarrier();
        #repeat KERNEL #repeat COLUMN_QUADS put_cell(lane, ($iu * COLUMN_QUADS + $ju) * 4u - first, sums.x$i_$j);
        #repeat KERNEL #repeat COLUMN_QUADS put_cell(lane, ($iu * COLUMN_QUADS + $ju) * 4u + 1u - first, sums.y$i_$j);
        #repeat KERNEL #repeat COLUMN_QUADS put_cell(lane, ($iu * COLUMN_QUADS + $ju) * 4u + 2u - first, sums.z$i_$j);
        #repeat KERNEL #repeat COLUMN_QUADS put_cell(lane, ($iu * COLUMN_QUADS + $ju) * 4u + 3u - first, sums.w$i_$j);
        workgroupBarrier();
        for (var cell: u32 = part; cell < CELLS_AT_ONCE; cell += PARTS) {
            var sum = vec4<f32>(0.0);
            for (var other: u32 = 0u; other < PARTS; other += 1u) {
                sum += parts_of_sums[other * PART_THREADS + lane % PART_THREADS][cell];
            }
            let at = first + cell;
            let tap = tap_line * KERNEL + at / (4u * COLUMN_QUADS);
            let n = first_n + 4u * (column + at / 4u % COLUMN_QUADS * COLUMNS);
            store(split, tap, first_channel + 4u * quad + at % 4u, n, sum);
        }
    }
    if (first_channel == 0u) {
        workgroupBarrier();
        parts_of_sums[lane][0] = bias_sum;
        workgroupBarrier();
        if (lane < CHANNEL_QUADS) {
            var sum = vec4<f32>(0.0);
            for (var other: u32 = lane; other < THREADS; other += CHANNEL_QUADS) {
                sum += parts_of_sums[other][0];
            }
            store_bias(split, first_n + 4u * lane, sum);
        }
    }
}
