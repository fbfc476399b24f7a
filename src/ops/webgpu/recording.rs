//! Recording of launches: what was launched, with which buffers, and what it computes.

use std::cell::{Cell, RefCell};

use super::{conv_direct::ConvShapes, shader::Shader, tensor::Primitive};

thread_local! {
    /// The launches since recording began, if it has.
    static RECORDED: RefCell<Option<Vec<Launch>>> = const { RefCell::new(None) };
    /// What the launches of this moment compute.
    static WORK: RefCell<Option<Work>> = const { RefCell::new(None) };
    /// The number of [`Work`]s so far.
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

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
    /// convolution and of a projection shortcut of so many channels, or 0; each takes the same
    /// number of operations.
    pub(super) fn convolution(
        product: &str,
        shapes: ConvShapes,
        shortcut_channels: usize,
    ) -> Scope {
        // Nobody reads the name otherwise, and this is on the way of every convolution.
        if RECORDED.with_borrow(Option::is_none) {
            return Scope(());
        }
        let ([_, _, _, channels_in], [batch, height, width, channels]) =
            (shapes.input, shapes.output);
        let (kernel, stride) = (shapes.geometry.kernel, shapes.geometry.stride);
        let depth = kernel * kernel * channels_in + shortcut_channels;
        let products = batch * height * width * depth * channels;
        let shortcut = match shortcut_channels {
            0 => String::new(),
            channels => format!(" +{channels}"),
        };
        let work = Self {
            name: format!(
                "{product} {height}x{width} {channels_in}{shortcut}>{channels} {kernel}x{kernel} s{stride}"
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
    pub(super) shader: Shader,
    pub(super) workgroups: usize,
    pub(super) buffers: Vec<Primitive>,
    pub(super) work: Option<Work>,
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
