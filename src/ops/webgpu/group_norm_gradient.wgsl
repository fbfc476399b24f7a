// The bindings of group normalisation's backward pass, and how its kernels read and write them;
// after group_norm_common.wgsl.

#if VEC4
alias GradElement = Grad4;
alias XElement = X4;
alias GradXElement = GradX4;
#else
alias GradElement = Grad1;
alias XElement = X1;
alias GradXElement = GradX1;
#endif

@group(0) @binding(0) var<storage, read> grad: array<GradElement>;
@group(0) @binding(1) var<storage, read> x: array<XElement>;
@group(0) @binding(2) var<storage, read> gamma: array<Element>;
@group(0) @binding(3) var<storage, read> beta: array<Element>;
@group(0) @binding(4) var<storage, read> statistics: array<f32>;
@group(0) @binding(5) var<storage, read_write> grad_x: array<GradXElement>;
@group(0) @binding(6) var<storage, read_write> parts: array<Element>;
#if ADD
#if VEC4
@group(0) @binding(7) var<storage, read> addend: array<Addend4>;
#else
@group(0) @binding(7) var<storage, read> addend: array<Addend1>;
#endif
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

// Adds to the gradient of what was added to element e, or with flag FRESH is all there is of it.
fn add_shift_grad(image: u32, e: u32, sum: Element) {
#if SHIFT
    let at = image * SHIFT_TOTAL + SHIFT_START + e * WIDTH;
#if VEC4
    shift_grad[at] = before(at) + sum.x;
    shift_grad[at + 1u] = before(at + 1u) + sum.y;
    shift_grad[at + 2u] = before(at + 2u) + sum.z;
    shift_grad[at + 3u] = before(at + 3u) + sum.w;
#else
    shift_grad[at] = before(at) + sum;
#endif
#endif
}

#if SHIFT
fn before(at: u32) -> f32 {
#if FRESH
    return 0.0;
#else
    return shift_grad[at];
#endif
}
#endif

// With flag FRESH, leaves zeros for the channels of an image that this norm has no shift of; `threads`
// threads of numbers from 0 share the work.
fn clear_other_shifts(image: u32, thread: u32, threads: u32) {
#if FRESH
    for (var channel: u32 = thread; channel < SHIFT_TOTAL; channel += threads) {
        if (channel < SHIFT_START || channel >= SHIFT_START + ELEMENTS * WIDTH) {
            shift_grad[image * SHIFT_TOTAL + channel] = 0.0;
        }
    }
#endif
}

// Writes the gradient of element e of a pixel.
fn store(pixel: u32, e: u32, value: Element) {
#if SKIP
    if (e >= X_ELEMENTS) {
        let at = SKIP_START / WIDTH + pixel * SKIP_ELEMENTS + e - X_ELEMENTS;
        grad_x[at] = GradXElement(value);
    } else {
        grad_x[pixel * X_ELEMENTS + e] = GradXElement(value);
    }
#else
    grad_x[pixel * ELEMENTS + e] = GradXElement(value);
#endif
}

// What grad_x starts from.
fn addend_at(at: u32) -> Element {
#if ADD
    return Element(addend[at]);
#else
    return Element(0.0);
#endif
}

