// Gradients of a convolution with respect to its weight and bias where threads run on a CPU; what
// that means for a kernel is said in conv_direct.wgsl.
//
// A thread sums over the lines of one split of the images, for one row of the kernel (ky), 4 input
// channels and 4 QUADS output channels; all taps kx of that row share the columns of x it reads,
// under 8 outputs at a time, whose gradients are the columns of two matrices: a sum is then read and
// written once for all eight. Partial sums are [split, row, channel] as in conv_weight.wgsl. Threads
// of the first input channels and of the first row of the kernel sum the bias as well. Every pixel of x
// counts as REPEAT x REPEAT pixels, whose number HEIGHT_IN and WIDTH_IN say.

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> grad: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> weight_grad: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> bias_grad: array<vec4<f32>>;

const QUADS_IN: u32 = CHANNELS_IN / 4u;
const QUADS_OUT: u32 = CHANNELS_OUT / 4u;
const TILES_OUT: u32 = QUADS_OUT / QUADS;
const LINES: u32 = BATCH * HEIGHT_OUT;

fn grad_at(line: u32, column: u32, quad: u32) -> vec4<f32> {
    let value = grad[(line * WIDTH_OUT + min(column, WIDTH_OUT - 1u)) * QUADS_OUT + quad];
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
        let x_line = (image * (HEIGHT_IN / REPEAT) + y / REPEAT) * (WIDTH_IN / REPEAT) * QUADS_IN + quad_in;
        for (var first: u32 = 0u; first < WIDTH_OUT; first += 8u) {
            #repeat QUADS let left_$i = grads(line, first, quad_out + $iu);
            #repeat QUADS let right_$i = grads(line, first + 4u, quad_out + $iu);
            if (sums_bias) {
                #repeat QUADS bias[$i] += (left_$i + right_$i) * vec4<f32>(1.0);
            }
            if (inside_y) {
                let column = i32(first * STRIDE) - PADDING;
                #repeat COLUMNS values[$i] = select(vec4<f32>(0.0), x[x_line + u32(clamp(column + $i, 0, i32(WIDTH_IN) - 1)) / REPEAT * QUADS_IN], column + $i >= 0 && column + $i < i32(WIDTH_IN));
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
    #repeat KERNEL #repeat QUADS weight_grad[(row + $iu * CHANNELS_IN + 0u) * QUADS_OUT + quad_out + $ju] = sums[($iu * QUADS + $ju) * 4u + 0u];
    #repeat KERNEL #repeat QUADS weight_grad[(row + $iu * CHANNELS_IN + 1u) * QUADS_OUT + quad_out + $ju] = sums[($iu * QUADS + $ju) * 4u + 1u];
    #repeat KERNEL #repeat QUADS weight_grad[(row + $iu * CHANNELS_IN + 2u) * QUADS_OUT + quad_out + $ju] = sums[($iu * QUADS + $ju) * 4u + 2u];
    #repeat KERNEL #repeat QUADS weight_grad[(row + $iu * CHANNELS_IN + 3u) * QUADS_OUT + quad_out + $ju] = sums[($iu * QUADS + $ju) * 4u + 3u];
    if (sums_bias) {
        #repeat QUADS bias_grad[split * QUADS_OUT + quad_out + $iu] = bias[$i];
    }
}
