// The numbers of a step of the optimizer, in the order of OptimizerStep::numbers.
struct Step {
    learning_rate: f32,
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    bias_correction1: f32,
    bias_correction2: f32,
    ema_decay: f32,
    muon_learning_rate: f32,
    muon_momentum: f32,
}

