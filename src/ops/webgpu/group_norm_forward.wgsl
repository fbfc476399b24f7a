// The bindings of group normalisation's forward pass, and how its kernels read and write them;
// after group_norm_common.wgsl.

#if VEC4
alias XElement = X4;
alias OutputElement = Output4;
#if SKIP
alias SkipElement = Skip4;
alias BothElement = Both4;
#endif
#else
alias XElement = X1;
alias OutputElement = Output1;
#if SKIP
alias SkipElement = Skip1;
alias BothElement = Both1;
#endif
#endif

@group(0) @binding(0) var<storage, read> x: array<XElement>;
@group(0) @binding(1) var<storage, read> gamma: array<Element>;
@group(0) @binding(2) var<storage, read> beta: array<Element>;
@group(0) @binding(3) var<storage, read_write> output: array<OutputElement>;
@group(0) @binding(4) var<storage, read_write> statistics: array<f32>;
#if SKIP
@group(0) @binding(5) var<storage, read> skip: array<SkipElement>;
@group(0) @binding(6) var<storage, read_write> both: array<BothElement>;
#endif

// Element e of a pixel of what is normalised, but for the shift.
fn x_at(pixel: u32, e: u32) -> Element {
#if SKIP
    if (e >= X_ELEMENTS) {
        return Element(skip[pixel * SKIP_ELEMENTS + e - X_ELEMENTS]);
    }
    return Element(x[pixel * X_ELEMENTS + e]);
#else
    return Element(x[pixel * ELEMENTS + e]);
#endif
}

// Leaves an element of the concatenation for whoever else reads it.
fn keep(pixel: u32, e: u32, value: Element) {
#if SKIP
    both[pixel * ELEMENTS + e] = BothElement(value);
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

