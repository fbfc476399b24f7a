//! `scheduler_config.json` and the diffusion process that it describes.

use serde_json::{Value, json};

use crate::{
    diffusion::{BetaSchedule, Process, SchedulerConfig, VarianceType},
    error::{Error, Result},
    model::config::refuse_unsupported,
};

const DDPM: &str = "DDPMScheduler";
const DDIM: &str = "DDIMScheduler";
const DPM_SOLVER: &str = "DPMSolverMultistepScheduler";
const HEUN: &str = "HeunDiscreteScheduler";
const FLOW: &str = "FlowMatchEulerDiscreteScheduler";

/// Fields that change the process and have one supported value, besides being absent or null.
const FIXED: &[(&str, &str)] = &[
    ("clip_sample_range", "1.0"),
    ("set_alpha_to_one", "true"),
    ("steps_offset", "0"),
    ("trained_betas", "null"),
    ("use_flow_sigmas", "false"),
];

/// As [`FIXED`], of a rectified flow.
const FIXED_FLOW: &[(&str, &str)] = &[
    ("invert_sigmas", "false"),
    ("shift_terminal", "null"),
    ("stochastic_sampling", "false"),
    ("use_beta_sigmas", "false"),
    ("use_dynamic_shifting", "false"),
    ("use_exponential_sigmas", "false"),
    ("use_karras_sigmas", "false"),
];

/// Fields that say nothing about a rectified flow.
const NOT_OF_FLOWS: &[&str] = &[
    "beta_end",
    "beta_schedule",
    "beta_start",
    "clip_sample",
    "rescale_betas_zero_snr",
];

/// What has a meaning for the process of `config`, `_class_name` included. More than diffusers'
/// class of a flow knows: samplers of other processes can be used on a flow here.
///
/// # Errors
/// [`Error::Config`] when it cannot be written as JSON.
pub(in crate::format) fn describe(config: &SchedulerConfig) -> Result<Value> {
    let mut json = serde_json::to_value(config).map_err(refuse)?;
    let flow = config.process() == Process::RectifiedFlow;
    let foreign = if flow { NOT_OF_FLOWS } else { &["shift"] };
    if let Value::Object(fields) = &mut json {
        fields.retain(|name, _| !foreign.contains(&name.as_str()));
    }
    json["_class_name"] = json!(if flow { FLOW } else { DDPM });
    Ok(json)
}

/// The process of `config` in the fields that diffusers has for it.
///
/// # Errors
/// [`Error::Config`] for a schedule that diffusers does not know, and for a flow that limits its
/// estimates or learned a variance: diffusers has neither for flows.
pub(super) fn write(config: &SchedulerConfig) -> Result<Value> {
    let mut json = describe(config)?;
    if config.process() != Process::RectifiedFlow {
        if config.beta_schedule == BetaSchedule::VarianceExploding {
            return Err(Error::Config(
                "diffusers has no beta_schedule variance_exploding. Train with another schedule to \
                 export."
                    .into(),
            ));
        }
        json["clip_sample_range"] = json!(1.0);
        json["steps_offset"] = json!(0);
        return Ok(json);
    }
    let lacking = [
        (config.thresholding, "thresholding"),
        (
            config.variance_type == VarianceType::LearnedRange,
            "variance_type learned_range",
        ),
    ];
    if let Some((_, field)) = lacking.into_iter().find(|(is_set, _)| *is_set) {
        return Err(Error::Config(format!(
            "diffusers has no {field} for a flow: its {FLOW} would draw other images. Train without \
             it to export."
        )));
    }
    Ok(json!({
        "_class_name": FLOW,
        "num_train_timesteps": config.num_train_timesteps,
        "shift": config.shift,
    }))
}

/// The process that a file describes. How its scheduler would sample from it (solvers' orders, say)
/// is left to our samplers' options.
///
/// # Errors
/// [`Error::Config`] naming the class, or the field whose value is not supported.
pub(super) fn read(json: &Value) -> Result<SchedulerConfig> {
    // What each class takes where its file says nothing, and we take something else.
    let mut fields = match json["_class_name"].as_str().unwrap_or(DDPM) {
        DDPM | DDIM => json!({ "timestep_spacing": "leading" }),
        DPM_SOLVER => json!({ "timestep_spacing": "linspace", "clip_sample": false }),
        HEUN => json!({
            "timestep_spacing": "linspace", "clip_sample": false,
            "beta_start": 0.00085, "beta_end": 0.012,
        }),
        FLOW => return read_flow(json),
        class => {
            return Err(Error::Config(format!(
                "a {class} is not supported; save the pipeline with one of {DDPM}, {DDIM}, \
                 {DPM_SOLVER}, {HEUN} and {FLOW}."
            )));
        }
    };
    refuse_unsupported(json, FIXED)?;
    for (name, value) in json.as_object().into_iter().flatten() {
        if !value.is_null() {
            fields[name] = value.clone();
        }
    }
    // As in diffusers: the standard deviation's logarithm gives the same steps.
    if fields["variance_type"] == "fixed_small_log" {
        fields["variance_type"] = json!("fixed_small");
    }
    let config: SchedulerConfig = serde_json::from_value(fields).map_err(refuse)?;
    if config.process() == Process::RectifiedFlow {
        return Err(Error::Config(format!(
            "flow_prediction is only supported with a {FLOW}."
        )));
    }
    Ok(config)
}

fn read_flow(json: &Value) -> Result<SchedulerConfig> {
    refuse_unsupported(json, FIXED_FLOW)?;
    let mut fields = json!({ "prediction_type": "flow_prediction" });
    for name in ["num_train_timesteps", "shift"] {
        if !json[name].is_null() {
            fields[name] = json[name].clone();
        }
    }
    serde_json::from_value(fields).map_err(refuse)
}

fn refuse(source: serde_json::Error) -> Error {
    Error::ConfigJson {
        part: "scheduler: ",
        source,
    }
}
