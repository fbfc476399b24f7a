//! Times steps that are queued without waiting for them.

use std::{cell::RefCell, time::Instant};

use pollster::block_on;
use unnoise::{
    ops::Kernels,
    pipeline::DenoiserKind,
    sampler::{SamplingOptions, Trajectory},
    session::Session,
    train::{Trainer, read, read_losses},
};

use super::milliseconds;
use crate::failure::Result;

/// Milliseconds of a step where many are queued.
pub struct Queued {
    /// From step to step, once the device is busy.
    pub step: f64,
    /// Until a step is queued, the device having nothing else to do: the median.
    pub host: f64,
}

impl std::fmt::Display for Queued {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(
            f,
            "{:.3} ms a step, {:.3} ms to queue it",
            self.step, self.host
        )
    }
}

/// Times `queue`, which queues a step, `count` times without waiting, then with; `wait` waits.
fn time(
    count: usize,
    mut queue: impl FnMut() -> Result<()>,
    mut wait: impl FnMut() -> Result<()>,
) -> Result<Queued> {
    // More steps than are timed one by one, so that waiting at the end counts little.
    let many = 4 * count;
    queue()?;
    wait()?;
    let start = Instant::now();
    for _ in 0..many {
        queue()?;
    }
    wait()?;
    let step = milliseconds(start.elapsed()) / many as f64;
    let mut host = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        queue()?;
        host.push(milliseconds(start.elapsed()));
        wait()?;
    }
    host.sort_unstable_by(f64::total_cmp);
    Ok(Queued {
        step,
        host: host[count / 2],
    })
}

/// Training steps of a fresh model. `flush` hands what is queued to the device.
pub fn training<B: Kernels>(
    session: &Session<B>,
    count: usize,
    flush: impl Fn() -> Result<()>,
) -> Result<Queued> {
    let config = session.trainer().config().clone();
    let device = session.trainer().device().clone();
    let trainer = RefCell::new(Trainer::<B>::new(config, device.clone())?);
    let last = RefCell::new(Vec::new());
    time(
        count,
        || {
            *last.borrow_mut() = vec![trainer.borrow_mut().step(session.dataset())?];
            flush()
        },
        || {
            block_on(read_losses(last.take()))?;
            Ok(())
        },
    )
}

/// Denoising steps of the session's model.
pub fn denoising<B: Kernels>(
    session: &Session<B>,
    options: &SamplingOptions,
    count: usize,
    flush: impl Fn() -> Result<()>,
) -> Result<Queued> {
    let config = session.trainer().config();
    let image = [config.unet.in_channels, config.size, config.size];
    let noise = options.noise(image, session.trainer().device().clone())?;
    let sampler = options.sampler::<B>(&config.scheduler)?;
    let denoiser = session.pipeline(DenoiserKind::Ema)?.denoiser(None);
    let mut trajectory = Trajectory::new(sampler, denoiser, noise);
    trajectory.advance()?;
    let count = count.min(trajectory.total() / 6);
    let last = RefCell::new(None);
    time(
        count,
        || {
            *last.borrow_mut() = trajectory.advance()?.map(|frame| frame.x_t);
            flush()
        },
        || {
            if let Some(x_t) = last.take() {
                block_on(read(x_t))?;
            }
            Ok(())
        },
    )
}
