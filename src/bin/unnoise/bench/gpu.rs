//! What `unnoise bench` can tell of a GPU alone: what a step launches, and how long each launch
//! takes.

use std::{fs, path::PathBuf};

use burn_wgpu::WgpuDevice;
use pollster::block_on;
use serde_json::{Value, json};
use unnoise::{
    ops::{
        Kernels,
        webgpu::{device, peak, record},
    },
    pipeline::DenoiserKind,
    sampler::SamplingOptions,
    session::Session,
};

use super::launches;
use crate::failure::{Failure, Result};

/// Options that concern a GPU alone.
#[derive(clap::Args)]
pub struct GpuArgs {
    /// Also write the WGSL of every launch of a training and a denoising step into this folder,
    /// with index.json: entry point, buffers, workgroups, how often and where in the step
    #[arg(long, value_name = "DIR")]
    kernels: Option<PathBuf>,
    /// Also time every launch on the device, and what the device can do at best
    #[arg(long)]
    profile: bool,
    /// Launch what a GPU would get, even if the adapter emulates one on the CPU
    #[arg(long)]
    as_gpu: bool,
}

impl GpuArgs {
    /// Whether any of them is.
    pub fn are_given(&self) -> bool {
        self.inspect() || self.as_gpu
    }

    /// Whether launches are to be written or timed.
    pub fn inspect(&self) -> bool {
        self.kernels.is_some() || self.profile
    }
}

/// The GPU that is looked at.
pub struct Gpu {
    pub device: WgpuDevice,
    /// For people.
    pub adapter: String,
    log: Option<launches::Log>,
}

impl Gpu {
    /// Opens it.
    ///
    /// # Errors
    /// [`unnoise::error::Error::NoWebGpu`] without a GPU.
    pub fn open(args: &GpuArgs) -> Result<Self> {
        let log = args.kernels.as_ref().map(|_| launches::Log::start());
        let (device, adapter) = if args.as_gpu {
            // One that was not opened by us is taken for a GPU.
            (WgpuDevice::default(), "unknown".into())
        } else {
            let gpu = device::initialise_blocking()?;
            (gpu.device, gpu.adapter)
        };
        Ok(Self {
            device,
            adapter,
            log,
        })
    }

    /// Hands what is queued to the device, without waiting for it.
    pub fn flush(&self) -> Result<()> {
        Ok(record::flush(&self.device)?)
    }
}

/// Writes and times what one step of each kind launches; see [`GpuArgs`].
pub fn inspect<B: Kernels>(
    session: &mut Session<B>,
    options: &SamplingOptions,
    args: &GpuArgs,
    Gpu {
        device, mut log, ..
    }: Gpu,
    report: &mut Value,
) -> Result<String> {
    let others = |log: &mut Option<launches::Log>| {
        let mut names = log.as_mut().map_or_else(Vec::new, launches::Log::names);
        names.retain(|name| !name.contains("SourceKernel"));
        names
    };
    let mut text = String::new();
    let mut index = json!({
        "size": report["size"],
        "batch_size": report["batch_size"],
        "mixed_precision": report["mixed_precision"],
    });
    let peak = if args.profile {
        let peak = peak::measure(&device)?;
        report["peak"] = json!({
            "gflops": peak.flops / 1e9,
            "gb_per_s": peak.bandwidth / 1e9,
            "launch_us": peak.launch * 1e6,
        });
        text += &format!(
            "\nat best  {:.0} GFLOP/s in f32, {:.0} GB/s, {:.2} us a launch",
            peak.flops / 1e9,
            peak.bandwidth / 1e9,
            peak.launch * 1e6
        );
        Some(peak)
    } else {
        None
    };
    for kind in ["training", "denoising"] {
        let mut sampling = None;
        let mut step = || -> Result<()> {
            if kind == "training" {
                block_on(session.train(Default::default(), 1))?;
                return Ok(());
            }
            if sampling.is_none() {
                // x_T is a frame, but no step.
                let mut run = session.pipeline(DenoiserKind::Ema)?.sample(options)?;
                block_on(run.next())?;
                sampling = Some(run);
            }
            if let Some(run) = &mut sampling {
                block_on(run.next())?;
            }
            Ok(())
        };
        // What the first step prepares, others find.
        step()?;
        others(&mut log);
        step()?;
        let others = others(&mut log);
        let (result, recorded) = record::record(step);
        result?;
        if let Some(folder) = &args.kernels {
            index[kind] = launches::write(folder, kind, &recorded, &others)?;
            text += &format!(
                "\n{kind}: {} launches, {} of burn's own",
                recorded.len(),
                others.len()
            );
        }
        if let Some(peak) = &peak {
            let profile = launches::profile(&recorded, peak)?;
            text += &launches::table(kind, &profile, 40);
            report[kind]["profile"] = profile;
        }
    }
    if let Some(folder) = &args.kernels {
        let file = folder.join("index.json");
        let text = serde_json::to_string_pretty(&index).map_err(|error| error.to_string());
        fs::write(&file, text.map_err(Failure::Work)?)
            .map_err(|error| Failure::Use(format!("cannot write {} ({error}).", file.display())))?;
    }
    Ok(text)
}
