//! The training loop (Ho et al. 2020, algorithm 1) as a stepper: whoever drives it decides when the
//! next step is due.

use std::{ops::Range, sync::Arc};

use burn::{
    backend::Autodiff,
    tensor::{Tensor, TensorData, backend::Backend, ops::FloatTensor},
};

use super::{Config, Dataset, Gradients, TrainingState, batch::Batch, capacity::Room, read};
use crate::{
    diffusion::{
        LossWeighting, Objective, Schedule, forward::q_sample_coefs, objective::LossInputs,
    },
    error::{Error, Result},
    model::{Conditioning, UNet},
    ops::{
        Kernels, MixedPrecision, OptimizerStep, UpdateRule, from_primitive,
        noised_batch::{NoisedBatch, StepInputs},
    },
    random::{Normals, Stream},
};

/// The loss of one step, still on the device.
#[derive(Debug, Clone)]
pub struct Loss<B: Backend>(Tensor<B, 1>);

/// Reads losses in one go; on a GPU this waits for the steps to finish.
///
/// # Errors
/// [`Error::Device`] when the device was lost.
pub async fn read_losses<B: Kernels>(losses: Vec<Loss<B>>) -> Result<Vec<f32>> {
    let losses: Vec<Tensor<B, 1>> = losses.into_iter().map(|loss| loss.0).collect();
    if losses.len() > 1 {
        return read(Tensor::cat(losses, 0)).await;
    }
    match losses.into_iter().next() {
        Some(loss) => read(loss).await,
        None => Ok(Vec::new()),
    }
}

/// Trains a [`UNet`] to denoise (Ho et al. 2020, algorithm 1).
pub struct Trainer<B: Kernels> {
    config: Config,
    unet: Arc<UNet>,
    objective: Objective,
    update_rules: Vec<UpdateRule>,
    device: B::Device,
    state: TrainingState<B>,
}

impl<B: Kernels> Trainer<B> {
    /// A fresh run.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration cannot work, [`Error::TooLarge`] when the device has
    /// no room for it.
    pub fn new(config: Config, device: B::Device) -> Result<Self> {
        config.validate()?;
        let unet = Arc::new(UNet::new(config.unet.clone())?);
        Self::room(&config, &unet, &device).check_tensors(config.training.batch_size)?;
        let state = TrainingState::new(&unet, config.seed, &device);
        Self::resume(config, unet, state, device)
    }

    /// A run that goes on from `state`.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration cannot work. Whether there is room for a batch is
    /// said when it is to be trained on: a model can be sampled from without.
    pub fn resume(
        config: Config,
        unet: Arc<UNet>,
        state: TrainingState<B>,
        device: B::Device,
    ) -> Result<Self> {
        config.validate()?;
        let objective = config.objective()?;
        let update_rules = config.training.optimizer.update_rules(unet.parameters());
        Ok(Self {
            config,
            unet,
            objective,
            update_rules,
            device,
            state,
        })
    }

    /// The run's configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The network's structure.
    pub fn unet(&self) -> &Arc<UNet> {
        &self.unet
    }

    /// What training minimises.
    pub fn objective(&self) -> &Objective {
        &self.objective
    }

    /// The noise schedule.
    pub fn schedule(&self) -> &Schedule {
        &self.objective.schedule
    }

    /// Where training computes.
    pub fn device(&self) -> &B::Device {
        &self.device
    }

    /// Where training has arrived.
    pub fn state(&self) -> &TrainingState<B> {
        &self.state
    }

    /// Takes one optimizer step on the next batch of `dataset` and returns its loss; see
    /// [`Objective::loss`].
    ///
    /// On a GPU this only queues the work; read the loss to wait for it.
    ///
    /// # Errors
    /// [`Error::NoImages`] or [`Error::Image`] when the data set does not fit the configuration,
    /// [`Error::TooLarge`] when there is no room for the batch.
    pub fn step(&mut self, dataset: &Dataset) -> Result<Loss<B>> {
        // x_0 ~ q(x_0), t ~ Uniform, ε ~ N(0, I)
        let batch = self.batch(dataset, 0..self.config.training.batch_size)?;
        // x_t = signal · x_0 + noise · ε
        let noised = self.noise(&batch);
        let numbers = noised.optimizer.clone();
        // The network's prediction against the target, and ∇ of the loss.
        let (loss, grads) = self.loss_and_grads(&batch.timesteps, noised);
        // Adam or Muon, and EMA
        self.update(grads, numbers);
        Ok(loss)
    }

    /// Everything that a step on `batch` takes, on the host.
    pub fn step_inputs(&self, batch: &Batch) -> StepInputs {
        let timesteps = &batch.timesteps;
        let levels = timesteps.iter().map(|t| self.schedule().level(Some(*t)));
        let network_times: Vec<f64> = levels.clone().map(|level| level.t).collect();
        let Conditioning { time, class } =
            (self.unet).conditioning(&network_times, batch.class_labels.as_deref());
        StepInputs {
            x_0: batch.x_0.clone(),
            shape: batch.shape(),
            eps: batch.eps,
            x_t_coefs: levels.map(q_sample_coefs).collect(),
            target_coefs: (timesteps.iter().map(|t| self.objective.target_coefs(*t))).collect(),
            loss_weights: self.objective.loss_weights(timesteps),
            time,
            class,
            optimizer: self.next_optimizer_step().numbers(),
        }
    }

    /// `batch` on the device with its noise mixed in: x_t and the target.
    fn noise(&self, batch: &Batch) -> NoisedBatch<B> {
        let mut noised = B::noise_batch(self.step_inputs(batch), &self.device);
        if let Some(noise) = self.target_noise(batch) {
            let noise = B::float_from_data(noise, &self.device);
            noised.target = B::float_add(noised.target, noise);
        }
        noised
    }

    /// What is added to the target of `batch`, of its shape: [`Objective::target_noise`] times z.
    /// `None` where there is no such noise.
    pub fn target_noise(&self, batch: &Batch) -> Option<TensorData> {
        if self.objective.weighting != LossWeighting::Previous {
            return None;
        }
        let z = Normals {
            stream: Stream::PreviousNoise,
            ..batch.eps
        };
        let mut values = z.take(batch.x_0.len());
        let length = batch.x_0.len() / batch.timesteps.len().max(1);
        for (z, t) in values.chunks_mut(length.max(1)).zip(&batch.timesteps) {
            let deviation = self.objective.target_noise(*t) as f32;
            z.iter_mut().for_each(|z| *z *= deviation);
        }
        Some(TensorData::new(values, batch.shape()))
    }

    /// The mean loss of a batch and its gradients with respect to the weights.
    fn loss_and_grads(
        &self,
        timesteps: &[usize],
        noised: NoisedBatch<B>,
    ) -> (Loss<B>, Gradients<B>) {
        let mixed_precision = self.mixed_precision();
        let weights = self.state.weights_to_differentiate();
        let weights = weights.with_mixed_precision(mixed_precision);
        let x_t = constant(noised.x_t);
        let conditioning = Conditioning {
            time: constant(noised.time),
            class: noised.class.map(constant),
        };
        let loss_inputs = LossInputs {
            target: constant(noised.target),
            loss_weights: noised.loss_weights.map(constant),
            x_0: constant(noised.x_0),
            timesteps,
        };
        let output = (self.unet).forward_conditioned(&weights, x_t, conditioning);
        let loss = self.objective.loss(output, loss_inputs);
        let grads = match mixed_precision.loss_scale() {
            Some(scale) => (loss.clone() * scale).backward(),
            None => loss.backward(),
        };
        (Loss(loss.inner()), Gradients::of(&weights, &grads))
    }

    /// Moves the weights by the gradients of the next batch, and their averages after them. `numbers`
    /// are [`OptimizerStep::numbers`] of this step, on the device.
    fn update(&mut self, Gradients(grads): Gradients<B>, numbers: FloatTensor<B>) {
        let step = self.next_optimizer_step();
        let parameters = std::mem::take(&mut self.state.parameters);
        self.state.parameters =
            B::optimizer_step(parameters, grads, &self.update_rules, step, numbers);
        self.state.step += 1;
    }

    /// Mean loss and its gradients over items `shard` of the next batch. Averaged over shards that
    /// make up the batch, weighted by their sizes, these are the loss and gradients of
    /// [`Trainer::step`], whose other half is [`Trainer::apply`].
    ///
    /// # Errors
    /// As for [`Trainer::step`], and [`Error::Config`] for items that the batch does not have.
    pub fn gradients(
        &self,
        dataset: &Dataset,
        shard: Range<usize>,
    ) -> Result<(Loss<B>, Gradients<B>)> {
        let batch = self.batch(dataset, shard)?;
        let (loss, grads) = self.loss_and_grads(&batch.timesteps, self.noise(&batch));
        Ok((loss, grads.summed(&self.state.parameters)))
    }

    /// Takes the next step with the gradients of its whole batch.
    pub fn apply(&mut self, grads: Gradients<B>) {
        let numbers = self.next_optimizer_step().numbers();
        self.update(grads, B::float_from_data(numbers, &self.device));
    }

    /// Items `shard` of the next batch, if there can be one.
    fn batch(&self, dataset: &Dataset, shard: Range<usize>) -> Result<Batch> {
        if shard.is_empty() || shard.end > self.config.training.batch_size {
            return Err(Error::Config(format!(
                "items {shard:?} are no part of a batch of {}.",
                self.config.training.batch_size
            )));
        }
        if dataset.is_empty() {
            return Err(Error::NoImages);
        }
        dataset.check_fits(&self.config)?;
        let room = Self::room(&self.config, &self.unet, &self.device);
        room.check_tensors(shard.len())?;
        room.check_total(shard.len())?;
        let labels = dataset.labels().unwrap_or(&[]).iter();
        if let (Some(null), Some(label)) = (self.config.unet.null_class(), labels.max())
            && *label as usize > null
        {
            return Err(Error::Image(format!(
                "one has the label {label}, but the model knows labels 0 to {}.",
                null - 1
            )));
        }
        Ok(Batch::at(self.state.step, shard, dataset, &self.config))
    }

    fn next_optimizer_step(&self) -> OptimizerStep {
        let taken = self.state.step - self.state.optimizer_start_step;
        self.config.training.optimizer_step_at(taken + 1)
    }

    fn mixed_precision(&self) -> MixedPrecision {
        mixed_precision::<B>(&self.config, &self.device)
    }

    /// What the network takes on the device.
    fn room<'a>(config: &Config, unet: &'a UNet, device: &B::Device) -> Room<'a> {
        let mixed_precision = mixed_precision::<B>(config, device);
        Room::new::<B>(unet, config.size, mixed_precision, device)
    }
}

/// What feature maps are stored as: what is configured, where the device can and the network has no
/// attention, which is burn's and f32 alone.
fn mixed_precision<B: Kernels>(config: &Config, device: &B::Device) -> MixedPrecision {
    if B::supports_fp16(device) && !config.unet.has_attention() {
        config.training.mixed_precision
    } else {
        MixedPrecision::No
    }
}

/// A tensor that needs no gradient.
fn constant<B: Backend, const D: usize>(tensor: FloatTensor<B>) -> Tensor<Autodiff<B>, D> {
    Tensor::from_inner(from_primitive(tensor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Flex;

    /// A fresh network says 0, so that the first loss is the weighted square of the targets.
    #[test]
    fn the_previous_step_is_learnt_from_with_its_noise() {
        let mut config = Config::for_size(8);
        config.unet = crate::model::UNetConfig::with_widths(vec![8]);
        config.unet.norm_num_groups = 4;
        config.training.batch_size = 5;
        config.training.loss_weighting = LossWeighting::Previous;
        config.scheduler.beta_schedule = crate::diffusion::BetaSchedule::VarianceExploding;
        let bytes: Vec<u8> = (0..3 * 192).map(|i| (i * 37 % 256) as u8).collect();
        let dataset = Dataset::from_rgb(&bytes, 3, 8).unwrap();
        let mut trainer = Trainer::<Flex>::new(config, Default::default()).unwrap();
        let batch = trainer.batch(&dataset, 0..5).unwrap();
        let [_, target] = trainer.step_inputs(&batch).noised_on_host();
        let noise = trainer.target_noise(&batch).unwrap();
        let noise = noise.to_vec::<f32>().unwrap();
        let mut expected = 0.0;
        for (i, (target, noise)) in target.iter().zip(&noise).enumerate() {
            let weight = trainer.objective().weight(batch.timesteps[i / 192]);
            expected += weight * f64::from(target + noise).powi(2) / batch.x_0.len() as f64;
        }
        // A shard has its own part of the noise.
        let shard = trainer.batch(&dataset, 2..4).unwrap();
        let part = trainer.target_noise(&shard).unwrap();
        assert_eq!(part.to_vec::<f32>().unwrap(), noise[2 * 192..4 * 192]);
        let loss = trainer.step(&dataset).unwrap();
        let loss = pollster::block_on(read_losses(vec![loss])).unwrap()[0] as f64;
        assert!(
            (loss / expected - 1.0).abs() < 1e-4,
            "{loss}, not {expected}"
        );
    }
}
