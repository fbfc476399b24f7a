// Gradients of a convolution with respect to its weight and bias, as an implicit matrix product.
//
//   weight_grad[row, n] = sum over pixels p of  x[p, row] * grad[p, n]
//   bias_grad[n]        = sum over pixels p of  grad[p, n]
//
// A row is a tap of the kernel and a channel of x, so that weight_grad[row, n] is the weight's
// own layout; x[p, row] is the number of x under that tap when the kernel stands at output pixel
// p.
//
// Tiling. A workgroup computes TILE_ROWS x TILE_CHANNELS of the product over a part of the
// pixels, DEPTH pixels at a time: all threads together copy both operands of those pixels into
// workgroup memory, then each thread adds to its own 4 QUADS rows x 4 channels, kept in
// registers.
//
// Splitting. The product is small and its sum is long, so one workgroup per tile would leave
// most of a GPU idle. The pixels are therefore divided between SPLITS workgroups that write
// partial sums, [split, row, n]; conv_sum.wgsl adds them. With one split the partial sums are
// the gradients.
//
// Every pixel of x counts as REPEAT x REPEAT pixels, whose number HEIGHT_IN and WIDTH_IN say.
//
// Both are multiplied by UNSCALE, which undoes what the loss was multiplied by. X and Grad are what the
// maps are stored as, f32 or f16; all sums are f32.
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
// Row quads of a thread lie this far apart.
const QUAD_STEP: u32 = ROW_QUADS / QUADS;

var<workgroup> x_tile: array<vec4<f32>, X_TILE_QUADS>;       // [pixel][row / 4]
var<workgroup> grad_tile: array<vec4<f32>, GRAD_TILE_QUADS>; // [pixel][channel / 4]

// Index of x[pixel, row], or -1 where the tap lies outside of the image.
fn x_index(pixel: u32, row: u32) -> i32 {
    let tap = row / CHANNELS_IN;
    let image = pixel / (HEIGHT_OUT * WIDTH_OUT);
    let y = i32(pixel / WIDTH_OUT % HEIGHT_OUT * STRIDE + tap / KERNEL) - i32(PADDING);
    let x = i32(pixel % WIDTH_OUT * STRIDE + tap % KERNEL) - i32(PADDING);
    if (y < 0 || x < 0 || y >= i32(HEIGHT_IN) || x >= i32(WIDTH_IN)) {
        return -1;
    }
    let repeat = i32(REPEAT);
    let line = i32(image * (HEIGHT_IN / REPEAT)) + y / repeat;
    let place = line * i32(WIDTH_IN / REPEAT) + x / repeat;
    return place * i32(CHANNELS_IN) + i32(row % CHANNELS_IN);
}

#if X_VEC4
fn load_x(pixel: u32, end: u32, row: u32) -> vec4<f32> {
    let index = x_index(pixel, row);
    if (pixel >= end || row >= ROWS || index < 0) {
        return vec4<f32>(0.0);
    }
    return vec4<f32>(x[u32(index) / 4u]);
}
#else
fn load_x_scalar(pixel: u32, end: u32, row: u32) -> f32 {
    let index = x_index(pixel, row);
    if (pixel >= end || row >= ROWS || index < 0) {
        return 0.0;
    }
    return f32(x[u32(index)]);
}

fn load_x(pixel: u32, end: u32, row: u32) -> vec4<f32> {
    return vec4<f32>(
        load_x_scalar(pixel, end, row),
        load_x_scalar(pixel, end, row + 1u),
        load_x_scalar(pixel, end, row + 2u),
        load_x_scalar(pixel, end, row + 3u),
    );
}
#endif

#if GRAD_VEC4
fn load_grad(pixel: u32, end: u32, n: u32) -> vec4<f32> {
    if (pixel >= end || n >= CHANNELS_OUT) {
        return vec4<f32>(0.0);
    }
    return vec4<f32>(grad[(pixel * CHANNELS_OUT + n) / 4u]);
}
#else
fn load_grad_scalar(pixel: u32, end: u32, n: u32) -> f32 {
    if (pixel >= end || n >= CHANNELS_OUT) {
        return 0.0;
    }
    return f32(grad[pixel * CHANNELS_OUT + n]);
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

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let group = group_id.y * DISPATCH_WIDTH + group_id.x;
    if (group >= WORKGROUPS) {
        return;
    }
    let first_channel = group % TILES_OF_CHANNELS * TILE_CHANNELS;
    let first_row = group / TILES_OF_CHANNELS % TILES_OF_ROWS * TILE_ROWS;
    let split = group / (TILES_OF_CHANNELS * TILES_OF_ROWS);
    let start = split * PIXELS_PER_SPLIT;
    let end = min(start + PIXELS_PER_SPLIT, PIXELS);

    // What this thread computes: channels 4 * column … + 3 of row quads quad, quad + QUAD_STEP, …
    let column = lane % CHANNEL_QUADS;
    let quad = lane / CHANNEL_QUADS;
    #repeat QUADS var sum$ix = vec4<f32>(0.0);
    #repeat QUADS var sum$iy = vec4<f32>(0.0);
    #repeat QUADS var sum$iz = vec4<f32>(0.0);
    #repeat QUADS var sum$iw = vec4<f32>(0.0);
    let sums_bias = first_row == 0u && quad == 0u;
    var bias_sum = vec4<f32>(0.0);

    for (var pixel: u32 = start; pixel < end; pixel += DEPTH) {
        #repeat X_LOADS copy_x(lane + $iu * THREADS, pixel, end, first_row);
        #repeat GRAD_LOADS copy_grad(lane + $iu * THREADS, pixel, end, first_channel);
        workgroupBarrier();

        for (var step: u32 = 0u; step < DEPTH; step += 1u) {
            let b = grad_tile[step * CHANNEL_QUADS + column];
            #repeat QUADS let a$i = x_tile[step * ROW_QUADS + quad + $iu * QUAD_STEP];
            #repeat QUADS sum$ix = fma(vec4<f32>(a$i.x), b, sum$ix);
            #repeat QUADS sum$iy = fma(vec4<f32>(a$i.y), b, sum$iy);
            #repeat QUADS sum$iz = fma(vec4<f32>(a$i.z), b, sum$iz);
            #repeat QUADS sum$iw = fma(vec4<f32>(a$i.w), b, sum$iw);
        }
        if (sums_bias) {
            for (var step: u32 = 0u; step < DEPTH; step += 1u) {
                bias_sum += grad_tile[step * CHANNEL_QUADS + column];
            }
        }
        workgroupBarrier();
    }

    let n = first_channel + 4u * column;
    #repeat QUADS store_weight(split, first_row + 4u * (quad + $iu * QUAD_STEP), n, sum$ix);
    #repeat QUADS store_weight(split, first_row + 4u * (quad + $iu * QUAD_STEP) + 1u, n, sum$iy);
    #repeat QUADS store_weight(split, first_row + 4u * (quad + $iu * QUAD_STEP) + 2u, n, sum$iz);
    #repeat QUADS store_weight(split, first_row + 4u * (quad + $iu * QUAD_STEP) + 3u, n, sum$iw);
    if (sums_bias) {
        store_bias(split, n, bias_sum);
    }
}

// Neighbouring threads copy neighbouring numbers of one pixel.
fn copy_x(index: u32, pixel: u32, end: u32, first_row: u32) {
    if (index < X_TILE_QUADS) {
        let row = first_row + 4u * (index % ROW_QUADS);
        x_tile[index] = load_x(pixel + index / ROW_QUADS, end, row);
    }
}

fn copy_grad(index: u32, pixel: u32, end: u32, first_channel: u32) {
    if (index < GRAD_TILE_QUADS) {
        let n = first_channel + 4u * (index % CHANNEL_QUADS);
        grad_tile[index] = load_grad(pixel + index / CHANNEL_QUADS, end, n);
    }
}
