// Gradients of group normalisation, affine map and SiLU.
//
// With h the normalised value and g the gradient of gamma * h + beta (SiLU already undone):
//
//   grad_gamma[c] = sum over images and pixels of  g * h
//   grad_beta[c]  = sum over images and pixels of  g
//   grad_x        = r * (gamma g - mean(gamma g) - h * mean(gamma g h)),  means over the group
//
// One workgroup handles one group of one image, threads laid out as in group_norm.wgsl. The first
// pass sums g and g h for every channel; those sums, weighted by gamma, also give the two means.
// The second pass writes grad_x. The sums per image go to `parts`, [image, channel] of gamma and
// from BETA_START on of beta, times UNSCALE, which undoes what the loss was multiplied by;
// the optimizer adds them up. The gradient of a shift is grad_x summed over the pixels of an image; it
// is added to `shift_grad`. With flag SKIP, x is the concatenation, and the gradient of its second
// part begins at SKIP_START of grad_x.

var<workgroup> sums_g: array<Element, THREADS>;
var<workgroup> sums_gh: array<Element, THREADS>;

// Leaves in sums_*[i], for i < width, the sum of sums_*[i + k * width] over k < count.
fn reduce(lane: u32, width: u32, count: u32) {
    workgroupBarrier();
    var left = count;
    while (left > 1u) {
        let half = (left + 1u) / 2u;
        if (lane < (left - half) * width) {
            sums_g[lane] += sums_g[lane + half * width];
            sums_gh[lane] += sums_gh[lane + half * width];
        }
        workgroupBarrier();
        left = half;
    }
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
    let start = image * PIXELS * ELEMENTS + group_start;
    let first_row = select(PIXELS, lane / LANES, lane < ROWS * LANES);
    let statistic = image * STATISTICS + 2u * (index % GROUPS);
    let mean = Element(statistics[statistic]);
    let reciprocal_std = statistics[statistic + 1u];
    if (index % GROUPS == 0u) {
        clear_other_shifts(image, lane, THREADS);
    }

    // Weighted by gamma and summed over the elements of this thread's lane.
    var group_g = Element(0.0);
    var group_gh = Element(0.0);
    // A group of more elements than threads takes several rounds; all threads take part in each.
    for (var first: u32 = 0u; first < GROUP_ELEMENTS; first += LANES) {
        let e = first + lane % LANES;
        let inside = e < GROUP_ELEMENTS;
        let scale = gamma[group_start + min(e, GROUP_ELEMENTS - 1u)];
        let offset = beta[group_start + min(e, GROUP_ELEMENTS - 1u)];
        let centre = mean - shift_at(image, group_start + min(e, GROUP_ELEMENTS - 1u));
        var sum_g = Element(0.0);
        var sum_gh = Element(0.0);
        for (var p = select(PIXELS, first_row, inside); p < PIXELS; p += ROWS) {
            let at = start + p * ELEMENTS + e;
            let h = (Element(x[at]) - centre) * reciprocal_std;
            let g = before_silu(Element(grad[at]), h * scale + offset);
            sum_g += g;
            sum_gh += g * h;
        }
        sums_g[lane] = sum_g;
        sums_gh[lane] = sum_gh;
        reduce(lane, LANES, ROWS);
        if (lane < LANES && inside) {
            let part = image * ELEMENTS + group_start + e;
            parts[part] = UNSCALE * sums_gh[lane];
            parts[BETA_START / WIDTH + part] = UNSCALE * sums_g[lane];
            group_g += scale * sums_g[lane];
            group_gh += scale * sums_gh[lane];
        }
        workgroupBarrier();
    }
    sums_g[lane] = group_g;
    sums_gh[lane] = group_gh;
    reduce(lane, 1u, LANES);
    let mean_g = Element(total(sums_g[0]) / COUNT);
    let mean_gh = Element(total(sums_gh[0]) / COUNT);

#if SHIFT
    // Nobody may write to sums_g before all have read it.
    workgroupBarrier();
#endif

    for (var first: u32 = 0u; first < GROUP_ELEMENTS; first += LANES) {
        let e = first + lane % LANES;
        let inside = e < GROUP_ELEMENTS;
        let scale = gamma[group_start + min(e, GROUP_ELEMENTS - 1u)];
        let offset = beta[group_start + min(e, GROUP_ELEMENTS - 1u)];
        let centre = mean - shift_at(image, group_start + min(e, GROUP_ELEMENTS - 1u));
        var sum = Element(0.0);
        for (var p = select(PIXELS, first_row, inside); p < PIXELS; p += ROWS) {
            let at = start + p * ELEMENTS + e;
            let h = (Element(x[at]) - centre) * reciprocal_std;
            let g = before_silu(Element(grad[at]), h * scale + offset);
            let value = (g * scale - mean_g - h * mean_gh) * reciprocal_std;
            store(image * PIXELS + p, group_start + e, addend_at(at) + value);
            sum += value;
        }
#if SHIFT
        sums_g[lane] = sum;
        reduce(lane, LANES, ROWS);
        if (lane < LANES && inside) {
            add_shift_grad(image, group_start + e, sums_g[lane]);
        }
        workgroupBarrier();
#endif
    }
}
