//! Which optimizer moves which parameter.

use serde::{Deserialize, Serialize};

use crate::{
    model::{ParameterKind, ParameterSpec},
    ops::UpdateRule,
};

/// What moves the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Adam (Kingma & Ba 2015).
    Adam,
    /// Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks") for the
    /// weights of hidden layers, Adam for the rest.
    Muon,
}

/// The first and the last layer, which Muon's authors leave to Adam: what they see or make are
/// pixels.
const OUTER_LAYERS: [&str; 2] = ["conv_in.weight", "conv_out.weight"];

impl Optimizer {
    /// How it moves each of `parameters`.
    pub fn update_rules(self, parameters: &[ParameterSpec]) -> Vec<UpdateRule> {
        parameters
            .iter()
            .map(|spec| self.update_rule(spec))
            .collect()
    }

    fn update_rule(self, spec: &ParameterSpec) -> UpdateRule {
        let is_matrix = matches!(
            spec.kind,
            ParameterKind::ConvWeight | ParameterKind::LinearWeight
        );
        let is_outer = OUTER_LAYERS.contains(&spec.tensors[0].name.as_str());
        match self {
            Self::Muon if is_matrix && !is_outer => UpdateRule::Muon {
                columns: spec.tensors.iter().map(|tensor| tensor.shape[0]).collect(),
            },
            _ => UpdateRule::Adam,
        }
    }
}
