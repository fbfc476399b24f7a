// A number a thread, in one workgroup.

@group(0) @binding(0) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32) {
    output[thread] = f32(thread);
}
