//! Records what is launched, so that it can be read, counted and timed one by one.

use std::cell::{Cell, RefCell};

use burn::tensor::TensorMetadata;
use burn_wgpu::{WgpuDevice, WgpuRuntime};
use cubecl::{Runtime, future::block_on};

use super::{
    conv_direct::Walk,
    launch::{self, bind_map},
    shader::Shader,
    tensor::Primitive,
};
use crate::error::{Error, Result};

thread_local! {
    /// The launches since recording began, if it has.
    static RECORDED: RefCell<Option<Vec<Launch>>> = const { RefCell::new(None) };
    /// What the launches of this moment compute.
    static WORK: RefCell<Option<Work>> = const { RefCell::new(None) };
    /// The number of [`Work`]s so far.
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

/// The most launches that [`seconds`] times: all must be in one submission.
pub const MOST_TIMED: usize = 30;

/// What a group of launches computes, and what that takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// Such as "forward 32x32 3>32 3x3 s1": side of the output, channels, kernel and stride.
    pub name: String,
    /// Multiplications and additions that the mathematics asks for, padding counted as numbers.
    pub flops: f64,
    /// The same for all launches of one group, and for no others of this thread.
    pub call: usize,
}

/// Until it is dropped, launches are of a [`Work`].
pub(super) struct Scope(());

impl Work {
    /// Declares that launches until the end of the scope are one of the three products of a
    /// convolution; each takes the same number of operations.
    pub(super) fn convolution(product: &str, walk: Walk) -> Scope {
        let [batch, height, width, channels] = walk.output;
        let (kernel, stride) = (walk.geometry.kernel, walk.geometry.stride);
        let from = walk.input[3];
        let products = batch * height * width * kernel * kernel * from * channels;
        let work = Self {
            name: format!(
                "{product} {height}x{width} {from}>{channels} {kernel}x{kernel} s{stride}"
            ),
            flops: 2.0 * products as f64,
            call: CALLS.replace(CALLS.get() + 1),
        };
        WORK.set(Some(work));
        Scope(())
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        WORK.set(None);
    }
}

/// One dispatch, which can be repeated.
///
/// It holds on to its buffers, so that whatever works in place where nobody else holds a tensor
/// works on a copy while it is recorded.
#[derive(Debug, Clone)]
pub struct Launch {
    shader: Shader,
    workgroups: usize,
    buffers: Vec<Primitive>,
    work: Option<Work>,
}

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
    pub(super) fn new(shader: Shader, workgroups: usize, buffers: Vec<Primitive>) -> Self {
        Self {
            shader,
            workgroups,
            buffers,
            work: WORK.with_borrow(Clone::clone),
        }
    }

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

/// What `run` gives, and what it launched in this thread, in order. Launches of burn's own kernels
/// are not among them.
pub fn record<R>(run: impl FnOnce() -> R) -> (R, Vec<Launch>) {
    RECORDED.set(Some(Vec::new()));
    let result = run();
    (result, RECORDED.take().unwrap_or_default())
}

/// Notes a launch, if anybody wants to know.
pub(super) fn note(shader: &Shader, workgroups: usize, buffers: impl FnOnce() -> Vec<Primitive>) {
    RECORDED.with_borrow_mut(|recorded| {
        if let Some(recorded) = recorded {
            recorded.push(Launch::new(shader.clone(), workgroups, buffers()));
        }
    });
}

/// How long the device takes for `launches`, at most [`MOST_TIMED`], one after the other, in
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
