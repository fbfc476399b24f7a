//! Noise made on the device, and the one upload of a training step. Launches: 1.

use burn::tensor::{Shape, TensorData};
use burn_wgpu::WgpuDevice;

use crate::{
    backend::WebGpu,
    ops::mixture::{NoiseMixture, UploadedStep},
    random::Normals,
};

use super::{
    launch::{ALIGNMENT, Primitive, allocate, launch, part, permuted, upload},
    shader::Shader,
};

const THREADS: usize = 64;

/// Words before what is mixed: the generator's key, step and stream, and the first block.
const HEADER: usize = 8;

/// Numbers that one call of the generator makes.
const BLOCK: usize = 4;

/// See [`crate::ops::Kernels::normals`].
pub(super) fn normals(numbers: Normals, shape: [usize; 4], device: &WgpuDevice) -> Primitive {
    let given = upload(&header(numbers), device);
    let normals = allocate(&given, shape);
    let count = shape.iter().product();
    run(&given, numbers, count, &[&normals], |shader| shader);
    normals
}

/// See [`crate::ops::Kernels::upload_step`].
pub(super) fn upload_step<const N: usize, const M: usize>(
    mixture: NoiseMixture,
    others: [TensorData; N],
    optional: [Option<TensorData>; M],
    device: &WgpuDevice,
) -> UploadedStep<WebGpu, N, M> {
    let shape @ [images, channels, height, width] = mixture.shape;
    let mut words = header(mixture.eps).to_vec();
    words.extend(mixture.coefficients.iter().flatten().map(|x| x.to_bits()));
    let images_at = append(&mut words, &mixture.x);
    let places = others.map(|data| place(&mut words, data));
    let optional_places = optional.map(|data| data.map(|data| place(&mut words, data)));
    let given = upload(&words, device);

    let first = allocate(&given, [images, height, width, channels]);
    let second = allocate(&given, shape);
    let count = mixture.x.len();
    run(&given, mixture.eps, count, &[&first, &second], |shader| {
        shader
            .flag("MIX", true)
            .constant("HEADER", HEADER)
            .constant("IMAGES_AT", images_at)
            .constant("CHANNELS", channels)
            .constant("PIXELS", height * width)
    });
    let view = |(start, shape): (usize, Shape)| part(&given, start, shape);
    UploadedStep {
        x: view((images_at, Shape::from(shape))),
        // As the network's first convolution wants it.
        first: permuted(first, [0, 3, 1, 2]),
        second,
        others: places.map(view),
        optional: optional_places.map(|place| place.map(view)),
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

/// Appends `values` where they can be bound alone, and says where.
fn append(words: &mut Vec<u32>, values: &[f32]) -> usize {
    words.resize(words.len().next_multiple_of(ALIGNMENT), 0);
    let start = words.len();
    words.extend(values.iter().map(|value| value.to_bits()));
    start
}

fn place(words: &mut Vec<u32>, data: TensorData) -> (usize, Shape) {
    let start = append(words, &data.iter::<f32>().collect::<Vec<f32>>());
    (start, data.shape)
}

fn run(
    given: &Primitive,
    numbers: Normals,
    count: usize,
    outputs: &[&Primitive],
    specialise: impl FnOnce(Shader) -> Shader,
) {
    let shader = Shader::new("noise", include_str!("noise.wgsl"), THREADS);
    let skip = (numbers.first % BLOCK as u64) as usize;
    let shader = specialise(shader.constant("COUNT", count).constant("SKIP", skip));
    let buffers: Vec<&Primitive> = std::iter::once(given)
        .chain(outputs.iter().copied())
        .collect();
    let workgroups = (skip + count).div_ceil(BLOCK * THREADS);
    launch(shader, workgroups, &buffers);
}
