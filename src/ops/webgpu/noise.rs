//! Normal noise of a counter-based generator, and with it the noised batch of a training step, made
//! on the device: one transfer, one launch.

use burn::tensor::{Shape, TensorData};
use burn_wgpu::WgpuDevice;

use crate::{
    backend::WebGpu,
    ops::noised_batch::{NoisedBatch, StepInputs},
    random::Normals,
};

use super::{
    launch::{Binding, bind, launch},
    shader::Shader,
    tensor::{ALIGNMENT, Primitive, allocate, part, permuted, upload},
};

const THREADS: usize = 64;

/// Words before the coefficients: the generator's key, step and stream, and the first block.
const HEADER: usize = 8;

/// Numbers that one call of the generator makes.
const BLOCK: usize = 4;

/// See [`crate::ops::Kernels::normals`].
pub(super) fn normals(numbers: Normals, shape: [usize; 4], device: &WgpuDevice) -> Primitive {
    let uploaded = upload(&header(numbers), device);
    let normals = allocate(&uploaded, shape);
    let count = shape.iter().product();
    run(&uploaded, HEADER, numbers, count, &[&normals], |shader| {
        shader
    });
    normals
}

/// See [`crate::ops::Kernels::noise_batch`].
pub(super) fn noise_batch(inputs: StepInputs, device: &WgpuDevice) -> NoisedBatch<WebGpu> {
    let shape @ [images, channels, height, width] = inputs.shape;
    let mut words = header(inputs.eps).to_vec();
    for coefs in inputs.x_t_coefs.iter().zip(&inputs.target_coefs) {
        let ([x_0, eps], [target_x_0, target_eps]) = coefs;
        words.extend([x_0, eps, target_x_0, target_eps].map(|coef| coef.to_bits()));
    }
    let x_0_start = append(&mut words, &inputs.x_0);
    let mut append_tensor = |data: TensorData| {
        let start = append(&mut words, &data.iter::<f32>().collect::<Vec<f32>>());
        (start, data.shape)
    };
    let time = append_tensor(inputs.time);
    let optimizer = append_tensor(inputs.optimizer);
    let class = inputs.class.map(&mut append_tensor);
    let loss_weights = inputs.loss_weights.map(&mut append_tensor);
    let uploaded = upload(&words, device);

    let x_t = allocate(&uploaded, [images, height, width, channels]);
    let target = allocate(&uploaded, shape);
    let count = inputs.x_0.len();
    let words = x_0_start + count;
    let outputs = [&x_t, &target];
    run(&uploaded, words, inputs.eps, count, &outputs, |shader| {
        shader
            .flag("MIX", true)
            .constant("HEADER", HEADER)
            .constant("X_0_START", x_0_start)
            .constant("CHANNELS", channels)
            .constant("PIXELS", height * width)
    });
    let view = |(start, shape): (usize, Shape)| part(&uploaded, start, shape);
    NoisedBatch {
        x_0: view((x_0_start, Shape::from(shape))),
        // Channels last in memory, as the network's first convolution wants it.
        x_t: permuted(x_t, [0, 3, 1, 2]),
        target,
        loss_weights: loss_weights.map(view),
        time: view(time),
        class: class.map(view),
        optimizer: view(optimizer),
    }
}

/// The words that the shader finds the numbers of the generator by.
fn header(numbers: Normals) -> [u32; HEADER] {
    let Normals {
        seed,
        stream,
        step,
        first,
    } = numbers;
    let halves = |value: u64| [value as u32, (value >> 32) as u32];
    let ([key0, key1], [low, high]) = (halves(seed), halves(first / BLOCK as u64));
    [key0, key1, step, stream as u32, low, high, 0, 0]
}

/// Appends `values` at an offset where a buffer may be bound, and returns that offset.
fn append(words: &mut Vec<u32>, values: &[f32]) -> usize {
    words.resize(words.len().next_multiple_of(ALIGNMENT), 0);
    let start = words.len();
    words.extend(values.iter().map(|value| value.to_bits()));
    start
}

/// `words` of `uploaded` are read, and `count` numbers written to each of `outputs`.
fn run(
    uploaded: &Primitive,
    words: usize,
    numbers: Normals,
    count: usize,
    outputs: &[&Primitive],
    specialise: impl FnOnce(Shader) -> Shader,
) {
    let shader = Shader::new("noise", include_str!("noise.wgsl"), THREADS);
    let skip = (numbers.first % BLOCK as u64) as usize;
    let shader = specialise(shader.constant("COUNT", count).constant("SKIP", skip));
    let bindings: Vec<Binding> = std::iter::once(bind(uploaded, [words]))
        .chain(outputs.iter().map(|output| bind(output, [count])))
        .collect();
    let workgroups = (skip + count).div_ceil(BLOCK * THREADS);
    launch(shader, workgroups, &bindings);
}
