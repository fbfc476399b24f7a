// Gradients of a convolution with respect to its weight and bias where threads run on a CPU; what
// that means for a kernel is said in conv_direct.wgsl.
//
// A thread sums over the lines of one split of the images, for one row of the kernel (ky), 4 input
// channels and 4 QUADS output channels; all taps kx of that row share the columns of x it reads,
// PIXELS outputs at a time. Partial sums are [split, row, channel] as in conv_weight.wgsl. Threads
// of the first input channels and of the first row of the kernel sum the bias as well.

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> grad: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> weight_grad: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> bias_grad: array<vec4<f32>>;

const QUADS_IN: u32 = CHANNELS_IN / 4u;
const QUADS_OUT: u32 = CHANNELS_OUT / 4u;
const TILES_OUT: u32 = QUADS_OUT / QUADS;
const LINES: u32 = BATCH * HEIGHT_OUT;

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
    var sums: array<vec4<f32>, KERNEL * 4u * QUADS>;
    var bias: array<vec4<f32>, QUADS>;
    var values: array<vec4<f32>, COLUMNS>;
    var grads: array<vec4<f32>, PIXELS * QUADS>;

    let end = min((split + 1u) * LINES_PER_SPLIT, LINES);
    for (var line: u32 = split * LINES_PER_SPLIT; line < end; line += 1u) {
        let source_y = i32(line % HEIGHT_OUT * STRIDE + ky) - PADDING;
        let inside_y = source_y >= 0 && source_y < i32(HEIGHT_IN);
        let image = line / HEIGHT_OUT;
        let x_line = (image * HEIGHT_IN + u32(clamp(source_y, 0, i32(HEIGHT_IN) - 1))) * WIDTH_IN * QUADS_IN + quad_in;
        for (var first: u32 = 0u; first < WIDTH_OUT; first += PIXELS) {
            let grad_start = (line * WIDTH_OUT + first) * QUADS_OUT + quad_out;
            #repeat PIXELS #repeat QUADS grads[$iu * QUADS + $ju] = grad[grad_start + $iu * QUADS_OUT + $ju];
            if (sums_bias) {
                #repeat PIXELS #repeat QUADS bias[$j] += grads[$iu * QUADS + $ju];
            }
            if (inside_y) {
                let left = i32(first * STRIDE) - PADDING;
                #repeat COLUMNS values[$i] = select(vec4<f32>(0.0), x[x_line + u32(clamp(left + $i, 0, i32(WIDTH_IN) - 1)) * QUADS_IN], left + $i >= 0 && left + $i < i32(WIDTH_IN));
                #repeat KERNEL #repeat QUADS #repeat PIXELS sums[($iu * QUADS + $ju) * 4u + 0u] += values[$ku * STRIDE + $iu].x * grads[$ku * QUADS + $ju];
                #repeat KERNEL #repeat QUADS #repeat PIXELS sums[($iu * QUADS + $ju) * 4u + 1u] += values[$ku * STRIDE + $iu].y * grads[$ku * QUADS + $ju];
                #repeat KERNEL #repeat QUADS #repeat PIXELS sums[($iu * QUADS + $ju) * 4u + 2u] += values[$ku * STRIDE + $iu].z * grads[$ku * QUADS + $ju];
                #repeat KERNEL #repeat QUADS #repeat PIXELS sums[($iu * QUADS + $ju) * 4u + 3u] += values[$ku * STRIDE + $iu].w * grads[$ku * QUADS + $ju];
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
