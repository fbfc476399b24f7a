//! Reading, replaying and timing of recorded launches, one by one.

use burn::tensor::TensorMetadata;
use burn_wgpu::{WgpuDevice, WgpuRuntime};
use cubecl::{Runtime, future::block_on};

pub use super::recording::{Launch, Work, record};
use super::{
    launch::{self, bind_map},
    tensor::Primitive,
};
use crate::error::{Error, Result};

/// The most launches that [`seconds`] times: all must be in one submission.
pub const MAX_TIMED: usize = 30;

/// A buffer as a launch sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// What its numbers are, such as `F32`.
    pub dtype: String,
    /// The tensor's shape.
    pub shape: Vec<usize>,
    /// Bytes of the numbers in it.
    pub bytes: usize,
    /// The first binding of the same launch with the same numbers.
    pub same_as: usize,
}

impl Launch {
    /// The shader's.
    pub fn name(&self) -> &'static str {
        self.shader.name()
    }

    /// The function of the shader that is run.
    pub fn entry_point(&self) -> &'static str {
        "main"
    }

    /// The complete WGSL as a browser compiles it; natively every binding is `read_write` instead.
    pub fn source(&self) -> String {
        self.shader.source_text()
    }

    /// What is known of the shader when it is compiled: numbers, and 16 or 32 for types.
    pub fn constants(&self) -> Vec<(&'static str, f64)> {
        self.shader.values()
    }

    /// Invocations in a workgroup.
    pub fn threads(&self) -> u32 {
        self.shader.threads()
    }

    /// Along x and y.
    pub fn workgroups(&self) -> [usize; 2] {
        launch::grid(self.workgroups)
    }

    /// What it is part of, if that was declared.
    pub fn work(&self) -> Option<&Work> {
        self.work.as_ref()
    }

    /// In the order of their bindings, from 0.
    pub fn buffers(&self) -> Vec<Bound> {
        // The number of a buffer is told in no other way.
        let place = |buffer: &Primitive| {
            format!(
                "{:?} {:?}",
                buffer.handle.memory, buffer.handle.offset_start
            )
        };
        let places: Vec<_> = self.buffers.iter().map(place).collect();
        self.buffers
            .iter()
            .enumerate()
            .map(|(index, buffer)| Bound {
                dtype: format!("{:?}", buffer.dtype).to_lowercase(),
                shape: buffer.shape().to_vec(),
                bytes: buffer.shape().num_elements() * buffer.dtype.size(),
                same_as: places
                    .iter()
                    .position(|other| *other == places[index])
                    .unwrap_or(index),
            })
            .collect()
    }

    fn run(&self) {
        let bindings: Vec<_> = (self.buffers.iter())
            .map(|buffer| bind_map(buffer, [buffer.shape().num_elements()]))
            .collect();
        launch::dispatch(self.shader.clone(), self.workgroups, &bindings);
    }
}

/// How long the device takes for `launches`, at most [`MAX_TIMED`], one after the other, in
/// seconds: measured by the device itself where it can.
///
/// # Errors
/// [`Error::Device`] when the device was lost.
pub fn seconds(launches: &[Launch]) -> Result<f64> {
    let Some(client) = launches.first().and_then(|launch| launch.buffers.first()) else {
        return Ok(0.0);
    };
    let failed = |error: &dyn std::fmt::Debug| Error::Device(Box::from(format!("{error:?}")));
    let client = client.client.clone();
    let ((), time) = client
        .profile(|| launches.iter().for_each(Launch::run), "launches")
        .map_err(|error| failed(&error))?;
    Ok(block_on(time.resolve()).duration().as_secs_f64())
}

/// Waits until everything queued so far is with the device, but not until the device is done.
pub fn flush(device: &WgpuDevice) -> Result<()> {
    let flushed = WgpuRuntime::client(device).flush();
    flushed.map_err(|error| Error::Device(Box::from(format!("{error:?}"))))
}
