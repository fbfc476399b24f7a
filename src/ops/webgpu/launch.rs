//! Launches of shaders, with buffers checked to be as long as they index.

use burn::tensor::DType;
use burn_wgpu::SourceKernel;
use cubecl::{CubeCount, CubeDim, server::KernelArguments};

use super::{shader::Shader, tensor::Primitive};

/// Workgroups along the first dimension of a dispatch; more continue in the second dimension,
/// since WebGPU allows 65,535 along each.
pub(super) const DISPATCH_WIDTH: usize = 32_768;

/// A tensor that is known to have all the numbers that a shader reads or writes of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Binding<'a>(&'a Primitive);

/// `tensor` for a shader that indexes `shape` in it, row-major, as 32-bit numbers.
///
/// # Panics
/// If it is shorter: operands of the operation do not fit together.
pub(super) fn bind<const D: usize>(tensor: &Primitive, shape: [usize; D]) -> Binding<'_> {
    assert_eq!(tensor.dtype.size(), 4, "a kernel expects 32-bit numbers");
    bind_map(tensor, shape)
}

/// [`bind`] for a shader whose [`Shader::stored`] says what the numbers of `tensor` are.
pub(super) fn bind_map<const D: usize>(tensor: &Primitive, shape: [usize; D]) -> Binding<'_> {
    let stored = [DType::F32, DType::F16, DType::U32].contains(&tensor.dtype);
    let indexed = shape.iter().product::<usize>() * tensor.dtype.size();
    assert!(
        stored && indexed as u64 <= tensor.handle.size_in_used(),
        "a kernel expects {shape:?}, but gets {:?}",
        tensor.meta.shape
    );
    Binding(tensor)
}

/// Runs `workgroups` workgroups of `shader`; buffers are bound in order from 0.
///
/// The shader finds its place by its workgroup's x and y and `DISPATCH_WIDTH`, and returns where it
/// has no work, as the last row of the dispatch may be partly filled; `WORKGROUPS` says how many
/// are to run.
pub(super) fn launch(shader: Shader, workgroups: usize, bindings: &[Binding]) {
    let shader = shader
        .constant("WORKGROUPS", workgroups)
        .constant("DISPATCH_WIDTH", workgroups.min(DISPATCH_WIDTH));
    dispatch(shader, workgroups, bindings);
}

/// `workgroups` along x and y.
pub(super) fn grid(workgroups: usize) -> [usize; 2] {
    let width = workgroups.min(DISPATCH_WIDTH);
    [width, workgroups.div_ceil(width)]
}

/// [`launch`] for a shader that knows by itself which workgroups have work.
pub(super) fn dispatch(shader: Shader, workgroups: usize, bindings: &[Binding]) {
    let Some(Binding(first)) = bindings.first() else {
        return;
    };
    if workgroups == 0 {
        return;
    }
    #[cfg(not(target_family = "wasm"))]
    super::recording::note(&shader, workgroups, || {
        bindings
            .iter()
            .map(|Binding(tensor)| (*tensor).clone())
            .collect()
    });
    let dim = CubeDim::new_1d(shader.threads());
    let [width, height] = grid(workgroups);
    let count = CubeCount::Static(width as u32, height as u32, 1);
    let buffers = bindings
        .iter()
        .map(|Binding(tensor)| tensor.handle.clone().binding())
        .collect();
    // SAFETY: every shader of this folder keeps its indices inside the shapes that its constants
    // say, the shapes that every `Binding` was checked against, and every loop has a constant
    // bound. The checked mode would only add a counter to each loop.
    unsafe {
        first.client.launch_unchecked(
            Box::new(SourceKernel::new(shader, dim)),
            count,
            KernelArguments::new().with_buffers(buffers),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{DISPATCH_WIDTH, grid};

    /// What WebGPU guarantees along a dimension.
    const MOST: usize = 65_535;

    #[test]
    fn no_dimension_of_a_dispatch_exceeds_what_is_guaranteed() {
        for workgroups in [
            1,
            DISPATCH_WIDTH,
            DISPATCH_WIDTH + 1,
            MOST,
            MOST + 1,
            1 << 25,
            1 << 30,
        ] {
            let [width, height] = grid(workgroups);
            assert!(
                width <= MOST && height <= MOST,
                "{workgroups}: {width} × {height}"
            );
            assert!(width * height >= workgroups && width * (height - 1) < workgroups);
        }
    }
}
