// What conv.wgsl and conv_patch.wgsl have in common: the bindings, a thread's sums, and their end.
//
//   forward:         source = x, target = y
//   gradient of x:   source = gradient of y, target = gradient of x (flag GRAD_INPUT)
//
// Every pixel of the source counts as REPEAT x REPEAT pixels, whose number SOURCE_HEIGHT and
// SOURCE_WIDTH say: upsampling to the nearest pixel is then not written out.
//
// With flag ADD, `addend` is added to the target; flag PROJECTION is that of conv_projection.wgsl.
//
// Source, Target and Addend are what the maps are stored as, f32 or f16; all sums are f32.
//
// Threads. A workgroup computes GROUPS x ROWS pixels x TILE_CHANNELS of the target; a thread has
// the ROWS pixels of one group and the 4 COLUMN_QUADS channels of one column. There are PARTS
// threads for each such place, and each adds up a part of every sum (flag SPLIT where there are
// several). So a small target still gives each thread many sums, and the GPU many threads.
//
// Latency. What the next round needs is read into registers before the sums of this one, so that
// global memory has a whole round to answer. No read is in a branch that depends on the thread:
// where there is nothing to read, number 0 is read and replaced by zero.
//
// Workgroup memory. What a thread reads in a round lies together, at places known to the compiler
// but for one index: browsers check every other. Where neighbouring threads read, the distance is
// an odd number of vec4s, so that they do not hit the same memory bank.
//
// Constants: BATCH, SOURCE_HEIGHT, SOURCE_WIDTH, SOURCE_CHANNELS, TARGET_HEIGHT, TARGET_WIDTH,
// TARGET_CHANNELS, KERNEL, STRIDE, PADDING; the tile; WORKGROUPS and DISPATCH_WIDTH of the launch.

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

// Everything counted in vec4s is called QUADS.
const CHANNEL_QUADS: u32 = TILE_CHANNELS / 4u;
const COLUMNS: u32 = CHANNEL_QUADS / COLUMN_QUADS;
const PART_THREADS: u32 = GROUPS * COLUMNS;
// Whether every channel of every tile is there, known when the shader is compiled.
const WHOLE_CHANNELS: bool = TARGET_CHANNELS % TILE_CHANNELS == 0u;

// [part, column][what a thread reads in a round]; at the end, sums of parts, [part, column][cell,
// group].
var<workgroup> weight_tile: array<array<vec4<f32>, WEIGHT_PITCH>, PARTS * COLUMNS>;

// The sums of a thread: [row, column quad].
struct Sums {
    #repeat ROWS #repeat COLUMN_QUADS s$i_$j: vec4<f32>,
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

// What is added to channels n .. n + 4 of a pixel.
fn addend_at(pixel: u32, n: u32) -> vec4<f32> {
#if ADD
    let start = pixel * TARGET_CHANNELS;
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

fn bias_at(n: u32) -> vec4<f32> {
#if GRAD_INPUT
    return vec4<f32>(0.0);
#else
    // Past the last channel nothing is stored, so any value will do.
    let last = TARGET_CHANNELS - 1u;
    let own = vec4<f32>(
        bias[min(n, last)],
        bias[min(n + 1u, last)],
        bias[min(n + 2u, last)],
        bias[min(n + 3u, last)],
    );
#if PROJECTION
    return own + shortcut_bias[min(n, last) / 4u];
#else
    return own;
#endif
#endif
}

// Where there is no pixel of the target.
const NO_PIXEL: u32 = 0xffffffffu;

fn store(pixel: u32, n: u32, value: vec4<f32>) {
#if PROJECTION
#if GRAD_INPUT
    if (n >= FIRST_SHORTCUT_CHANNEL) {
        store_shortcut(pixel, n - FIRST_SHORTCUT_CHANNEL, value);
        return;
    }
#endif
#endif
    if (pixel == NO_PIXEL || n >= TARGET_CHANNELS) {
        return;
    }
    let start = pixel * TARGET_CHANNELS + n;
    let sum = Target4(value + bias_at(n) + addend_at(pixel, n));
#if TARGET_VEC4
    output[start / 4u] = sum;
#else
    output[start] = sum.x;
    if (n + 1u < TARGET_CHANNELS) { output[start + 1u] = sum.y; }
    if (n + 2u < TARGET_CHANNELS) { output[start + 2u] = sum.z; }
    if (n + 3u < TARGET_CHANNELS) { output[start + 3u] = sum.w; }
#endif
}

// A cell is one of the vec4s of a thread; that many of each thread fit into workgroup memory at
// once.
const CELLS: u32 = ROWS * COLUMN_QUADS;
const CELLS_AT_ONCE: u32 = min(CELLS, WEIGHT_PITCH / GROUPS);

// Adds up the parts and stores the result; `first_channel` is that of the workgroup.
fn finish(sums: ptr<function, Sums>, part: u32, group: u32, column: u32, tile: Tile, first_channel: u32) {
    let n = first_channel + 4u * column;
#if SPLIT
    for (var first: u32 = 0u; first < CELLS; first += CELLS_AT_ONCE) {
        workgroupBarrier();
        let to = part * COLUMNS + column;
        #repeat ROWS #repeat COLUMN_QUADS put_cell(to, $iu * COLUMN_QUADS + $ju - first, group, (*sums).s$i_$j);
        workgroupBarrier();
        for (var cell: u32 = part; cell < CELLS_AT_ONCE; cell += PARTS) {
            var sum = vec4<f32>(0.0);
            for (var other: u32 = 0u; other < PARTS; other += 1u) {
                sum += weight_tile[other * COLUMNS + column][cell * GROUPS + group];
            }
            let row = (first + cell) / COLUMN_QUADS;
            let quad = (first + cell) % COLUMN_QUADS;
            if (row < ROWS) {
                store(target_pixel(tile, group, row), n + 4u * COLUMNS * quad, sum);
            }
        }
    }
#else
    #repeat ROWS #repeat COLUMN_QUADS store(target_pixel(tile, group, $iu), n + 4u * COLUMNS * $ju, (*sums).s$i_$j);
#endif
}

// Does nothing where `cell` is not among those of this turn, which it then exceeds or wraps around
// below.
fn put_cell(to: u32, cell: u32, group: u32, value: vec4<f32>) {
    if (cell < CELLS_AT_ONCE) {
        weight_tile[to][cell * GROUPS + group] = value;
    }
}
