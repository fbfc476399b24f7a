// The channels of two tensors after each other in a third, or with flag SPLIT the other way. FIRST
// and SECOND channels are counted in vec4s where flag VEC4 is set.

#if VEC4
alias First = First4;
alias Second = Second4;
alias Both = Both4;
#else
alias First = First1;
alias Second = Second1;
alias Both = Both1;
#endif

#if SPLIT
@group(0) @binding(0) var<storage, read_write> first: array<First>;
@group(0) @binding(1) var<storage, read_write> second: array<Second>;
@group(0) @binding(2) var<storage, read> both: array<Both>;
#else
@group(0) @binding(0) var<storage, read> first: array<First>;
@group(0) @binding(1) var<storage, read> second: array<Second>;
@group(0) @binding(2) var<storage, read_write> both: array<Both>;
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
        first[place] = First(both[index]);
#else
        both[index] = Both(first[place]);
#endif
    } else {
        let place = pixel * SECOND + channel - FIRST;
#if SPLIT
        second[place] = Second(both[index]);
#else
        both[index] = Both(second[place]);
#endif
    }
}
