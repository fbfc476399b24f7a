// The channels of two tensors after each other in a third, or with flag SPLIT the other way. FIRST and
// SECOND channels are counted in vec4s where flag VEC4 is set.

#if VEC4
alias Channels = vec4<f32>;
#else
alias Channels = f32;
#endif

#if SPLIT
@group(0) @binding(0) var<storage, read_write> first: array<Channels>;
@group(0) @binding(1) var<storage, read_write> second: array<Channels>;
@group(0) @binding(2) var<storage, read> both: array<Channels>;
#else
@group(0) @binding(0) var<storage, read> first: array<Channels>;
@group(0) @binding(1) var<storage, read> second: array<Channels>;
@group(0) @binding(2) var<storage, read_write> both: array<Channels>;
#endif

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group_id.y * DISPATCH_WIDTH + group_id.x) * THREADS + lane;
    if (index >= COUNT) {
        return;
    }
    let pixel = index / (FIRST + SECOND);
    let channel = index % (FIRST + SECOND);
    if (channel < FIRST) {
        let place = pixel * FIRST + channel;
#if SPLIT
        first[place] = both[index];
#else
        both[index] = first[place];
#endif
    } else {
        let place = pixel * SECOND + channel - FIRST;
#if SPLIT
        second[place] = both[index];
#else
        both[index] = second[place];
#endif
    }
}
