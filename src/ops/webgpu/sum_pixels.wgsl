// The sum over the pixels of each image, per channel. A workgroup takes TILE channels of one image;
// SLICES threads share the pixels of a channel, and neighbouring threads read neighbouring
// channels.

@group(0) @binding(0) var<storage, read> x: array<X1>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

var<workgroup> parts: array<f32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let group = group_id.y * DISPATCH_WIDTH + group_id.x;
    if (group >= WORKGROUPS) {
        return;
    }
    let image = group / TILES;
    let channel = group % TILES * TILE + lane % TILE;
    var part = 0.0;
    if (channel < CHANNELS) {
        for (var pixel: u32 = lane / TILE; pixel < PIXELS; pixel += SLICES) {
            part += f32(x[(image * PIXELS + pixel) * CHANNELS + channel]);
        }
    }
    parts[lane] = part;
    workgroupBarrier();

    if (lane >= TILE || channel >= CHANNELS) {
        return;
    }
    var sum = 0.0;
    #repeat SLICES sum += parts[$iu * TILE + lane];
    sums[image * CHANNELS + channel] = sum;
}
