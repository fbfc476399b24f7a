// Group normalisation, affine map and SiLU where threads run on a CPU; what that means for a kernel
// is said in conv_direct.wgsl. The numbers are those of group_norm.wgsl, but one thread handles one
// group of one image, so that nothing is shared and nothing waits.

@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> gamma: array<Element>;
@group(0) @binding(2) var<storage, read> beta: array<Element>;
@group(0) @binding(3) var<storage, read_write> output: array<Element>;
@group(0) @binding(4) var<storage, read_write> statistics: array<f32>;
#if SKIP
@group(0) @binding(5) var<storage, read> skip: array<Element>;
@group(0) @binding(6) var<storage, read_write> both: array<Element>;
#endif

// Element e of a pixel of what is normalised, but for the shift.
fn x_at(pixel: u32, e: u32) -> Element {
#if SKIP
    if (e >= X_ELEMENTS) {
        return skip[pixel * SKIP_ELEMENTS + e - X_ELEMENTS];
    }
    return x[pixel * X_ELEMENTS + e];
#else
    return x[pixel * ELEMENTS + e];
#endif
}

// Leaves an element of the concatenation for whoever else reads it.
fn keep(pixel: u32, e: u32, value: Element) {
#if SKIP
    both[pixel * ELEMENTS + e] = value;
#endif
}

#if SHIFT
#if SKIP
@group(0) @binding(7) var<storage, read> shift: array<f32>;
#else
@group(0) @binding(5) var<storage, read> shift: array<f32>;
#endif
#endif

// What is added to element e of all pixels of an image.
fn shift_at(image: u32, e: u32) -> Element {
#if SHIFT
    let at = image * SHIFT_TOTAL + SHIFT_START + e * WIDTH;
#if VEC4
    return vec4<f32>(shift[at], shift[at + 1u], shift[at + 2u], shift[at + 3u]);
#else
    return shift[at];
#endif
#else
    return Element(0.0);
#endif
}

// Leaves what was added to element e for the backward pass.
fn keep_shift(image: u32, e: u32, added: Element) {
#if SHIFT
    let at = image * STATISTICS + 2u * GROUPS + e * WIDTH;
#if VEC4
    statistics[at] = added.x;
    statistics[at + 1u] = added.y;
    statistics[at + 2u] = added.z;
    statistics[at + 3u] = added.w;
#else
    statistics[at] = added;
#endif
#endif
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group_id.y * DISPATCH_WIDTH + group_id.x) * THREADS + lane; // image * GROUPS + group
    if (index >= IMAGES * GROUPS) {
        return;
    }
    let image = index / GROUPS;
    let group_start = index % GROUPS * GROUP_ELEMENTS; // within a pixel
    let first_pixel = image * PIXELS;

    var sum = Element(0.0);
    for (var p: u32 = 0u; p < PIXELS; p += 1u) {
        for (var e: u32 = 0u; e < GROUP_ELEMENTS; e += 1u) {
            let value = x_at(first_pixel + p, group_start + e);
            keep(first_pixel + p, group_start + e, value);
            sum += value;
        }
    }
    for (var e: u32 = 0u; e < GROUP_ELEMENTS; e += 1u) {
        let added = shift_at(image, group_start + e);
        sum += f32(PIXELS) * added;
        keep_shift(image, group_start + e, added);
    }
    let mean = total(sum) / COUNT;

    var squares = Element(0.0);
    for (var e: u32 = 0u; e < GROUP_ELEMENTS; e += 1u) {
        let centre = Element(mean) - shift_at(image, group_start + e);
        for (var p: u32 = 0u; p < PIXELS; p += 1u) {
            let centred = x_at(first_pixel + p, group_start + e) - centre;
            squares += centred * centred;
        }
    }
    let reciprocal_std = 1.0 / sqrt(total(squares) / COUNT + EPSILON);

    for (var e: u32 = 0u; e < GROUP_ELEMENTS; e += 1u) {
        let scale = gamma[group_start + e] * reciprocal_std;
        let offset = beta[group_start + e];
        let centre = Element(mean) - shift_at(image, group_start + e);
        for (var p: u32 = 0u; p < PIXELS; p += 1u) {
            let centred = x_at(first_pixel + p, group_start + e) - centre;
            let at = (first_pixel + p) * ELEMENTS + group_start + e;
            output[at] = activated(centred * scale + offset);
        }
    }
    let at = image * STATISTICS + 2u * (index % GROUPS);
    statistics[at] = mean;
    statistics[at + 1u] = reciprocal_std;
}
