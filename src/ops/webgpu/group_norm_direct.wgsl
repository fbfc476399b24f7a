// Group normalisation, affine map and SiLU where threads run on a CPU; what that means for a kernel
// is said in conv_direct.wgsl. The numbers are those of group_norm.wgsl, but one thread handles one
// group of one image, so that nothing is shared and nothing waits.

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
