//! Getting hold of the GPU, and hearing what goes wrong there outside of any call.

use std::sync::{Arc, Mutex, OnceLock};

use burn_wgpu::{MemoryConfiguration, RuntimeOptions, WgpuDevice, WgpuSetup, init_device};
use wgpu::{
    Backends, DeviceDescriptor, DeviceLostReason, Features, Instance, InstanceDescriptor,
    MemoryHints, PowerPreference, RequestAdapterOptions,
};

use crate::error::{Error, Result};

/// Launches per submission: large enough that submitting costs little, small enough that the GPU
/// starts while the rest is still being queued.
const TASKS_MAX: usize = 64;

/// The last error that the device reported outside any call of ours, such as a shader that did not
/// compile: its launches then do nothing, and nobody else would say so.
static LAST_ERROR: Mutex<Option<String>> = Mutex::new(None);

/// A GPU that is ready to compute.
#[derive(Debug, Clone)]
pub struct Gpu {
    pub device: WgpuDevice,
    /// Name, graphics API and kind of the adapter, for people. A browser may keep the name to
    /// itself.
    pub adapter: String,
}

/// Initialises the preferred adapter, unless that is done already. To be called before any tensor
/// is made.
///
/// burn's own initialisation panics when there is no adapter; this says so.
///
/// # Errors
/// [`Error::NoWebGpu`] with what is missing.
pub async fn initialise() -> Result<Gpu> {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    if let Some(gpu) = GPU.get() {
        return Ok(gpu.clone());
    }
    let setup = request().await?;
    let info = setup.adapter.get_info();
    let name = match info.name.trim() {
        "" => "unnamed adapter",
        name => name,
    };
    let adapter = format!("{name} ({:?}, {:?})", info.backend, info.device_type);
    let options = RuntimeOptions {
        tasks_max: TASKS_MAX,
        memory_config: MemoryConfiguration::ExclusivePages,
    };
    let device = init_device(setup, options);
    // Two callers may have come this far at once; then the first one's device counts.
    Ok(GPU.get_or_init(|| Gpu { device, adapter }).clone())
}

/// [`initialise`] where waiting is possible.
///
/// # Errors
/// [`Error::NoWebGpu`] with what is missing.
#[cfg(not(target_family = "wasm"))]
pub fn initialise_blocking() -> Result<Gpu> {
    cubecl::future::block_on(initialise())
}

async fn request() -> Result<WgpuSetup> {
    let instance = Instance::new(InstanceDescriptor {
        backends: Backends::PRIMARY,
        ..InstanceDescriptor::new_without_display_handle()
    });
    let options = RequestAdapterOptions {
        power_preference: PowerPreference::HighPerformance,
        ..Default::default()
    };
    let adapter = instance
        .request_adapter(&options)
        .await
        .map_err(|reason| Error::NoWebGpu(format!("no graphics adapter was found ({reason}).")))?;

    let available = adapter.features();
    // cubecl 0.10 panics in a browser at its first operation without it.
    if cfg!(target_family = "wasm") && !available.contains(Features::TIMESTAMP_QUERY) {
        return Err(Error::NoWebGpu(
            "the adapter lacks the feature timestamp-query.".into(),
        ));
    }
    // cubecl looks at what the adapter can do, not at what was asked for; so ask for all of it,
    // except for mapping, which would make every buffer slow to the GPU.
    let wanted = available - Features::MAPPABLE_PRIMARY_BUFFERS - Features::all_experimental_mask();
    let descriptor = DeviceDescriptor {
        required_features: wanted,
        required_limits: adapter.limits(),
        // Tensors are allocated by cubecl, in pages of its own.
        memory_hints: MemoryHints::MemoryUsage,
        ..Default::default()
    };
    let (device, queue) = adapter
        .request_device(&descriptor)
        .await
        .map_err(|reason| Error::NoWebGpu(format!("the adapter refused a device ({reason}).")))?;

    device.on_uncaptured_error(Arc::new(|error| record(error.to_string())));
    device.set_device_lost_callback(|reason, message| {
        // A device destroyed on purpose, as at the end of the program, is not an error.
        if reason != DeviceLostReason::Destroyed {
            record(format!("the device was lost ({message})."));
        }
    });
    let backend = adapter.get_info().backend;
    Ok(WgpuSetup {
        instance,
        adapter,
        device,
        queue,
        backend,
    })
}

fn record(error: String) {
    #[cfg(target_family = "wasm")]
    web_sys::console::error_1(&error.as_str().into());
    if let Ok(mut last) = LAST_ERROR.lock() {
        *last = Some(error);
    }
}

/// Fails if the device has reported an error since the last call.
///
/// # Errors
/// [`Error::Device`] with what it reported.
pub fn check() -> Result<()> {
    let reported = LAST_ERROR.lock().ok().and_then(|mut last| last.take());
    match reported {
        Some(reason) => Err(Error::Device(reason)),
        None => Ok(()),
    }
}
