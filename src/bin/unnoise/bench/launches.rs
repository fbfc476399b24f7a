//! What a training step and a denoising step launch on a GPU: written to a folder, and timed.

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use cubecl_runtime::config::{CubeClRuntimeConfig, RuntimeConfig, profiling::ProfilingLogLevel};
use serde_json::{Value, json};
use unnoise::ops::webgpu::{
    peak::Peak,
    record::{Launch, MAX_TIMED, seconds},
};

use crate::failure::{Failure, Result};

/// A log of every launch of this process, burn's own among them, by cubecl.
pub struct Log {
    path: PathBuf,
    read: usize,
}

impl Log {
    /// To be called before a GPU is opened, once.
    pub fn start() -> Self {
        let path = std::env::temp_dir().join(format!("unnoise-launches-{}", std::process::id()));
        let mut config = CubeClRuntimeConfig::default();
        let logger = &mut config.profiling.logger;
        logger.file = Some(path.clone());
        logger.append = false;
        logger.level = ProfilingLogLevel::Minimal;
        CubeClRuntimeConfig::set(config);
        Self { path, read: 0 }
    }

    /// The names of the kernels launched since the last call, in order, ours as `SourceKernel`.
    pub fn names(&mut self) -> Vec<String> {
        // Another thread writes it, and does not say when it is done.
        const PAUSE: Duration = Duration::from_millis(300);
        let read = || fs::read_to_string(&self.path).unwrap_or_default();
        let mut text = read();
        loop {
            thread::sleep(PAUSE);
            let before = std::mem::replace(&mut text, read());
            if before == text {
                break;
            }
        }
        let mut lines: Vec<String> = text
            .lines()
            .filter_map(|line| line.split_once("Executing "))
            .map(|(_, name)| name.to_owned())
            .collect();
        let new = lines.split_off(self.read.min(lines.len()));
        self.read += new.len();
        new
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // It is in a folder for what may be left behind.
        let _ = fs::remove_file(&self.path);
    }
}

/// Launches that are equal in all but the buffers' addresses, taken together.
struct Group<'a> {
    launch: &'a Launch,
    /// Where they come in the step, from 0.
    order: Vec<usize>,
}

fn groups(launches: &[Launch]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places = HashMap::new();
    for (order, launch) in launches.iter().enumerate() {
        let name = launch.work().map(|work| work.name.clone());
        let key = (launch.source(), launch.workgroups(), name);
        let place = *places.entry(key).or_insert_with(|| {
            groups.push(Group {
                launch,
                order: Vec::new(),
            });
            groups.len() - 1
        });
        groups[place].order.push(order);
    }
    groups
}

impl Group<'_> {
    /// Bytes of all that it binds, each counted once.
    fn bytes(&self) -> usize {
        let buffers = self.launch.buffers();
        let each = buffers.iter().enumerate();
        each.filter(|(index, buffer)| buffer.same_as == *index)
            .map(|(_, buffer)| buffer.bytes)
            .sum()
    }

    /// The shape of the largest buffer that it binds.
    fn largest(&self) -> Vec<usize> {
        let buffers = self.launch.buffers().into_iter();
        buffers
            .max_by_key(|buffer| buffer.bytes)
            .map_or_else(Vec::new, |buffer| buffer.shape)
    }

    fn json(&self) -> Value {
        let launch = self.launch;
        let buffers: Vec<Value> = launch
            .buffers()
            .into_iter()
            .enumerate()
            .map(|(binding, buffer)| {
                json!({
                    "binding": binding,
                    "dtype": buffer.dtype,
                    "shape": buffer.shape,
                    "bytes": buffer.bytes,
                    "same_as": buffer.same_as,
                })
            })
            .collect();
        let constants: serde_json::Map<String, Value> = launch
            .constants()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect();
        json!({
            "name": launch.name(),
            "work": launch.work().map(|work| &work.name),
            "flops": launch.work().map(|work| work.flops),
            "entry_point": launch.entry_point(),
            "threads": launch.threads(),
            "workgroups": launch.workgroups(),
            "buffers": buffers,
            "bytes": self.bytes(),
            "constants": constants,
            "count": self.order.len(),
            "order": self.order,
        })
    }
}

/// Writes the WGSL of `launches`, one file for all that are equal, into `folder`, and returns what
/// index.json says of them. `others` are the names of burn's own kernels in the same step.
pub fn write(folder: &Path, step: &str, launches: &[Launch], others: &[String]) -> Result<Value> {
    let failed = |error: std::io::Error| {
        Failure::Use(format!("cannot write to {} ({error}).", folder.display()))
    };
    fs::create_dir_all(folder).map_err(failed)?;
    let mut kernels = Vec::new();
    for (index, group) in groups(launches).iter().enumerate() {
        let file = format!("{step}-{index:03}-{}.wgsl", group.launch.name());
        fs::write(folder.join(&file), group.launch.source()).map_err(failed)?;
        let mut kernel = group.json();
        kernel["file"] = json!(file);
        kernels.push(kernel);
    }
    let mut counts: Vec<(String, usize)> = Vec::new();
    for name in others {
        match counts.iter_mut().find(|(known, _)| known == name) {
            Some((_, count)) => *count += 1,
            None => counts.push((name.clone(), 1)),
        }
    }
    let others: Vec<Value> = counts
        .into_iter()
        .map(|(name, count)| json!({ "name": name, "count": count }))
        .collect();
    Ok(json!({ "launches": launches.len(), "kernels": kernels, "burn": others }))
}

/// Timing goes on for about this long with every group of launches.
const TIME_PER_GROUP: f64 = 0.005;

/// Times every launch by itself, repeated, and all in their order.
///
/// # Errors
/// What the device said when it was lost.
pub fn profile(launches: &[Launch], peak: &Peak) -> Result<Value> {
    let groups = groups(launches);
    let mut times = vec![0.0; launches.len()];
    for group in &groups {
        let time = time(group.launch)?;
        for order in &group.order {
            times[*order] = time;
        }
    }
    // Of the launches that make up a convolution the longest is the product; others prepare, or
    // add up.
    let mut longest: HashMap<usize, usize> = HashMap::new();
    for (order, launch) in launches.iter().enumerate() {
        if let Some(work) = launch.work() {
            let place = longest.entry(work.call).or_insert(order);
            if times[order] > times[*place] {
                *place = order;
            }
        }
    }
    let is_product = |order: &usize| longest.values().any(|place| place == order);

    let mut kernels = Vec::new();
    for group in &groups {
        let time = times[group.order[0]];
        let mut kernel = json!({
            "name": group.launch.name(),
            "work": group.launch.work().map(|work| &work.name),
            "shape": group.largest(),
            "workgroups": group.launch.workgroups().iter().product::<usize>(),
            "threads": group.launch.threads(),
            "count": group.order.len(),
            "us": time * 1e6,
            "gb_per_s": group.bytes() as f64 / time / 1e9,
        });
        if let Some(work) = group.launch.work()
            && group.order.iter().any(is_product)
        {
            kernel["gflops"] = json!(work.flops / time / 1e9);
            kernel["of_peak"] = json!(work.flops / time / peak.flops);
        }
        kernels.push(kernel);
    }
    let apart: f64 = times.iter().sum();
    let mut in_order = 0.0;
    for part in launches.chunks(MAX_TIMED) {
        in_order += seconds(part)?;
    }
    Ok(json!({
        "launches": launches.len(),
        "ms_in_order": in_order * 1e3,
        "ms_apart": apart * 1e3,
        "convolutions": convolutions(&kernels, peak),
        "kernels": kernels,
    }))
}

/// Seconds that `launch` takes when it follows itself: the median of a few runs.
fn time(launch: &Launch) -> Result<f64> {
    const RUNS: usize = 5;
    let first = seconds(std::slice::from_ref(launch))?;
    let count = (TIME_PER_GROUP / RUNS as f64 / first.max(1e-9)) as usize;
    let repeated = vec![launch.clone(); count.clamp(1, MAX_TIMED)];
    let runs = if first > TIME_PER_GROUP { 1 } else { RUNS };
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        times.push(seconds(&repeated)? / repeated.len() as f64);
    }
    times.sort_unstable_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// All launches of convolutions together, by product.
fn convolutions(kernels: &[Value], peak: &Peak) -> Value {
    let mut report = serde_json::Map::new();
    for product in ["forward", "grad_input", "grad_weight"] {
        let (mut flops, mut time) = (0.0, 0.0);
        for kernel in kernels {
            let work = kernel["work"].as_str().unwrap_or_default();
            if work.split(' ').next() != Some(product) {
                continue;
            }
            let spent = kernel["us"].as_f64().unwrap_or(0.0) * 1e-6;
            let count = kernel["count"].as_f64().unwrap_or(0.0);
            time += count * spent;
            flops += count * spent * 1e9 * kernel["gflops"].as_f64().unwrap_or(0.0);
        }
        if time > 0.0 {
            let part = json!({
                "ms": time * 1e3,
                "gflops": flops / time / 1e9,
                "of_peak": flops / time / peak.flops,
            });
            report.insert(product.into(), part);
        }
    }
    Value::Object(report)
}

/// The profile of a step for people: kernels by the time they take, as many as `most`.
pub fn table(step: &str, profile: &Value, most: usize) -> String {
    let number = |value: &Value| value.as_f64().unwrap_or(0.0);
    let mut text = format!(
        "\n{step}: {} launches, {:.3} ms on the device in their order ({:.3} ms one by one)\n",
        profile["launches"],
        number(&profile["ms_in_order"]),
        number(&profile["ms_apart"])
    );
    for (product, part) in profile["convolutions"].as_object().into_iter().flatten() {
        let _ = writeln!(
            text,
            "  {product:<12} {:9.3} ms {:9.0} GFLOP/s {:5.1} % of peak",
            number(&part["ms"]),
            number(&part["gflops"]),
            100.0 * number(&part["of_peak"])
        );
    }
    let mut kernels: Vec<&Value> = profile["kernels"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let total = |kernel: &Value| number(&kernel["us"]) * number(&kernel["count"]);
    kernels.sort_by(|a, b| total(b).total_cmp(&total(a)));
    let _ = writeln!(
        text,
        "  {:>9} {:>5} {:>9} {:>7} {:>8} {:>6} {:>7}  kernel",
        "us total", "count", "us", "groups", "GFLOP/s", "peak %", "GB/s"
    );
    for kernel in kernels.iter().take(most) {
        let shape = format!("{}", kernel["shape"]);
        let gflops = kernel["gflops"].as_f64();
        let _ = writeln!(
            text,
            "  {:9.1} {:>5} {:9.2} {:>7} {:>8} {:>6} {:7.0}  {} {}",
            total(kernel),
            number(&kernel["count"]),
            number(&kernel["us"]),
            number(&kernel["workgroups"]),
            gflops.map_or_else(String::new, |value| format!("{value:.0}")),
            gflops.map_or_else(String::new, |_| format!(
                "{:.1}",
                100.0 * number(&kernel["of_peak"])
            )),
            number(&kernel["gb_per_s"]),
            kernel["name"].as_str().unwrap_or_default(),
            kernel["work"].as_str().unwrap_or(&shape),
        );
    }
    text
}
