//! The command line: the same core as the page, for scripts, tests and longer runs.
//!
//! Exit status 2 with one line on stderr for what the caller can put right, 1 for failures at work.

mod backend;
mod bench;
mod edit;
mod eval;
mod export;
mod failure;
mod folder;
mod given_noise;
mod import;
mod input;
mod labels;
mod output;
mod sample;
mod schedule;
mod train;

use std::{
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
};

use clap::{CommandFactory, Parser, Subcommand, error::ErrorKind};

use failure::Failure;

/// Train and sample small diffusion models.
///
/// Models are the U-Nets of Hugging Face diffusers; files trained here open in the page and the
/// other way round. Exit status: 0 if all went well, 2 for wrong use and files that cannot be used,
/// 1 for failures at work.
#[derive(Parser)]
#[command(
    name = "unnoise",
    version,
    subcommand_required = true,
    arg_required_else_help = false,
    after_help = "\
Example:
  unnoise train --data pictures/ --out model.safetensors --steps 2000
  unnoise sample --model model.safetensors --out samples.png"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Schedule(schedule::Args),
    Train(train::Args),
    Sample(Box<sample::Args>),
    Bench(bench::Args),
    Eval(eval::Args),
    Export(export::Args),
    Import(import::Args),
}

fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return refuse_arguments(&error),
    };
    // A lost device or a failed allocation inside a backend is a panic: one line, as every failure.
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(AssertUnwindSafe(|| match command {
        Command::Schedule(args) => schedule::run(args),
        Command::Train(args) => train::run(args),
        Command::Sample(args) => sample::run(*args),
        Command::Bench(args) => bench::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Export(args) => export::run(args),
        Command::Import(args) => import::run(args),
    }))
    .unwrap_or_else(|cause| Err(Failure::from_panic(cause.as_ref())));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Help and version as clap has them; errors in one line.
fn refuse_arguments(error: &clap::Error) -> ExitCode {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        // Nothing is lost when whoever reads the help stops reading.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let message: String = text
        .lines()
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
        .flat_map(|line| [line.trim(), " "])
        .collect();
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let message = message
        .trim_start_matches("error: ")
        .replace(" tip: ", "; tip: ");
    let command = Cli::command();
    let help = std::env::args()
        .nth(1)
        .filter(|name| command.find_subcommand(name).is_some())
        .map_or_else(String::new, |name| format!("{name} "));
    Failure::Use(format!("{message}. See 'unnoise {help}--help'.")).report()
}
