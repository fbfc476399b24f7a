// Group normalisation, affine map and SiLU where threads run on a CPU; what that means for a kernel
// is said in conv_direct.wgsl. The numbers are those of group_norm.wgsl, but one thread handles one
// group of one image, so that nothing is shared and nothing waits.

@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> gamma: array<Element>;
@group(0) @binding(2) var<storage, read> beta: array<Element>;
@group(0) @binding(3) var<storage, read_write> output: array<Element>;
@group(0) @binding(4) var<storage, read_write> statistics: array<f32>; // [image, group, 2]

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group_id.y * DISPATCH_WIDTH + group_id.x) * THREADS + lane; // image * GROUPS + group
    if (index >= IMAGES * GROUPS) {
        return;
    }
    let group_start = index % GROUPS * GROUP_ELEMENTS; // within a pixel
    let start = index / GROUPS * PIXELS * ELEMENTS + group_start;

    var sum = Element(0.0);
    for (var p: u32 = 0u; p < PIXELS; p += 1u) {
        for (var e: u32 = 0u; e < GROUP_ELEMENTS; e += 1u) {
            sum += x[start + p * ELEMENTS + e];
        }
    }
    let mean = total(sum) / COUNT;

    var squares = Element(0.0);
    for (var p: u32 = 0u; p < PIXELS; p += 1u) {
        for (var e: u32 = 0u; e < GROUP_ELEMENTS; e += 1u) {
            let centred = x[start + p * ELEMENTS + e] - Element(mean);
            squares += centred * centred;
        }
    }
    let reciprocal_std = 1.0 / sqrt(total(squares) / COUNT + EPSILON);

    for (var e: u32 = 0u; e < GROUP_ELEMENTS; e += 1u) {
        let scale = gamma[group_start + e] * reciprocal_std;
        let shift = beta[group_start + e];
        for (var p: u32 = 0u; p < PIXELS; p += 1u) {
            let at = start + p * ELEMENTS + e;
            output[at] = activated((x[at] - Element(mean)) * scale + shift);
        }
    }
    statistics[2u * index] = mean;
    statistics[2u * index + 1u] = reciprocal_std;
}
