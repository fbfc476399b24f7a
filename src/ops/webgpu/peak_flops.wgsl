// Fused multiply-adds in chains that do not depend on each other, as many at once as keep every
// unit busy.

@group(0) @binding(0) var<storage, read_write> output: array<vec4<f32>>;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32) {
    // Not known to the compiler.
    let scale = output[thread];
    let shift = scale * 0.5;
    #repeat CHAINS var x$i = scale + $i.0;
    for (var step = 0u; step < STEPS; step++) {
        #repeat UNROLLED #repeat CHAINS x$j = fma(x$j, scale, shift);
    }
    var sum = vec4<f32>();
    #repeat CHAINS sum += x$i;
    // Written only where nobody is, but the compiler cannot know.
    if sum.x == 12345.678 {
        output[thread] = sum;
    }
}
