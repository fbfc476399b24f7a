// Gradients of a convolution with respect to its weight and bias, as an implicit matrix product.
//
//   weight_grad[row, n] = sum over pixels p of  x[p, row] * grad[p, n]
//   bias_grad[n]        = sum over pixels p of  grad[p, n]
//
// A row is a tap of the kernel and a channel of x, so that weight_grad[row, n] is the weight's
// own layout; x[p, row] is the number of x under that tap when the kernel stands at output pixel
// p.
//
// Tiling. A workgroup computes TILE_ROWS x TILE_CHANNELS of the product over a range of the pixels,
// DEPTH pixels a round: all threads together copy both operands of those pixels into workgroup
// memory, then each thread adds to its own 4 QUADS rows x 4 COLUMN_QUADS channels, kept in
// registers. Reading ahead and parts are those of conv.wgsl: each of PARTS groups of threads takes
// STEPS pixels of every round.
//
// Splitting. The product is small and its sum is long, so one workgroup per tile would leave
// most of a GPU idle. The pixels are therefore divided between SPLITS workgroups that write
// partial sums, [split, row, n]; the optimizer adds them. With one split the partial sums are
// the gradients.
//
// Every pixel of x counts as REPEAT x REPEAT pixels, whose number HEIGHT_IN and WIDTH_IN say.
//
// Both are multiplied by UNSCALE, which undoes what the loss was multiplied by. X and Grad are what
// the maps are stored as, f32 or f16; all sums are f32.
//
// The bias gradient costs nothing extra to read: the workgroups of the first tile of rows sum
// the gradient tile they have copied anyway.

#if X_VEC4
@group(0) @binding(0) var<storage, read> x: array<X4>;
#else
@group(0) @binding(0) var<storage, read> x: array<X1>;
#endif
#if GRAD_VEC4
@group(0) @binding(1) var<storage, read> grad: array<Grad4>;
@group(0) @binding(2) var<storage, read_write> weight_grad: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> bias_grad: array<vec4<f32>>;
#else
@group(0) @binding(1) var<storage, read> grad: array<Grad1>;
@group(0) @binding(2) var<storage, read_write> weight_grad: array<f32>;
@group(0) @binding(3) var<storage, read_write> bias_grad: array<f32>;
#endif

const ROWS: u32 = KERNEL * KERNEL * CHANNELS_IN;
const PIXELS: u32 = BATCH * HEIGHT_OUT * WIDTH_OUT;
const ROW_QUADS: u32 = TILE_ROWS / 4u;
const CHANNEL_QUADS: u32 = TILE_CHANNELS / 4u;
const X_TILE_QUADS: u32 = DEPTH * ROW_QUADS;
const GRAD_TILE_QUADS: u32 = DEPTH * CHANNEL_QUADS;
// A thread has the row quads of one group, GROUPS apart, and the channel quads of one column,
// COLUMNS apart.
const GROUPS: u32 = ROW_QUADS / QUADS;
const COLUMNS: u32 = CHANNEL_QUADS / COLUMN_QUADS;
const PART_THREADS: u32 = GROUPS * COLUMNS;
const X_PITCH: u32 = QUADS * STEPS + 1u;
const GRAD_PITCH: u32 = COLUMN_QUADS * STEPS + 1u;

var<workgroup> x_tile: array<array<vec4<f32>, X_PITCH>, PARTS * GROUPS>;        // [part, group][quad, step]
var<workgroup> grad_tile: array<array<vec4<f32>, GRAD_PITCH>, PARTS * COLUMNS>; // [part, column][quad, step]

// A row of the product: channel of x, and from output pixel to pixel of x in y and x.
struct Row {
    channel: u32,
    shift: vec2<i32>,
    exists: bool,
}

fn row_at(row: u32) -> Row {
    let tap = row / CHANNELS_IN;
    let shift = vec2<i32>(vec2<u32>(tap / KERNEL, tap % KERNEL)) - i32(PADDING);
    return Row(row % CHANNELS_IN, shift, row < ROWS);
}

// The number of a pixel of x, and whether there is one.
struct Place {
    pixel: i32,
    exists: bool,
}

// Output pixel and pixel of x have the same number, but for the shift.
const SAME_SIZE: bool = STRIDE == 1u && REPEAT == 1u && HEIGHT_IN == HEIGHT_OUT && WIDTH_IN == WIDTH_OUT;

fn place_of(pixel: u32, end: u32, row: Row) -> Place {
    let y = i32(pixel / WIDTH_OUT % HEIGHT_OUT * STRIDE) + row.shift.x;
    let x = i32(pixel % WIDTH_OUT * STRIDE) + row.shift.y;
    let exists = (u32(y) < HEIGHT_IN) & (u32(x) < WIDTH_IN) & (pixel < end) & row.exists;
    if (SAME_SIZE) {
        return Place(i32(pixel) + (row.shift.x * i32(WIDTH_IN) + row.shift.y), exists);
    }
    let repeat = i32(REPEAT);
    let image = i32(pixel / (HEIGHT_OUT * WIDTH_OUT));
    let line = image * (i32(HEIGHT_IN) / repeat) + y / repeat;
    return Place(line * (i32(WIDTH_IN) / repeat) + x / repeat, exists);
}

#if X_VEC4
fn load_x(pixel: u32, end: u32, row: Row, first: u32) -> vec4<f32> {
    let place = place_of(pixel, end, row);
    let index = place.pixel * i32(CHANNELS_IN / 4u) + i32(row.channel / 4u);
    let value = vec4<f32>(x[u32(select(0, index, place.exists))]);
    return select(vec4<f32>(0.0), value, place.exists);
}
#else
fn load_x_scalar(pixel: u32, end: u32, row: Row) -> f32 {
    let place = place_of(pixel, end, row);
    let index = place.pixel * i32(CHANNELS_IN) + i32(row.channel);
    return select(0.0, f32(x[u32(select(0, index, place.exists))]), place.exists);
}

fn load_x(pixel: u32, end: u32, row: Row, first: u32) -> vec4<f32> {
    return vec4<f32>(
        load_x_scalar(pixel, end, row),
        load_x_scalar(pixel, end, row_at(first + 1u)),
        load_x_scalar(pixel, end, row_at(first + 2u)),
        load_x_scalar(pixel, end, row_at(first + 3u)),
    );
}
#endif

// Whether every channel of every tile is there, known when the shader is compiled.
const WHOLE_CHANNELS: bool = CHANNELS_OUT % TILE_CHANNELS == 0u;

#if GRAD_VEC4
fn load_grad(pixel: u32, end: u32, n: u32) -> vec4<f32> {
    let exists = (pixel < end) & (WHOLE_CHANNELS | (n < CHANNELS_OUT));
    let value = vec4<f32>(grad[select(0u, (pixel * CHANNELS_OUT + n) / 4u, exists)]);
    return select(vec4<f32>(0.0), value, exists);
}
#else
fn load_grad_scalar(pixel: u32, end: u32, n: u32) -> f32 {
    let exists = (pixel < end) & (n < CHANNELS_OUT);
    return select(0.0, f32(grad[select(0u, pixel * CHANNELS_OUT + n, exists)]), exists);
}

fn load_grad(pixel: u32, end: u32, n: u32) -> vec4<f32> {
    return vec4<f32>(
        load_grad_scalar(pixel, end, n),
        load_grad_scalar(pixel, end, n + 1u),
        load_grad_scalar(pixel, end, n + 2u),
        load_grad_scalar(pixel, end, n + 3u),
    );
}
#endif

// Neighbouring threads copy neighbouring numbers of one pixel.
fn put_x(index: u32, value: vec4<f32>) {
    if (index < X_TILE_QUADS) {
        let quad = index % ROW_QUADS;
        let pixel = index / ROW_QUADS;
        x_tile[pixel / STEPS * GROUPS + quad % GROUPS][quad / GROUPS * STEPS + pixel % STEPS] = value;
    }
}

fn put_grad(index: u32, value: vec4<f32>) {
    if (index < GRAD_TILE_QUADS) {
        let quad = index % CHANNEL_QUADS;
        let pixel = index / CHANNEL_QUADS;
        grad_tile[pixel / STEPS * COLUMNS + quad % COLUMNS][quad / COLUMNS * STEPS + pixel % STEPS] = value;
    }
}

fn store_weight(split: u32, row: u32, n: u32, sum: vec4<f32>) {
    let value = UNSCALE * sum;
    if (row >= ROWS || n >= CHANNELS_OUT) {
        return;
    }
    let start = (split * ROWS + row) * CHANNELS_OUT + n;
#if GRAD_VEC4
    weight_grad[start / 4u] = value;
#else
    weight_grad[start] = value.x;
    if (n + 1u < CHANNELS_OUT) { weight_grad[start + 1u] = value.y; }
    if (n + 2u < CHANNELS_OUT) { weight_grad[start + 2u] = value.z; }
    if (n + 3u < CHANNELS_OUT) { weight_grad[start + 3u] = value.w; }
#endif
}

fn store_bias(split: u32, n: u32, sum: vec4<f32>) {
    let value = UNSCALE * sum;
    if (n >= CHANNELS_OUT) {
        return;
    }
    let start = split * CHANNELS_OUT + n;
#if GRAD_VEC4
    bias_grad[start / 4u] = value;
#else
    bias_grad[start] = value.x;
    if (n + 1u < CHANNELS_OUT) { bias_grad[start + 1u] = value.y; }
    if (n + 2u < CHANNELS_OUT) { bias_grad[start + 2u] = value.z; }
    if (n + 3u < CHANNELS_OUT) { bias_grad[start + 3u] = value.w; }
#endif
}

// The sums of a thread: [row quad, column quad], for each row of the quad.
struct Sums {
    #repeat QUADS #repeat COLUMN_QUADS x$i_$j: vec4<f32>, y$i_$j: vec4<f32>, z$i_$j: vec4<f32>, w$i_$j: vec4<f32>,
    #repeat COLUMN_QUADS bias$i: vec4<f32>,
}

// Adds the products of one pixel.
fn accumulate(sums: ptr<function, Sums>, group: u32, column: u32, step: u32) {
    #repeat QUADS let a$i = x_tile[group][$iu * STEPS + step];
    #repeat COLUMN_QUADS let b$i = grad_tile[column][$iu * STEPS + step];
    #repeat QUADS #repeat COLUMN_QUADS (*sums).x$i_$j = fma(vec4<f32>(a$i.x), b$j, (*sums).x$i_$j);
    #repeat QUADS #repeat COLUMN_QUADS (*sums).y$i_$j = fma(vec4<f32>(a$i.y), b$j, (*sums).y$i_$j);
    #repeat QUADS #repeat COLUMN_QUADS (*sums).z$i_$j = fma(vec4<f32>(a$i.z), b$j, (*sums).z$i_$j);
    #repeat QUADS #repeat COLUMN_QUADS (*sums).w$i_$j = fma(vec4<f32>(a$i.w), b$j, (*sums).w$i_$j);
}

fn accumulate_bias(sums: ptr<function, Sums>, column: u32, step: u32) {
    #repeat COLUMN_QUADS (*sums).bias$i += grad_tile[column][$iu * STEPS + step];
}

// The sum of `value` over the threads of all parts with the same group and column, for those of
// part `owner`.
fn sum_of_parts(value: vec4<f32>, part: u32, group: u32, column: u32, owner: u32) -> vec4<f32> {
#if SPLIT
    workgroupBarrier();
    x_tile[part * GROUPS + group][column] = value;
    workgroupBarrier();
    var sum = vec4<f32>(0.0);
    if (part == owner) {
        for (var other: u32 = 0u; other < PARTS; other += 1u) {
            sum += x_tile[other * GROUPS + group][column];
        }
    }
    return sum;
#else
    return value;
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
    let first_channel = workgroup % TILES_OF_CHANNELS * TILE_CHANNELS;
    let first_row = workgroup / TILES_OF_CHANNELS % TILES_OF_ROWS * TILE_ROWS;
    let split = workgroup / (TILES_OF_CHANNELS * TILES_OF_ROWS);
    let start = split * PIXELS_PER_SPLIT;
    let end = min(start + PIXELS_PER_SPLIT, PIXELS);

    // What this thread copies: X_LOADS quads of rows and GRAD_LOADS quads of channels.
    #repeat X_LOADS let row$i = row_at(first_row + 4u * ((lane + $iu * THREADS) % ROW_QUADS));
    #repeat X_LOADS var x$i = load_x(start + (lane + $iu * THREADS) / ROW_QUADS, end, row$i, first_row + 4u * ((lane + $iu * THREADS) % ROW_QUADS));
    #repeat GRAD_LOADS var grad$i = load_grad(start + (lane + $iu * THREADS) / CHANNEL_QUADS, min(start + DEPTH, end), first_channel + 4u * ((lane + $iu * THREADS) % CHANNEL_QUADS));

    let part = lane / PART_THREADS;
    let column = lane % COLUMNS;
    let group = lane / COLUMNS % GROUPS;
    let tile_column = part * COLUMNS + column;
    let tile_group = part * GROUPS + group;
    let sums_bias = first_row == 0u && group == 0u;
    var sums: Sums;

    for (var pixel: u32 = start; pixel < end; pixel += DEPTH) {
        workgroupBarrier();
        #repeat X_LOADS put_x(lane + $iu * THREADS, x$i);
        #repeat GRAD_LOADS put_grad(lane + $iu * THREADS, grad$i);
        workgroupBarrier();
        let next = pixel + DEPTH;
        if (next < end) {
            #repeat X_LOADS x$i = load_x(next + (lane + $iu * THREADS) / ROW_QUADS, end, row$i, first_row + 4u * ((lane + $iu * THREADS) % ROW_QUADS));
            #repeat GRAD_LOADS grad$i = load_grad(next + (lane + $iu * THREADS) / CHANNEL_QUADS, min(next + DEPTH, end), first_channel + 4u * ((lane + $iu * THREADS) % CHANNEL_QUADS));
        }
        #repeat STEPS accumulate(&sums, tile_group, tile_column, $iu);
        if (sums_bias) {
            #repeat STEPS accumulate_bias(&sums, tile_column, $iu);
        }
    }

    // Each part stores the rows that it adds up.
    let n = first_channel + 4u * column;
    let row = first_row + 4u * group;
    #repeat QUADS #repeat COLUMN_QUADS sums.x$i_$j = sum_of_parts(sums.x$i_$j, part, group, column, 0u);
    #repeat QUADS #repeat COLUMN_QUADS sums.y$i_$j = sum_of_parts(sums.y$i_$j, part, group, column, 1u % PARTS);
    #repeat QUADS #repeat COLUMN_QUADS sums.z$i_$j = sum_of_parts(sums.z$i_$j, part, group, column, 2u % PARTS);
    #repeat QUADS #repeat COLUMN_QUADS sums.w$i_$j = sum_of_parts(sums.w$i_$j, part, group, column, 3u % PARTS);
    #repeat QUADS #repeat COLUMN_QUADS if (part == 0u) { store_weight(split, row + 4u * GROUPS * $iu, n + 4u * COLUMNS * $ju, sums.x$i_$j); }
    #repeat QUADS #repeat COLUMN_QUADS if (part == 1u % PARTS) { store_weight(split, row + 4u * GROUPS * $iu + 1u, n + 4u * COLUMNS * $ju, sums.y$i_$j); }
    #repeat QUADS #repeat COLUMN_QUADS if (part == 2u % PARTS) { store_weight(split, row + 4u * GROUPS * $iu + 2u, n + 4u * COLUMNS * $ju, sums.z$i_$j); }
    #repeat QUADS #repeat COLUMN_QUADS if (part == 3u % PARTS) { store_weight(split, row + 4u * GROUPS * $iu + 3u, n + 4u * COLUMNS * $ju, sums.w$i_$j); }
    if (first_row == 0u) {
        #repeat COLUMN_QUADS let bias_sum$i = sum_of_parts(sums.bias$i, part, group, column, 0u);
        if (sums_bias && part == 0u) {
            #repeat COLUMN_QUADS store_bias(split, n + 4u * COLUMNS * $iu, bias_sum$i);
        }
    }
}
