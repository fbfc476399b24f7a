// y[image, n] = bias[n] + sum over c of  SiLU(x[image, c]) * weight[c, n], an element of n a thread: four
// channels, or one where they do not come in vec4s. There are few images and many weights, so that a
// thread's time goes into waiting for weights: it asks for RUN of them at once, of which there are a
// whole number.
//
// With flag GRAD, the gradients: x_grad[image, c] = SiLU'(x[image, c]) * sum over n of grad[image, n] *
// weight[c, n], a number a thread, and after those threads, from workgroup WEIGHT_WORKGROUP on, an element
// of weight_grad[c, n] = UNSCALE * sum over images of  SiLU(x[image, c]) * grad[image, n]  a thread. The
// threads of channel 0 sum the gradient of the bias.

#if VEC4
alias Element = vec4<f32>;
const WIDTH: u32 = 4u;
#else
alias Element = f32;
const WIDTH: u32 = 1u;
#endif
const ELEMENTS: u32 = CHANNELS_OUT / WIDTH;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<Element>;
#if GRAD
@group(0) @binding(2) var<storage, read> grad: array<Element>;
@group(0) @binding(3) var<storage, read_write> x_grad: array<f32>;
@group(0) @binding(4) var<storage, read_write> weight_grad: array<Element>;
@group(0) @binding(5) var<storage, read_write> bias_grad: array<Element>;
#else
@group(0) @binding(2) var<storage, read> bias: array<Element>;
@group(0) @binding(3) var<storage, read_write> y: array<Element>;
#endif

fn silu(value: f32) -> f32 {
    return value / (1.0 + exp(-value));
}

#if GRAD
fn silu_slope(value: f32) -> f32 {
    let s = 1.0 / (1.0 + exp(-value));
    return s * (1.0 + value * (1.0 - s));
}

fn total(value: Element) -> f32 {
#if VEC4
    return dot(value, vec4<f32>(1.0));
#else
    return value;
#endif
}

fn grad_input(thread: u32) {
    let image = thread / CHANNELS_IN;
    let c = thread % CHANNELS_IN;
    if (image >= IMAGES) {
        return;
    }
    var sum = Element(0.0);
    for (var e: u32 = 0u; e < ELEMENTS; e += RUN) {
        #repeat RUN let w$i = weight[c * ELEMENTS + e + $iu];
        #repeat RUN let g$i = grad[image * ELEMENTS + e + $iu];
        #repeat RUN sum += g$i * w$i;
    }
    x_grad[thread] = silu_slope(x[thread]) * total(sum);
}

fn grad_weight(thread: u32) {
    let c = thread / ELEMENTS;
    let e = thread % ELEMENTS;
    if (c >= CHANNELS_IN) {
        return;
    }
    var sum = Element(0.0);
    var bias_sum = Element(0.0);
    for (var image: u32 = 0u; image < IMAGES; image += 1u) {
        let g = grad[image * ELEMENTS + e];
        sum += silu(x[image * CHANNELS_IN + c]) * g;
        bias_sum += g;
    }
    weight_grad[thread] = UNSCALE * sum;
    if (c == 0u) {
        bias_grad[e] = UNSCALE * bias_sum;
    }
}
#else
fn forward(thread: u32) {
    let image = thread / ELEMENTS;
    let e = thread % ELEMENTS;
    if (image >= IMAGES) {
        return;
    }
    var sum = bias[e];
    for (var c: u32 = 0u; c < CHANNELS_IN; c += RUN) {
        #repeat RUN let w$i = weight[(c + $iu) * ELEMENTS + e];
        #repeat RUN sum += silu(x[image * CHANNELS_IN + c + $iu]) * w$i;
    }
    y[thread] = sum;
}
#endif

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let workgroup = group_id.y * DISPATCH_WIDTH + group_id.x;
#if GRAD
    if (workgroup >= WEIGHT_WORKGROUP) {
        grad_weight((workgroup - WEIGHT_WORKGROUP) * THREADS + lane);
    } else {
        grad_input(workgroup * THREADS + lane);
    }
#else
    forward(workgroup * THREADS + lane);
#endif
}
