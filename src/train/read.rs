//! Reading tensors off the device. Whatever went wrong there before comes to light here.

use burn::tensor::{Tensor, TensorData, TensorMetadata, Transaction, ops::FloatTensor};

use crate::{
    error::{Error, Result},
    ops::{Kernels, from_primitive},
};

/// The values of a tensor, row-major.
///
/// # Errors
/// [`Error::Device`] when the device was lost or an operation failed on it.
pub async fn read<B: Kernels, const D: usize>(tensor: Tensor<B, D>) -> Result<Vec<f32>> {
    let data = tensor
        .into_data_async()
        .await
        .map_err(|error| Error::Device(error.into()))?;
    B::check_device()?;
    floats(data)
}

/// The values of many tensors of any rank, with one wait for the device.
///
/// # Errors
/// [`Error::Device`] when the device was lost or an operation failed on it.
pub async fn read_all<B: Kernels>(tensors: Vec<FloatTensor<B>>) -> Result<Vec<Vec<f32>>> {
    let mut transaction = Transaction::<B>::default();
    for tensor in tensors {
        let count = tensor.shape().num_elements();
        let flat = from_primitive::<B, 1>(B::float_reshape(tensor, [count].into()));
        transaction = transaction.register(flat);
    }
    let data = transaction
        .execute_async()
        .await
        .map_err(|error| Error::Device(error.into()))?;
    B::check_device()?;
    data.into_iter().map(floats).collect()
}

fn floats(data: TensorData) -> Result<Vec<f32>> {
    data.convert::<f32>()
        .to_vec()
        .map_err(|error| Error::Device(Box::from(format!("{error:?}"))))
}
