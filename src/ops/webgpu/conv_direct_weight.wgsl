// Gradients of a convolution with respect to its weight and bias where threads run on a CPU; what
// that means for a kernel is said in conv_direct.wgsl.
//
// A thread sums over the lines of one split of the images, for one row of the kernel (ky), 4 input
// channels and 4 QUADS output channels; all taps kx of that row share the columns of x it reads,
// under 8 outputs at a time, whose gradients are the columns of two matrices: a sum is then read and
// written once for all eight. Partial sums are [split, row, channel] as in conv_weight.wgsl. Threads
// of the first input channels and of the first row of the kernel sum the bias as well. Every pixel of x
// counts as REPEAT x REPEAT pixels, whose number HEIGHT_IN and WIDTH_IN say. Where there is no whole
// number of vec4s of channels, bindings count in numbers.
//
// With flag PROJECTION, more threads sum the gradient of the weight of a shortcut, `shortcut_weight_grad`
// [split, channel of the shortcut, channel], in the same way but for one tap.

#if X_VEC4
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
#else
@group(0) @binding(0) var<storage, read> x: array<f32>;
#endif
#if GRAD_VEC4
alias Grad = vec4<f32>;
#else
alias Grad = f32;
#endif
@group(0) @binding(1) var<storage, read> grad: array<Grad>;
@group(0) @binding(2) var<storage, read_write> weight_grad: array<Grad>;
@group(0) @binding(3) var<storage, read_write> bias_grad: array<Grad>;
#if PROJECTION
@group(0) @binding(4) var<storage, read> shortcut: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> shortcut_weight_grad: array<vec4<f32>>;
#endif

const QUADS_IN: u32 = (CHANNELS_IN + 3u) / 4u;
const QUADS_OUT: u32 = (CHANNELS_OUT + 3u) / 4u;
const TILES_OUT: u32 = QUADS_OUT / QUADS;
const LINES: u32 = BATCH * HEIGHT_OUT;

// Four channels of the pixel of x that begins at `start`. Past the last channel nothing is stored, so
// any value will do.
#if X_VEC4
const X_STEP: u32 = QUADS_IN;

fn x_at(start: u32, quad: u32) -> vec4<f32> {
    return x[start + quad];
}
#else
const X_STEP: u32 = CHANNELS_IN;

fn x_at(start: u32, quad: u32) -> vec4<f32> {
    let c = 4u * quad;
    let last = CHANNELS_IN - 1u;
    return vec4<f32>(
        x[start + min(c, last)],
        x[start + min(c + 1u, last)],
        x[start + min(c + 2u, last)],
        x[start + min(c + 3u, last)],
    );
}
#endif

#if GRAD_VEC4
fn read_grad(pixel: u32, quad: u32) -> vec4<f32> {
    return grad[pixel * QUADS_OUT + quad];
}

// Row `row` of all partial sums of the weight.
fn store(row: u32, quad: u32, sum: vec4<f32>) {
    weight_grad[row * QUADS_OUT + quad] = sum;
}

fn store_bias(split: u32, quad: u32, sum: vec4<f32>) {
    bias_grad[split * QUADS_OUT + quad] = sum;
}
#else
fn read_grad(pixel: u32, quad: u32) -> vec4<f32> {
    let start = pixel * CHANNELS_OUT;
    let n = 4u * quad;
    let last = CHANNELS_OUT - 1u;
    return vec4<f32>(
        grad[start + min(n, last)],
        grad[start + min(n + 1u, last)],
        grad[start + min(n + 2u, last)],
        grad[start + min(n + 3u, last)],
    );
}

fn store(row: u32, quad: u32, sum: vec4<f32>) {
    let n = 4u * quad;
    let start = row * CHANNELS_OUT + n;
    weight_grad[start] = sum.x;
    if (n + 1u < CHANNELS_OUT) { weight_grad[start + 1u] = sum.y; }
    if (n + 2u < CHANNELS_OUT) { weight_grad[start + 2u] = sum.z; }
    if (n + 3u < CHANNELS_OUT) { weight_grad[start + 3u] = sum.w; }
}

fn store_bias(split: u32, quad: u32, sum: vec4<f32>) {
    let n = 4u * quad;
    let start = split * CHANNELS_OUT + n;
    bias_grad[start] = sum.x;
    if (n + 1u < CHANNELS_OUT) { bias_grad[start + 1u] = sum.y; }
    if (n + 2u < CHANNELS_OUT) { bias_grad[start + 2u] = sum.z; }
    if (n + 3u < CHANNELS_OUT) { bias_grad[start + 3u] = sum.w; }
}
#endif

fn grad_at(line: u32, column: u32, quad: u32) -> vec4<f32> {
    let value = read_grad(line * WIDTH_OUT + min(column, WIDTH_OUT - 1u), quad);
    return select(vec4<f32>(0.0), value, column < WIDTH_OUT);
}

// Gradients of four neighbouring outputs, one a column.
fn grads(line: u32, first: u32, quad: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        grad_at(line, first, quad),
        grad_at(line, first + 1u, quad),
        grad_at(line, first + 2u, quad),
        grad_at(line, first + 3u, quad),
    );
}

#if PROJECTION
const SHORTCUT_QUADS: u32 = SHORTCUT_CHANNELS / 4u;

fn shortcut_at(line: u32, column: u32, quad: u32) -> vec4<f32> {
    return shortcut[(line * WIDTH_OUT + min(column, WIDTH_OUT - 1u)) * SHORTCUT_QUADS + quad];
}

fn project(thread: u32) {
    let quad_out = thread % TILES_OUT * QUADS;
    let quad_in = thread / TILES_OUT % SHORTCUT_QUADS;
    let split = thread / (TILES_OUT * SHORTCUT_QUADS);
    if (split >= SPLITS) {
        return;
    }
    // [output quad][channel of the shortcut]
    var sums: array<vec4<f32>, QUADS * 4u>;
    let end = min((split + 1u) * LINES_PER_SPLIT, LINES);
    for (var line: u32 = split * LINES_PER_SPLIT; line < end; line += 1u) {
        for (var first: u32 = 0u; first < WIDTH_OUT; first += 4u) {
            let x0 = shortcut_at(line, first, quad_in);
            let x1 = shortcut_at(line, first + 1u, quad_in);
            let x2 = shortcut_at(line, first + 2u, quad_in);
            let x3 = shortcut_at(line, first + 3u, quad_in);
            #repeat QUADS let g$i = grads(line, first, quad_out + $iu);
            #repeat QUADS sums[$iu * 4u + 0u] += g$i * vec4<f32>(x0.x, x1.x, x2.x, x3.x);
            #repeat QUADS sums[$iu * 4u + 1u] += g$i * vec4<f32>(x0.y, x1.y, x2.y, x3.y);
            #repeat QUADS sums[$iu * 4u + 2u] += g$i * vec4<f32>(x0.z, x1.z, x2.z, x3.z);
            #repeat QUADS sums[$iu * 4u + 3u] += g$i * vec4<f32>(x0.w, x1.w, x2.w, x3.w);
        }
    }
    let at = (split * SHORTCUT_CHANNELS + 4u * quad_in) * QUADS_OUT + quad_out;
    #repeat QUADS shortcut_weight_grad[at + 0u * QUADS_OUT + $iu] = sums[$iu * 4u + 0u];
    #repeat QUADS shortcut_weight_grad[at + 1u * QUADS_OUT + $iu] = sums[$iu * 4u + 1u];
    #repeat QUADS shortcut_weight_grad[at + 2u * QUADS_OUT + $iu] = sums[$iu * 4u + 2u];
    #repeat QUADS shortcut_weight_grad[at + 3u * QUADS_OUT + $iu] = sums[$iu * 4u + 3u];
}
#endif

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group_id.y * DISPATCH_WIDTH + group_id.x) * THREADS + lane;
    let quad_out = thread % TILES_OUT * QUADS;
    let quad_in = thread / TILES_OUT % QUADS_IN;
    let ky = thread / (TILES_OUT * QUADS_IN) % KERNEL;
    let split = thread / (TILES_OUT * QUADS_IN * KERNEL);
    if (split >= SPLITS) {
#if PROJECTION
        project(thread - TILES_OUT * QUADS_IN * KERNEL * SPLITS);
#endif
        return;
    }
    let sums_bias = ky == 0u && quad_in == 0u;

    // [kx][output quad][input channel]
    var sums: array<vec4<f32>, KERNEL * QUADS * 4u>;
    var bias: array<vec4<f32>, QUADS>;
    var values: array<vec4<f32>, COLUMNS>;

    let end = min((split + 1u) * LINES_PER_SPLIT, LINES);
    for (var line: u32 = split * LINES_PER_SPLIT; line < end; line += 1u) {
        let source_y = i32(line % HEIGHT_OUT * STRIDE + ky) - PADDING;
        let inside_y = source_y >= 0 && source_y < i32(HEIGHT_IN);
        let image = line / HEIGHT_OUT;
        let y = u32(clamp(source_y, 0, i32(HEIGHT_IN) - 1));
        let x_line = (image * (HEIGHT_IN / REPEAT) + y / REPEAT) * (WIDTH_IN / REPEAT) * X_STEP;
        for (var first: u32 = 0u; first < WIDTH_OUT; first += 8u) {
            #repeat QUADS let left_$i = grads(line, first, quad_out + $iu);
            #repeat QUADS let right_$i = grads(line, first + 4u, quad_out + $iu);
            if (sums_bias) {
                #repeat QUADS bias[$i] += (left_$i + right_$i) * vec4<f32>(1.0);
            }
            if (inside_y) {
                let column = i32(first * STRIDE) - PADDING;
                #repeat COLUMNS values[$i] = select(vec4<f32>(0.0), x_at(x_line + u32(clamp(column + $i, 0, i32(WIDTH_IN) - 1)) / REPEAT * X_STEP, quad_in), column + $i >= 0 && column + $i < i32(WIDTH_IN));
                #repeat KERNEL let left_x$i = vec4<f32>(values[$iu].x, values[STRIDE + $iu].x, values[2u * STRIDE + $iu].x, values[3u * STRIDE + $iu].x);
                #repeat KERNEL let right_x$i = vec4<f32>(values[4u * STRIDE + $iu].x, values[5u * STRIDE + $iu].x, values[6u * STRIDE + $iu].x, values[7u * STRIDE + $iu].x);
                #repeat KERNEL let left_y$i = vec4<f32>(values[$iu].y, values[STRIDE + $iu].y, values[2u * STRIDE + $iu].y, values[3u * STRIDE + $iu].y);
                #repeat KERNEL let right_y$i = vec4<f32>(values[4u * STRIDE + $iu].y, values[5u * STRIDE + $iu].y, values[6u * STRIDE + $iu].y, values[7u * STRIDE + $iu].y);
                #repeat KERNEL let left_z$i = vec4<f32>(values[$iu].z, values[STRIDE + $iu].z, values[2u * STRIDE + $iu].z, values[3u * STRIDE + $iu].z);
                #repeat KERNEL let right_z$i = vec4<f32>(values[4u * STRIDE + $iu].z, values[5u * STRIDE + $iu].z, values[6u * STRIDE + $iu].z, values[7u * STRIDE + $iu].z);
                #repeat KERNEL let left_w$i = vec4<f32>(values[$iu].w, values[STRIDE + $iu].w, values[2u * STRIDE + $iu].w, values[3u * STRIDE + $iu].w);
                #repeat KERNEL let right_w$i = vec4<f32>(values[4u * STRIDE + $iu].w, values[5u * STRIDE + $iu].w, values[6u * STRIDE + $iu].w, values[7u * STRIDE + $iu].w);
                #repeat KERNEL #repeat QUADS sums[($iu * QUADS + $ju) * 4u + 0u] += left_$j * left_x$i + right_$j * right_x$i;
                #repeat KERNEL #repeat QUADS sums[($iu * QUADS + $ju) * 4u + 1u] += left_$j * left_y$i + right_$j * right_y$i;
                #repeat KERNEL #repeat QUADS sums[($iu * QUADS + $ju) * 4u + 2u] += left_$j * left_z$i + right_$j * right_z$i;
                #repeat KERNEL #repeat QUADS sums[($iu * QUADS + $ju) * 4u + 3u] += left_$j * left_w$i + right_$j * right_w$i;
            }
        }
    }

    let row = (split * KERNEL + ky) * KERNEL * CHANNELS_IN + 4u * quad_in;
    #repeat KERNEL #repeat QUADS store(row + $iu * CHANNELS_IN, quad_out + $ju, sums[($iu * QUADS + $ju) * 4u + 0u]);
#if X_VEC4
    #repeat KERNEL #repeat QUADS store(row + $iu * CHANNELS_IN + 1u, quad_out + $ju, sums[($iu * QUADS + $ju) * 4u + 1u]);
    #repeat KERNEL #repeat QUADS store(row + $iu * CHANNELS_IN + 2u, quad_out + $ju, sums[($iu * QUADS + $ju) * 4u + 2u]);
    #repeat KERNEL #repeat QUADS store(row + $iu * CHANNELS_IN + 3u, quad_out + $ju, sums[($iu * QUADS + $ju) * 4u + 3u]);
#else
    let rows = CHANNELS_IN - 4u * quad_in;
    if (rows > 1u) {
        #repeat KERNEL #repeat QUADS store(row + $iu * CHANNELS_IN + 1u, quad_out + $ju, sums[($iu * QUADS + $ju) * 4u + 1u]);
    }
    if (rows > 2u) {
        #repeat KERNEL #repeat QUADS store(row + $iu * CHANNELS_IN + 2u, quad_out + $ju, sums[($iu * QUADS + $ju) * 4u + 2u]);
    }
    if (rows > 3u) {
        #repeat KERNEL #repeat QUADS store(row + $iu * CHANNELS_IN + 3u, quad_out + $ju, sums[($iu * QUADS + $ju) * 4u + 3u]);
    }
#endif
    if (sums_bias) {
        #repeat QUADS store_bias(split, quad_out + $iu, bias[$i]);
    }
}
