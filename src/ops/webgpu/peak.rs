//! What a device can do at best, to compare with: measured with kernels that do nothing else.

use burn::tensor::{DType, Shape};
use burn_wgpu::{CubeTensor, WgpuDevice, WgpuRuntime};
use cubecl::Runtime;

use super::{
    launch::DISPATCH_WIDTH,
    record::{Launch, MAX_TIMED, seconds},
    shader::Shader,
    tensor::Primitive,
};
use crate::error::Result;

const THREADS: usize = 256;

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// Multiplications and additions a second in f32, two for a fused one.
    pub flops: f64,
    /// Bytes read and written a second when a buffer of 64 MiB is copied to another.
    pub bandwidth: f64,
    /// Seconds from a launch of a single workgroup that does next to nothing to the next that
    /// depends on it.
    pub launch: f64,
}

/// Measures them; takes a second on an emulator, and far less on a GPU.
///
/// # Errors
/// [`crate::error::Error::Device`] when the device was lost.
pub fn measure(device: &WgpuDevice) -> Result<Peak> {
    Ok(Peak {
        flops: flops(device)?,
        bandwidth: bandwidth(device)?,
        launch: launch(device)?,
    })
}

fn buffer(device: &WgpuDevice, numbers: usize) -> Primitive {
    let client = WgpuRuntime::client(device);
    let handle = client.empty(numbers * size_of::<f32>());
    CubeTensor::new_contiguous(
        client,
        device.clone(),
        Shape::from([numbers]),
        handle,
        DType::F32,
    )
}

/// The least time of a few runs of `count` launches, per launch.
fn least(launch: &Launch, count: usize) -> Result<f64> {
    const RUNS: usize = 5;
    let launches = vec![launch.clone(); count];
    seconds(&launches[..1])?;
    let mut least = f64::INFINITY;
    for _ in 0..RUNS {
        least = least.min(seconds(&launches)? / count as f64);
    }
    Ok(least)
}

fn flops(device: &WgpuDevice) -> Result<f64> {
    const STEPS: usize = 64;
    const UNROLLED: usize = 4;
    const CHAINS: usize = 8;
    let measure = |workgroups: usize| -> Result<(f64, f64)> {
        let output = buffer(device, 4 * THREADS);
        let shader = Shader::new("peak_flops", include_str!("peak_flops.wgsl"), THREADS)
            .constant("STEPS", STEPS)
            .constant("UNROLLED", UNROLLED)
            .constant("CHAINS", CHAINS);
        let time = least(&Launch::new(shader, workgroups, vec![output]), 1)?;
        let numbers = 4 * workgroups * THREADS * STEPS * UNROLLED * CHAINS;
        Ok((time, 2.0 * numbers as f64))
    };
    let (mut time, mut operations) = measure(256)?;
    // An emulator takes longer than this for the first try already.
    if time < 5e-3 {
        (time, operations) = measure(DISPATCH_WIDTH)?;
    }
    Ok(operations / time)
}

fn bandwidth(device: &WgpuDevice) -> Result<f64> {
    const NUMBERS: usize = 1 << 24;
    let [from, to] = [(); 2].map(|()| buffer(device, NUMBERS));
    let workgroups = NUMBERS / 4 / THREADS;
    let shader = Shader::new("peak_copy", include_str!("peak_copy.wgsl"), THREADS)
        .constant("DISPATCH_WIDTH", DISPATCH_WIDTH);
    let time = least(&Launch::new(shader, workgroups, vec![from, to]), 2)?;
    Ok(2.0 * (NUMBERS * size_of::<f32>()) as f64 / time)
}

fn launch(device: &WgpuDevice) -> Result<f64> {
    let output = buffer(device, THREADS);
    let shader = Shader::new("peak_launch", include_str!("peak_launch.wgsl"), THREADS);
    least(&Launch::new(shader, 1, vec![output]), MAX_TIMED)
}
