//! The training loop as a stepper: whoever drives it decides when the next step is due.

use std::{ops::Range, rc::Rc};

use burn::{
    backend::Autodiff,
    tensor::{
        Tensor, TensorMetadata, Transaction,
        backend::{AutodiffBackend, Backend},
        ops::{FloatTensor, FloatTensorOps},
    },
};

use super::{Config, Dataset, Gradients, batch::Batch, config::MixedPrecision};
use crate::{
    diffusion::{Objective, Schedule, objective::Target},
    error::{Error, Result},
    model::{Conditioning, UNet, Weights},
    ops::{AdamStep, Kernels, LOSS_SCALE, Ops, ParameterState, mixture::UploadedStep, wrap},
};

/// The loss of one step, still on the device.
#[derive(Debug, Clone)]
pub struct Loss<B: Backend>(Tensor<B, 1>);

/// Reads losses in one go; on a GPU this waits for the steps to finish.
///
/// # Errors
/// [`Error::Device`] when the device was lost.
pub async fn read_losses<B: Backend>(losses: Vec<Loss<B>>) -> Result<Vec<f32>> {
    if losses.is_empty() {
        return Ok(Vec::new());
    }
    let all = Tensor::cat(losses.into_iter().map(|loss| loss.0).collect(), 0);
    read(all).await
}

/// The values of a tensor, row-major.
///
/// # Errors
/// [`Error::Device`] when the device was lost.
pub async fn read<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Result<Vec<f32>> {
    let data = tensor
        .into_data_async()
        .await
        .map_err(|error| Error::Device(format!("{error:?}")))?;
    data.convert::<f32>()
        .to_vec()
        .map_err(|error| Error::Device(format!("{error:?}")))
}

/// The values of many tensors of any rank, with one wait for the device.
///
/// # Errors
/// [`Error::Device`] when the device was lost.
pub async fn read_all<B: Backend>(tensors: Vec<FloatTensor<B>>) -> Result<Vec<Vec<f32>>> {
    let mut transaction = Transaction::<B>::default();
    for tensor in tensors {
        let count = tensor.shape().num_elements();
        let flat = wrap::<B, 1>(B::float_reshape(tensor, [count].into()));
        transaction = transaction.register(flat);
    }
    transaction
        .execute_async()
        .await
        .map_err(|error| Error::Device(format!("{error:?}")))?
        .into_iter()
        .map(|data| {
            data.convert::<f32>()
                .to_vec()
                .map_err(|error| Error::Device(format!("{error:?}")))
        })
        .collect()
}

/// What training has arrived at: enough to go on exactly as if never interrupted.
#[derive(Debug, Clone)]
pub struct TrainingState<B: Backend> {
    /// Optimizer steps taken.
    pub step: u64,
    /// The step at which Adam's moments were last zero: 0, or where training went on from weights
    /// alone. Bias correction and warm-up count from here.
    pub moments_since: u64,
    /// One per parameter of the network.
    pub parameters: Vec<ParameterState<B>>,
}

impl<B: Kernels + Ops> TrainingState<B> {
    /// The start: fresh weights, no steps.
    pub fn new(unet: &UNet, seed: u64, device: &B::Device) -> Self {
        let parameters = unet
            .initial_weights::<B>(seed, device)
            .tensors()
            .iter()
            .map(|value| {
                let zeros = || B::float_mul_scalar(value.clone(), 0f32.into());
                ParameterState {
                    value: value.clone(),
                    exp_avg: zeros(),
                    exp_avg_sq: zeros(),
                    // A copy of its own, so that the optimizer may write both in place.
                    ema: B::float_mul_scalar(value.clone(), 1f32.into()),
                }
            })
            .collect();
        Self {
            step: 0,
            moments_since: 0,
            parameters,
        }
    }

    fn collect(&self, field: impl Fn(&ParameterState<B>) -> &FloatTensor<B>) -> Weights<B> {
        Weights::new(self.parameters.iter().map(|p| field(p).clone()).collect())
    }

    /// The averaged weights, which give the better samples.
    pub fn ema_weights(&self) -> Weights<B> {
        self.collect(|parameter| &parameter.ema)
    }

    /// The weights as the optimizer left them.
    pub fn raw_weights(&self) -> Weights<B> {
        self.collect(|parameter| &parameter.value)
    }
}

/// Trains a [`UNet`] to denoise (Ho et al. 2020, algorithm 1).
pub struct Trainer<B: Kernels + Ops> {
    config: Config,
    unet: Rc<UNet>,
    objective: Objective,
    device: B::Device,
    state: TrainingState<B>,
}

impl<B: Kernels + Ops> Trainer<B> {
    /// A fresh run.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration cannot work.
    pub fn new(config: Config, device: B::Device) -> Result<Self> {
        config.validate()?;
        let unet = Rc::new(UNet::new(config.unet.clone())?);
        let state = TrainingState::new(&unet, config.seed, &device);
        Self::resume(config, unet, state, device)
    }

    /// A run that goes on from `state`.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration cannot work.
    pub fn resume(
        config: Config,
        unet: Rc<UNet>,
        state: TrainingState<B>,
        device: B::Device,
    ) -> Result<Self> {
        config.validate()?;
        let objective = config.objective()?;
        Ok(Self {
            config,
            unet,
            objective,
            device,
            state,
        })
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn unet(&self) -> &Rc<UNet> {
        &self.unet
    }

    pub fn objective(&self) -> &Objective {
        &self.objective
    }

    pub fn schedule(&self) -> &Schedule {
        &self.objective.schedule
    }

    pub fn device(&self) -> &B::Device {
        &self.device
    }

    pub fn state(&self) -> &TrainingState<B> {
        &self.state
    }

    /// One optimizer step on the next batch of `dataset`; see [`Objective::loss`].
    ///
    /// On a GPU this only queues the work; read the loss to wait for it.
    ///
    /// # Errors
    /// [`Error::NoImages`] or [`Error::Image`] when the data set does not fit the configuration.
    pub fn step(&mut self, dataset: &Dataset) -> Result<Loss<B>> {
        let whole = 0..self.config.training.batch_size;
        let batch = self.batch(dataset, whole)?;
        let (loss, Gradients(grads), numbers) = self.loss_and_grads(&batch);
        self.take_step(grads, numbers);
        Ok(loss)
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
        let (loss, grads, _) = self.loss_and_grads(&batch);
        Ok((loss, grads))
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
        if dataset.size() != self.config.size {
            return Err(Error::Image(format!(
                "they are {0} × {0}, but the model is for {1} × {1}.",
                dataset.size(),
                self.config.size
            )));
        }
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

    /// Moves the weights by the gradients of the whole next batch, which is then done.
    pub fn apply(&mut self, Gradients(grads): Gradients<B>) {
        let numbers = B::float_from_data(self.next_adam_step().numbers(), &self.device);
        self.take_step(grads, numbers);
    }

    fn next_adam_step(&self) -> AdamStep {
        let taken = self.state.step - self.state.moments_since;
        self.config.training.adam_step_at(taken + 1)
    }

    /// `numbers` are those of the next step of Adam, on the device.
    fn take_step(&mut self, grads: Vec<FloatTensor<B>>, numbers: FloatTensor<B>) {
        let step = self.next_adam_step();
        self.state.step += 1;
        let parameters = std::mem::take(&mut self.state.parameters);
        self.state.parameters = B::adam_step(parameters, grads, step, numbers);
    }

    /// Attention is burn's, in f32 alone.
    fn stores_halves(&self) -> bool {
        self.config.training.mixed_precision == MixedPrecision::Fp16
            && !self.config.unet.has_attention()
            && B::can_store_halves(&self.device)
    }

    /// The loss of `batch`, its gradients, and the numbers of the next step of Adam, which go to the
    /// device with the batch.
    fn loss_and_grads(&self, batch: &Batch) -> (Loss<B>, Gradients<B>, FloatTensor<B>) {
        let levels = batch.timesteps.iter();
        let told: Vec<f64> = levels.map(|t| self.schedule().level(Some(*t)).t).collect();
        let told = self.unet.conditioning(&told, batch.class_labels.as_deref());
        let UploadedStep {
            x,
            first: x_t,
            second: wanted,
            others: [time, numbers],
            optional: [class, factors],
        } = B::upload_step(
            batch.mixture(&self.objective),
            [told.time, self.next_adam_step().numbers()],
            [told.class, self.objective.factors(&batch.timesteps)],
            &self.device,
        );
        let leaves: Vec<FloatTensor<Autodiff<B>>> = self
            .state
            .parameters
            .iter()
            .map(|parameter| {
                let leaf = Autodiff::<B>::from_inner(parameter.value.clone());
                Autodiff::<B>::float_set_require_grad(leaf, true)
            })
            .collect();
        let weights = Weights::<Autodiff<B>>::new(leaves);
        let conditioning = Conditioning {
            time: constant(time),
            class: class.map(constant),
        };
        let target = Target {
            wanted: constant(wanted),
            factors: factors.map(constant),
            x_0: constant(x),
            timesteps: &batch.timesteps,
        };
        let run = |scale: Option<f32>| {
            let output = (self.unet).forward_conditioned(&weights, constant(x_t), conditioning);
            let loss = self.objective.loss(output, target);
            let grads = match scale {
                Some(scale) => (loss.clone() * scale).backward(),
                None => loss.backward(),
            };
            (loss, grads)
        };
        let (loss, grads) = if self.stores_halves() {
            B::storing_halves(|| run(Some(LOSS_SCALE)))
        } else {
            run(None)
        };
        let grads = weights
            .tensors()
            .iter()
            .map(|leaf| {
                // A parameter outside the graph has no gradient; it then stays as it is.
                Autodiff::<B>::grad(leaf, &grads).unwrap_or_else(|| {
                    let value = Autodiff::<B>::inner(leaf.clone());
                    B::float_mul_scalar(value, 0f32.into())
                })
            })
            .collect();
        (Loss(loss.inner()), Gradients(grads), numbers)
    }
}

/// A tensor that needs no gradient.
fn constant<B: Backend, const D: usize>(tensor: FloatTensor<B>) -> Tensor<Autodiff<B>, D> {
    Tensor::from_inner(wrap(tensor))
}
