//! `unnoise export`.

use std::path::PathBuf;

use unnoise::format::diffusers;

use crate::{
    failure::{Failure, Result},
    folder,
    input::read_model,
    output,
};

/// Write a model as a folder that Hugging Face diffusers loads
///
/// The folder holds the averaged weights, the process they were trained for, and how they are
/// trained. What diffusers cannot express is refused.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  unnoise export --model model.safetensors --out pipeline
then, in Python:
  pipe = diffusers.DDPMPipeline.from_pretrained(\"pipeline\")
  pipe(batch_size=16).images[0].save(\"sample.png\")

DDPMPipeline loads every exported model, a rectified flow too: its scheduler is then a
FlowMatchEulerDiscreteScheduler, others a DDPMScheduler. A pipeline cannot ask for labels: a model
that knows some is sampled by its parts, pipe.unet(x, t, class_labels) and pipe.scheduler.")]
pub struct Args {
    /// A model file
    #[arg(long, value_name = "MODEL.safetensors")]
    model: PathBuf,
    /// The folder to write, new or empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Add unnoise.safetensors with the state of training, so that it goes on as if uninterrupted,
    /// here (unnoise import) or in Python (python -m unnoise.train)
    #[arg(long)]
    training_state: bool,
    /// Replace the model in a folder that has one, its training state included; other files stay
    #[arg(long)]
    overwrite: bool,
}

pub fn run(args: Args) -> Result<()> {
    let model = read_model(&args.model)?;
    let failed = |error| Failure::reading(&args.model, &error);
    let write = if args.training_state {
        diffusers::write_with_training_state
    } else {
        diffusers::write
    };
    let files = write(&model).map_err(failed)?;
    folder::write(&args.out, &files, args.overwrite)?;
    output::note(&format!("saved {}", args.out.display()));
    Ok(())
}
