//! Getting hold of the browser's GPU.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use burn_wgpu::{MemoryConfiguration, RuntimeOptions, WgpuDevice, graphics, init_setup_async};

use crate::error::{Error, Result};

/// Launches per submission: large enough that submitting costs little, small enough that the GPU
/// starts while the rest is still being queued.
const TASKS_MAX: usize = 64;

/// The last error that the device reported outside any call of ours, such as a shader that did not
/// compile: its launches then do nothing, and nobody else would say so.
static LAST_ERROR: Mutex<Option<String>> = Mutex::new(None);

/// Initialises the default device, unless that is done already. To be called before any tensor is
/// made.
///
/// # Panics
/// Inside wgpu, when there is no adapter: ask `navigator.gpu.requestAdapter()` first.
pub async fn initialise() -> WgpuDevice {
    static INITIALISED: AtomicBool = AtomicBool::new(false);
    let device = WgpuDevice::default();
    if INITIALISED.swap(true, Ordering::Relaxed) {
        return device;
    }
    let options = RuntimeOptions {
        tasks_max: TASKS_MAX,
        memory_config: MemoryConfiguration::ExclusivePages,
    };
    let setup = init_setup_async::<graphics::WebGpu>(&device, options).await;
    setup.device.on_uncaptured_error(Arc::new(|error| {
        web_sys::console::error_1(&error.to_string().into());
        if let Ok(mut last) = LAST_ERROR.lock() {
            *last = Some(error.to_string());
        }
    }));
    device
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
