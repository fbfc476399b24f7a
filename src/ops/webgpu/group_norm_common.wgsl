// What all kernels of group normalisation begin with, after their constants. An element is a vec4
// of channels if the channels of a group divide by 4, and one channel otherwise.
//
// With flag SHIFT, each image has numbers that are added to all its pixels before they are
// normalised: SHIFT_TOTAL numbers an image, of which the channels get those from SHIFT_START on.
//
// With flag SKIP, what is normalised are the first X_CHANNELS channels and those of `skip` after
// them.
//
// `statistics` has STATISTICS numbers an image: mean and reciprocal standard deviation of each
// group, and with SHIFT what was added to each channel, so that the backward pass needs no other
// buffer for it.
//
// X, Skip, Output, Grad, GradX and Addend are what the maps are stored as, f32 or f16; all sums are
// f32.

#if VEC4
alias Element = vec4<f32>;
const WIDTH: u32 = 4u; // channels per element
#else
alias Element = f32;
const WIDTH: u32 = 1u;
#endif

const ELEMENTS: u32 = GROUPS * GROUP_ELEMENTS; // of a pixel
const COUNT: f32 = f32(PIXELS * GROUP_ELEMENTS * WIDTH);

#if SKIP
const X_ELEMENTS: u32 = X_CHANNELS / WIDTH; // of a pixel
const SKIP_ELEMENTS: u32 = ELEMENTS - X_ELEMENTS;
#endif

#if SHIFT
const STATISTICS: u32 = 2u * GROUPS + ELEMENTS * WIDTH;
#else
const STATISTICS: u32 = 2u * GROUPS;
#endif

fn total(value: Element) -> f32 {
#if VEC4
    return dot(value, vec4<f32>(1.0));
#else
    return value;
#endif
}

// y, or SiLU of it.
fn activated(y: Element) -> Element {
#if SILU
    return y / (Element(1.0) + exp(-y));
#else
    return y;
#endif
}

// The gradient g before SiLU; y is gamma * h + beta.
fn before_silu(g: Element, y: Element) -> Element {
#if SILU
    let sigmoid = Element(1.0) / (Element(1.0) + exp(-y));
    return g * sigmoid * (Element(1.0) + y * (Element(1.0) - sigmoid));
#else
    return g;
#endif
}
