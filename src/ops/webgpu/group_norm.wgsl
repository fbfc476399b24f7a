// Group normalisation, affine map and SiLU, forward.
//
// One workgroup handles one group of one image: PIXELS pixels of GROUP_ELEMENTS neighbouring
// elements each, where an element is a vec4 of channels if the channels of a group divide by 4,
// and one channel otherwise. Three passes over the group, which stays in the cache after the
// first: mean, variance of the centred values (the mean of squares minus the square of the mean
// cancels badly), output.
//
// Threads are laid out as ROWS pixels x LANES elements, so neighbours read neighbouring numbers;
// the threads left over by that only take part in the barriers.

var<workgroup> partial: array<f32, THREADS>;

// The sum of `value` over all threads.
fn sum_over_workgroup(lane: u32, value: f32) -> f32 {
    partial[lane] = value;
    workgroupBarrier();
    for (var width: u32 = THREADS / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            partial[lane] += partial[lane + width];
        }
        workgroupBarrier();
    }
    let sum = partial[0];
    // Nobody may start the next sum before all have read this one.
    workgroupBarrier();
    return sum;
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = group_id.y * DISPATCH_WIDTH + group_id.x; // image * GROUPS + group
    if (index >= WORKGROUPS) {
        return;
    }
    let image = index / GROUPS;
    let group_start = index % GROUPS * GROUP_ELEMENTS; // within a pixel
    let first_pixel = image * PIXELS;
    // A thread without a row starts past the last pixel.
    let first_row = select(PIXELS, lane / LANES, lane < ROWS * LANES);
    let first_element = lane % LANES;

    var sum = Element(0.0);
    for (var e = first_element; e < GROUP_ELEMENTS; e += LANES) {
        let added = shift_at(image, group_start + e);
        for (var p = first_row; p < PIXELS; p += ROWS) {
            let value = x_at(first_pixel + p, group_start + e);
            keep(first_pixel + p, group_start + e, value);
            sum += value + added;
        }
        if (first_row == 0u) {
            keep_shift(image, group_start + e, added);
        }
    }
    let mean = sum_over_workgroup(lane, total(sum)) / COUNT;

    var squares = Element(0.0);
    for (var e = first_element; e < GROUP_ELEMENTS; e += LANES) {
        let centre = Element(mean) - shift_at(image, group_start + e);
        for (var p = first_row; p < PIXELS; p += ROWS) {
            let centred = x_at(first_pixel + p, group_start + e) - centre;
            squares += centred * centred;
        }
    }
    let variance = sum_over_workgroup(lane, total(squares)) / COUNT;
    let reciprocal_std = 1.0 / sqrt(variance + EPSILON);

    for (var e = first_element; e < GROUP_ELEMENTS; e += LANES) {
        let scale = gamma[group_start + e] * reciprocal_std;
        let offset = beta[group_start + e];
        let centre = Element(mean) - shift_at(image, group_start + e);
        for (var p = first_row; p < PIXELS; p += ROWS) {
            let centred = x_at(first_pixel + p, group_start + e) - centre;
            let at = (first_pixel + p) * ELEMENTS + group_start + e;
            output[at] = OutputElement(activated(centred * scale + offset));
        }
    }
    if (lane == 0u) {
        let at = image * STATISTICS + 2u * (index % GROUPS);
        statistics[at] = mean;
        statistics[at + 1u] = reciprocal_std;
    }
}
