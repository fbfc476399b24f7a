// The gradient of the weight of a projection shortcut, with flag PROJECTION; conv_patch_weight.wgsl goes
// before.
//
//   shortcut_weight_grad[c, n] = sum over pixels p of  shortcut[p, c] * grad[p, n]
//
// It has workgroups of its own, after those of the convolution's weight, that walk over the same patches.
// Where a thread there has a line of taps, it has another quad of channels c here. Of the shortcut each
// thread reads what it multiplies itself; the gradient is shared as there.

#if PROJECTION
@group(0) @binding(4) var<storage, read> shortcut: array<Shortcut4>;
@group(0) @binding(5) var<storage, read_write> shortcut_weight_grad: array<vec4<f32>>;

const OWN_WORKGROUPS: u32 = TILES_OF_CHANNELS * TILES_OF_X * SPLITS;
const SHORTCUT_QUADS: u32 = SHORTCUT_CHANNELS / 4u;
const TILE_SHORTCUT_QUADS: u32 = KERNEL * X_QUADS;

// Adds the products of a line of a patch; of a thread's sums the first tap's are used.
fn project_line(sums: ptr<function, Sums>, at: Patch, line: u32, quad: u32, column: u32) {
    // Below the last line the gradient is zero, so any line of the shortcut will do.
    let first = (at.image * HEIGHT_OUT + min(at.y + line, HEIGHT_OUT - 1u)) * WIDTH_OUT + at.x;
    #repeat WIDTH let a$i = vec4<f32>(shortcut[(first + $iu) * SHORTCUT_QUADS + quad]);
    #repeat WIDTH project_pixel(sums, a$i, line * CHANNEL_QUADS + column, $iu);
}

fn project_pixel(sums: ptr<function, Sums>, a: vec4<f32>, column: u32, pixel: u32) {
    #repeat COLUMN_QUADS let b$i = grad_tile[column + $iu * COLUMNS][pixel];
    #repeat COLUMN_QUADS (*sums).x0_$i = fma(vec4<f32>(a.x), b$i, (*sums).x0_$i);
    #repeat COLUMN_QUADS (*sums).y0_$i = fma(vec4<f32>(a.y), b$i, (*sums).y0_$i);
    #repeat COLUMN_QUADS (*sums).z0_$i = fma(vec4<f32>(a.z), b$i, (*sums).z0_$i);
    #repeat COLUMN_QUADS (*sums).w0_$i = fma(vec4<f32>(a.w), b$i, (*sums).w0_$i);
}

fn project(workgroup: u32, lane: u32) {
    let first_n = workgroup % TILES_OF_CHANNELS * TILE_CHANNELS;
    let first_quad = workgroup / TILES_OF_CHANNELS % TILES_OF_SHORTCUT * TILE_SHORTCUT_QUADS;
    let split = workgroup / (TILES_OF_CHANNELS * TILES_OF_SHORTCUT);
    let start = split * PATCHES / SPLITS;
    let end = (split + 1u) * PATCHES / SPLITS;

    let first_patch = patch_at(start);
    #repeat GRAD_LOADS let grad_cell$i = grad_cell(lane + $iu * THREADS, first_n);
    #repeat GRAD_LOADS let grad_slot$i = grad_slot(lane + $iu * THREADS);
    #repeat GRAD_LOADS var grad$i = load_grad(grad_cell$i, first_patch);

    let part = lane / PART_THREADS;
    let column = lane % COLUMNS;
    let quad = first_quad + lane / COLUMNS % TILE_SHORTCUT_QUADS;
    let read_quad = min(quad, SHORTCUT_QUADS - 1u);
    var sums: Sums;

    for (var index: u32 = start; index < end; index += 1u) {
        workgroupBarrier();
        #repeat GRAD_LOADS put_grad(lane + $iu * THREADS, grad_slot$i, grad$i);
        workgroupBarrier();
        let next = patch_at(min(index + 1u, end - 1u));
        #repeat GRAD_LOADS grad$i = load_grad(grad_cell$i, next);
        #repeat STEPS project_line(&sums, patch_at(index), part * STEPS + $iu, read_quad, column);
    }

    for (var first: u32 = 0u; first < 4u * COLUMN_QUADS; first += CELLS_AT_ONCE) {
        workgroupBarrier();
        #repeat COLUMN_QUADS put_cell(lane, $iu * 4u - first, sums.x0_$i);
        #repeat COLUMN_QUADS put_cell(lane, $iu * 4u + 1u - first, sums.y0_$i);
        #repeat COLUMN_QUADS put_cell(lane, $iu * 4u + 2u - first, sums.z0_$i);
        #repeat COLUMN_QUADS put_cell(lane, $iu * 4u + 3u - first, sums.w0_$i);
        workgroupBarrier();
        for (var cell: u32 = part; cell < CELLS_AT_ONCE; cell += PARTS) {
            var sum = vec4<f32>(0.0);
            for (var other: u32 = 0u; other < PARTS; other += 1u) {
                sum += parts_of_sums[other * PART_THREADS + lane % PART_THREADS][cell];
            }
            let at = first + cell;
            let channel = 4u * quad + at % 4u;
            let n = first_n + 4u * (column + at / 4u * COLUMNS);
            if (channel < SHORTCUT_CHANNELS && n < CHANNELS_OUT) {
                let row = split * SHORTCUT_CHANNELS + channel;
                shortcut_weight_grad[(row * CHANNELS_OUT + n) / 4u] = UNSCALE * sum;
            }
        }
    }
}
#endif
