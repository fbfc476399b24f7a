// Gradients of group normalisation, affine map and SiLU where threads run on a CPU: the formulas
// and outputs of group_norm_backward.wgsl, one thread for one group of one image.

@group(0) @binding(0) var<storage, read> grad: array<Element>;
@group(0) @binding(1) var<storage, read> x: array<Element>;
@group(0) @binding(2) var<storage, read> gamma: array<Element>;
@group(0) @binding(3) var<storage, read> beta: array<Element>;
@group(0) @binding(4) var<storage, read> statistics: array<f32>;
@group(0) @binding(5) var<storage, read_write> grad_x: array<Element>;
@group(0) @binding(6) var<storage, read_write> parts: array<Element>;
#if ADD
@group(0) @binding(7) var<storage, read> addend: array<Element>;
#endif

#if SHIFT
@group(0) @binding(7) var<storage, read_write> shift_grad: array<f32>;
#endif

// What was added to element e of all pixels of an image.
fn shift_at(image: u32, e: u32) -> Element {
#if SHIFT
    let at = image * STATISTICS + 2u * GROUPS + e * WIDTH;
#if VEC4
    return vec4<f32>(statistics[at], statistics[at + 1u], statistics[at + 2u], statistics[at + 3u]);
#else
    return statistics[at];
#endif
#else
    return Element(0.0);
#endif
}

// Adds to the gradient of what was added to element e.
fn add_shift_grad(image: u32, e: u32, sum: Element) {
#if SHIFT
    let at = image * SHIFT_TOTAL + SHIFT_START + e * WIDTH;
#if VEC4
    shift_grad[at] += sum.x;
    shift_grad[at + 1u] += sum.y;
    shift_grad[at + 2u] += sum.z;
    shift_grad[at + 3u] += sum.w;
#else
    shift_grad[at] += sum;
#endif
#endif
}

// Writes the gradient of element e of a pixel.
fn store(pixel: u32, e: u32, value: Element) {
#if SKIP
    if (e >= X_ELEMENTS) {
        let at = SKIP_START / WIDTH + pixel * SKIP_ELEMENTS + e - X_ELEMENTS;
        grad_x[at] = value;
    } else {
        grad_x[pixel * X_ELEMENTS + e] = value;
    }
#else
    grad_x[pixel * ELEMENTS + e] = value;
#endif
}

// What grad_x starts from.
fn addend_at(at: u32) -> Element {
#if ADD
    return addend[at];
#else
    return Element(0.0);
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
    let start = image * PIXELS * ELEMENTS + group_start;
    let statistic = image * STATISTICS + 2u * (index % GROUPS);
    let mean = Element(statistics[statistic]);
    let reciprocal_std = statistics[statistic + 1u];

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
