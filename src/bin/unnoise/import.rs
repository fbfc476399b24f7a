//! `unnoise import`.

use std::path::PathBuf;

use crate::{
    failure::Result,
    folder,
    output::{self, Output},
};

/// Make a model file of a small unconditional model of Hugging Face diffusers
///
/// The pipeline must consist of a UNet2DModel for square images, grey (1
/// channel), RGB (3) or RGB and alpha (4), its weights in safetensors, and a DDPMScheduler, DDIMScheduler, DPMSolverMultistepScheduler, HeunDiscreteScheduler or
/// FlowMatchEulerDiscreteScheduler. Anything else about it that is not supported is refused by
/// name.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  unnoise import --model pipeline --out model.safetensors
  unnoise train --resume model.safetensors --data pictures/ --out trained.safetensors")]
pub struct Args {
    /// The folder that save_pretrained made
    #[arg(long, value_name = "DIFFUSERS_DIR")]
    model: PathBuf,
    /// The model file to write
    #[arg(long, value_name = "MODEL.safetensors")]
    out: PathBuf,
}

pub fn run(args: Args) -> Result<()> {
    let model = folder::read_model(&args.model)?;
    Output::new(&args.out)?.write(&model.to_bytes()?)?;
    output::note(&format!("saved {}", args.out.display()));
    Ok(())
}
