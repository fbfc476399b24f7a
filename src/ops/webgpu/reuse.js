// Bind groups that are made once. cubecl makes one for every launch, which costs a browser more
// than all the rest of a launch; but a training step launches what the step before did, on the same
// buffers.

/** After so many requests, bind groups that none was for are let go: they hold on to their buffers. */
const GENERATION = 4096;

const ID = Symbol('id');
let lastId = 0;
const idOf = (object) => (object[ID] ??= ++lastId);

/** `device`, which gives a bind group again when asked for one like it. */
function reusing(device) {
  const create = (descriptor) => GPUDevice.prototype.createBindGroup.call(device, descriptor);
  let [groups, former, requests] = [new Map(), new Map(), 0];
  device.createBindGroup = (descriptor) => {
    if (++requests > GENERATION) [groups, former, requests] = [new Map(), groups, 0];
    let key = `${idOf(descriptor.layout)}`;
    for (const { binding, resource } of descriptor.entries) {
      const { buffer, offset, size } = resource;
      if (!buffer) return create(descriptor);
      key += ` ${binding} ${idOf(buffer)} ${offset} ${size}`;
    }
    let group = groups.get(key);
    if (!group) groups.set(key, (group = former.get(key) ?? create(descriptor)));
    return group;
  };

  device.createComputePipeline = (descriptor) => {
    const pipeline = GPUDevice.prototype.createComputePipeline.call(device, descriptor);
    const { getBindGroupLayout } = pipeline;
    const layouts = [];
    pipeline.getBindGroupLayout = (index) =>
      (layouts[index] ??= getBindGroupLayout.call(pipeline, index));
    return pipeline;
  };
  return device;
}

/** Until the function that it returns is called, devices that are requested reuse bind groups. */
export function reuseBindGroups() {
  const { prototype } = GPUAdapter;
  const { requestDevice } = prototype;
  prototype.requestDevice = async function (descriptor) {
    return reusing(await requestDevice.call(this, descriptor));
  };
  return () => {
    prototype.requestDevice = requestDevice;
  };
}
