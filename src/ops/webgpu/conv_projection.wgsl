// A projection shortcut in passing, with flag PROJECTION; conv_common.wgsl goes before.
//
//   forward:                  target[pixel, n] += sum over c of  shortcut[pixel, c] * shortcut_weight[c, n]
//   gradient (GRAD_INPUT):    shortcut_grad[pixel, c] = sum over n of  source[pixel, n] * shortcut_weight[c, n]
//
// The gradient has workgroups of its own, those of the channels from FIRST_SHORTCUT_CHANNEL on, which
// follow the target's. With flag ADD_SHORTCUT, `shortcut_addend` is added to it.
//
// There is one tap, so that few threads need the same number: each reads from the cache what it multiplies,
// without workgroup memory. Channels come in vec4s. Shortcut and ShortcutAddend are what the maps are
// stored as.

#if PROJECTION
const SHORTCUT_QUADS: u32 = SHORTCUT_CHANNELS / 4u;
#if GRAD_INPUT
@group(0) @binding(3) var<storage, read> shortcut_weight: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> shortcut_grad: array<Shortcut4>;
#if ADD_SHORTCUT
@group(0) @binding(5) var<storage, read> shortcut_addend: array<ShortcutAddend4>;
#endif

const FIRST_SHORTCUT_CHANNEL: u32 = OWN_TILES_OF_CHANNELS * TILE_CHANNELS;
// Vec4s of what is summed over, and of what is computed.
const SUMMED_QUADS: u32 = SOURCE_CHANNELS / 4u;
const COMPUTED_QUADS: u32 = SHORTCUT_QUADS;

fn store_shortcut(pixel: u32, channel: u32, value: vec4<f32>) {
    if (pixel == NO_PIXEL || channel >= SHORTCUT_CHANNELS) {
        return;
    }
    let at = pixel * SHORTCUT_QUADS + channel / 4u;
#if ADD_SHORTCUT
    shortcut_grad[at] = Shortcut4(value + vec4<f32>(shortcut_addend[at]));
#else
    shortcut_grad[at] = Shortcut4(value);
#endif
}
#else
@group(0) @binding(4) var<storage, read> shortcut: array<Shortcut4>;
@group(0) @binding(5) var<storage, read> shortcut_weight: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> shortcut_bias: array<vec4<f32>>;

const SUMMED_QUADS: u32 = SHORTCUT_QUADS;
const COMPUTED_QUADS: u32 = TARGET_CHANNELS / 4u;
#endif

fn summed(at: u32) -> vec4<f32> {
#if GRAD_INPUT
    return vec4<f32>(source[at]);
#else
    return vec4<f32>(shortcut[at]);
#endif
}

// The number of a pixel, or of another where there is none and nothing is stored.
fn any_pixel(pixel: u32) -> u32 {
    return select(pixel, 0u, pixel == NO_PIXEL);
}

// Adds this part's products of the shortcut, whose channels begin with `first_channel`.
fn add_projection(
    sums: ptr<function, Sums>,
    part: u32,
    group: u32,
    column: u32,
    tile: Tile,
    first_channel: u32,
) {
    #repeat ROWS let pixel$i = any_pixel(target_pixel(tile, group, $iu)) * SUMMED_QUADS;
    // Past the last channel nothing is stored, so any weight will do.
    #repeat COLUMN_QUADS let n$i = min(first_channel / 4u + column + $iu * COLUMNS, COMPUTED_QUADS - 1u);
    for (var quad: u32 = part; quad < SUMMED_QUADS; quad += PARTS) {
#if GRAD_INPUT
        #repeat COLUMN_QUADS let w$i_0 = shortcut_weight[4u * n$i * SUMMED_QUADS + quad];
        #repeat COLUMN_QUADS let w$i_1 = shortcut_weight[(4u * n$i + 1u) * SUMMED_QUADS + quad];
        #repeat COLUMN_QUADS let w$i_2 = shortcut_weight[(4u * n$i + 2u) * SUMMED_QUADS + quad];
        #repeat COLUMN_QUADS let w$i_3 = shortcut_weight[(4u * n$i + 3u) * SUMMED_QUADS + quad];
        #repeat COLUMN_QUADS let b$i_0 = vec4<f32>(w$i_0.x, w$i_1.x, w$i_2.x, w$i_3.x);
        #repeat COLUMN_QUADS let b$i_1 = vec4<f32>(w$i_0.y, w$i_1.y, w$i_2.y, w$i_3.y);
        #repeat COLUMN_QUADS let b$i_2 = vec4<f32>(w$i_0.z, w$i_1.z, w$i_2.z, w$i_3.z);
        #repeat COLUMN_QUADS let b$i_3 = vec4<f32>(w$i_0.w, w$i_1.w, w$i_2.w, w$i_3.w);
#else
        #repeat COLUMN_QUADS let b$i_0 = shortcut_weight[4u * quad * COMPUTED_QUADS + n$i];
        #repeat COLUMN_QUADS let b$i_1 = shortcut_weight[(4u * quad + 1u) * COMPUTED_QUADS + n$i];
        #repeat COLUMN_QUADS let b$i_2 = shortcut_weight[(4u * quad + 2u) * COMPUTED_QUADS + n$i];
        #repeat COLUMN_QUADS let b$i_3 = shortcut_weight[(4u * quad + 3u) * COMPUTED_QUADS + n$i];
#endif
        #repeat ROWS let a$i = summed(pixel$i + quad);
        #repeat ROWS #repeat COLUMN_QUADS (*sums).s$i_$j = multiply_add((*sums).s$i_$j, a$i, b$j_0, b$j_1, b$j_2, b$j_3);
    }
}
#endif
