//! The GPU device: opens it, and hears what goes wrong there outside of any call.

use std::sync::{Arc, Mutex, OnceLock};

use burn_wgpu::{MemoryConfiguration, RuntimeOptions, WgpuDevice, WgpuSetup, init_device};
use cubecl_runtime::memory_management::{MemoryPoolOptions, PoolType};
use wgpu::{
    AdapterInfo, Backends, DeviceDescriptor, DeviceLostReason, DeviceType, Features, Instance,
    InstanceDescriptor, MemoryHints, PowerPreference, RequestAdapterOptions,
};

#[cfg(target_family = "wasm")]
use super::reuse;
use crate::error::{Error, Result};

/// Launches per submission: large enough that submitting costs little, small enough that the GPU
/// starts while the rest is still being queued.
const TASKS_MAX: usize = 64;

/// The last error that the device reported outside any call of ours, such as a shader that did not
/// compile: its launches then do nothing, and nobody else would say so.
static LAST_ERROR: Mutex<Option<String>> = Mutex::new(None);

/// The device of this program, once it is open.
static GPU: OnceLock<Gpu> = OnceLock::new();

/// A GPU that is ready to compute.
#[derive(Debug, Clone)]
pub struct Gpu {
    /// burn's handle of it.
    pub device: WgpuDevice,
    /// Whether the adapter only emulates a GPU on the CPU.
    pub on_cpu: bool,
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
        memory_config: MemoryConfiguration::Custom {
            pool_options: pools(setup.adapter.limits().max_storage_buffer_binding_size),
        },
    };
    let gpu = Gpu {
        device: init_device(setup, options),
        on_cpu: emulates(&info, &browser_names().await),
        adapter,
    };
    // Two callers may have come this far at once; then the first one's device counts.
    Ok(GPU.get_or_init(|| gpu).clone())
}

/// Pools of buffers for tensors of about the same size, up to `largest` bytes.
///
/// As cubecl's own for browsers, but for that nothing is given back while a model is in use: a
/// browser frees a buffer only when it collects garbage, so that what training no longer needs for
/// a moment would pile up. [`burn::tensor::backend::Backend::memory_cleanup`] gives back what is
/// not in use.
fn pools(largest: u64) -> Vec<MemoryPoolOptions> {
    const SMALLEST: u64 = 32 * 1024;
    const COUNT: i32 = 24;
    const ALIGNMENT: u64 = 256;
    let ratio = (largest as f64 / SMALLEST as f64).powf(1.0 / f64::from(COUNT - 1));
    let mut sizes: Vec<u64> = (0..COUNT - 1)
        .map(|index| (SMALLEST as f64 * ratio.powi(index)) as u64)
        .chain([largest])
        .map(|size| size.next_multiple_of(ALIGNMENT))
        .collect();
    sizes.dedup();
    sizes
        .into_iter()
        .map(|max_alloc_size| MemoryPoolOptions {
            pool_type: PoolType::ExclusivePages { max_alloc_size },
            dealloc_period: None,
        })
        .collect()
}

/// Whether threads of `device` run on a CPU, which calls for other kernels. Not known, and taken
/// for a GPU, where the device was not opened by [`initialise`].
pub(super) fn runs_on_cpu(device: &WgpuDevice) -> bool {
    GPU.get()
        .is_some_and(|gpu| gpu.on_cpu && gpu.device == *device)
}

/// The most iterations, of all its loops together, that a thread of a kernel for CPUs may take: after
/// 65,535 Mesa's llvmpipe ends every loop (`LP_MAX_TGSI_LOOP_ITERATIONS`), and says nothing.
pub(super) const MAX_ITERATIONS: usize = 65_000;

/// A browser does not say of which type an adapter is; the emulators are known by name.
fn emulates(info: &AdapterInfo, browser_names: &str) -> bool {
    const NAMES: [&str; 3] = ["swiftshader", "llvmpipe", "basic render"];
    let text = format!("{} {} {browser_names}", info.name, info.driver).to_lowercase();
    info.device_type == DeviceType::Cpu || NAMES.iter().any(|name| text.contains(name))
}

/// What the browser calls the adapter: of its `GPUAdapterInfo`, wgpu passes on the description
/// alone, which is mostly empty.
async fn browser_names() -> String {
    #[cfg(target_family = "wasm")]
    {
        use js_sys::{Function, Promise, Reflect, global};
        use wasm_bindgen::{JsCast, JsValue};

        let names = async || -> Option<String> {
            let get = |object: &JsValue, name: &str| Reflect::get(object, &name.into()).ok();
            let gpu = get(&get(&global(), "navigator")?, "gpu")?;
            let request: Function = get(&gpu, "requestAdapter")?.dyn_into().ok()?;
            let promise: Promise = request.call0(&gpu).ok()?.dyn_into().ok()?;
            let adapter = wasm_bindgen_futures::JsFuture::from(promise).await.ok()?;
            let info = get(&adapter, "info")?;
            let name = |field| get(&info, field).and_then(|name| name.as_string());
            Some(format!("{} {}", name("vendor")?, name("architecture")?))
        };
        names().await.unwrap_or_default()
    }
    #[cfg(not(target_family = "wasm"))]
    String::new()
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
    // cubecl looks at what the adapter can do, not at what was asked for; so ask for all of it,
    // except for mapping, which would make every buffer slow to the GPU.
    let mut required_features =
        available - Features::MAPPABLE_PRIMARY_BUFFERS - Features::all_experimental_mask();
    if cfg!(target_family = "wasm") {
        // cubecl 0.10 panics in a browser at its first operation if the adapter does not say that
        // it has it: `web/worker/timestamp-query.js` makes every adapter say so.
        if !available.contains(Features::TIMESTAMP_QUERY) {
            return Err(Error::NoWebGpu(
                "the adapter lacks the feature timestamp-query.".into(),
            ));
        }
        // cubecl uses it only while it profiles, so that the device need not have it.
        required_features.remove(Features::TIMESTAMP_QUERY);
    }
    let descriptor = DeviceDescriptor {
        required_features,
        required_limits: adapter.limits(),
        // Tensors are allocated by cubecl, in pages of its own.
        memory_hints: MemoryHints::MemoryUsage,
        ..Default::default()
    };
    #[cfg(target_family = "wasm")]
    let _reuse = reuse::begin();
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
        Some(reason) => Err(Error::Device(reason.into())),
        None => Ok(()),
    }
}
