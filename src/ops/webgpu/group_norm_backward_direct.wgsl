// Gradients of group normalisation, affine map and SiLU where threads run on a CPU: the formulas
// and outputs of group_norm_backward.wgsl, one thread for one group of one image.

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
    let start = image * PIXELS * ELEMENTS + group_start;
    let statistic = image * STATISTICS + 2u * (index % GROUPS);
    let mean = Element(statistics[statistic]);
    let reciprocal_std = statistics[statistic + 1u];
    if (index % GROUPS == 0u) {
        clear_other_shifts(image, 0u, 1u);
    }

    // Weighted by gamma.
    var group_g = Element(0.0);
    var group_gh = Element(0.0);
    for (var e: u32 = 0u; e < GROUP_ELEMENTS; e += 1u) {
        let scale = gamma[group_start + e];
        let offset = beta[group_start + e];
        let centre = mean - shift_at(image, group_start + e);
        var sum_g = Element(0.0);
        var sum_gh = Element(0.0);
        for (var p: u32 = 0u; p < PIXELS; p += 1u) {
            let at = start + p * ELEMENTS + e;
            let h = (x[at] - centre) * reciprocal_std;
            let g = before_silu(grad[at], h * scale + offset);
            sum_g += g;
            sum_gh += g * h;
        }
        let part = image * ELEMENTS + group_start + e;
        parts[part] = sum_gh;
        parts[BETA_START / WIDTH + part] = sum_g;
        group_g += scale * sum_g;
        group_gh += scale * sum_gh;
    }
    let mean_g = Element(total(group_g) / COUNT);
    let mean_gh = Element(total(group_gh) / COUNT);

    for (var e: u32 = 0u; e < GROUP_ELEMENTS; e += 1u) {
        let scale = gamma[group_start + e];
        let offset = beta[group_start + e];
        let centre = mean - shift_at(image, group_start + e);
        var sum = Element(0.0);
        for (var p: u32 = 0u; p < PIXELS; p += 1u) {
            let at = start + p * ELEMENTS + e;
            let h = (x[at] - centre) * reciprocal_std;
            let g = before_silu(grad[at], h * scale + offset);
            let value = (g * scale - mean_g - h * mean_gh) * reciprocal_std;
            store(image * PIXELS + p, group_start + e, addend_at(at) + value);
            sum += value;
        }
        add_shift_grad(image, group_start + e, sum);
    }
}
