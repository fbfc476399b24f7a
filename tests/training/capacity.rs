//! What is refused because it is too large.

use unnoise::{
    backend::WebGpu,
    error::Error,
    model::UNetConfig,
    train::{Config, Trainer},
};

fn config(size: usize, widths: &[usize], batch_size: usize) -> Config {
    let mut config = Config::for_size(size);
    config.unet = UNetConfig::with_widths(widths.to_vec());
    config.training.batch_size = batch_size;
    config
}

#[test]
fn what_no_buffer_can_hold_is_refused_before_anything_is_made() {
    let config = config(256, &[256, 256, 256], 1024);
    match Trainer::<WebGpu>::new(config, Default::default()) {
        Err(error @ Error::TooLarge { .. }) => {
            let text = error.to_string();
            assert!(text.contains("Lower"), "{text}");
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was made"),
    }
}
