//! Reading tensors off the device.

use burn::tensor::{
    Tensor, TensorData, TensorMetadata, Transaction, backend::Backend, ops::FloatTensor,
};

use crate::{
    error::{Error, Result},
    ops::from_primitive,
};

/// The values of a tensor, row-major.
///
/// # Errors
/// [`Error::Device`] when the device was lost.
pub async fn read<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Result<Vec<f32>> {
    let data = tensor
        .into_data_async()
        .await
        .map_err(|error| Error::Device(error.into()))?;
    floats(data)
}

/// The values of many tensors of any rank, with one wait for the device.
///
/// # Errors
/// [`Error::Device`] when the device was lost.
pub async fn read_all<B: Backend>(tensors: Vec<FloatTensor<B>>) -> Result<Vec<Vec<f32>>> {
    let mut transaction = Transaction::<B>::default();
    for tensor in tensors {
        let count = tensor.shape().num_elements();
        let flat = from_primitive::<B, 1>(B::float_reshape(tensor, [count].into()));
        transaction = transaction.register(flat);
    }
    transaction
        .execute_async()
        .await
        .map_err(|error| Error::Device(error.into()))?
        .into_iter()
        .map(floats)
        .collect()
}

fn floats(data: TensorData) -> Result<Vec<f32>> {
    data.convert::<f32>()
        .to_vec()
        .map_err(|error| Error::Device(Box::from(format!("{error:?}"))))
}
