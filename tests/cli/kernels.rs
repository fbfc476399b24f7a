//! `unnoise bench --kernels` and `--profile`.

use std::fs;

use serde_json::Value;

use crate::folder::Folder;

#[test]
fn launches_of_a_step_are_written_and_timed() {
    let folder = Folder::new("kernels");
    let config = r#"{ "size": 8,
        "unet": { "block_out_channels": [8, 8], "layers_per_block": 1, "norm_num_groups": 4 } }"#;
    fs::write(folder.path("config.json"), config).unwrap();
    let output = folder.output(
        "bench --backend webgpu --config config.json --batch-size 2 --steps 2 --queued \
         --kernels kernels --profile --json",
    );
    let report: Value = serde_json::from_str(&output).unwrap();
    let text = fs::read_to_string(folder.path("kernels/index.json")).unwrap();
    let index: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(index["batch_size"], 2);
    assert!(report["peak"]["gflops"].as_f64().unwrap() > 0.0);
    for kind in ["training", "denoising"] {
        let times = &report[kind];
        assert!(times["queued_ms"].as_f64().unwrap() > 0.0);
        let launches = index[kind]["launches"].as_u64().unwrap();
        assert_eq!(times["profile"]["launches"], launches);
        let mut order: Vec<u64> = Vec::new();
        for kernel in index[kind]["kernels"].as_array().unwrap() {
            let file = kernel["file"].as_str().unwrap();
            let source = fs::read_to_string(folder.path("kernels").join(file)).unwrap();
            let bindings = kernel["buffers"].as_array().unwrap().len();
            assert_eq!(source.matches("@binding(").count(), bindings, "{file}");
            assert!(source.contains("fn main("), "{file}");
            order.extend(
                kernel["order"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|place| place.as_u64().unwrap()),
            );
        }
        order.sort_unstable();
        assert_eq!(order, (0..launches).collect::<Vec<_>>());
        for kernel in times["profile"]["kernels"].as_array().unwrap() {
            assert!(kernel["us"].as_f64().unwrap() > 0.0, "{kernel}");
        }
    }
    // A convolution of 3 channels to 8 on 8 × 8 pixels, twice.
    let work = |kernel: &&Value| kernel["work"] == "forward 8x8 3>8 3x3 s1";
    let kernels = index["training"]["kernels"].as_array().unwrap();
    let first = kernels.iter().find(work).unwrap();
    assert_eq!(first["flops"], 2.0 * (2 * 64 * 9 * 3 * 8) as f64);
}

#[test]
fn options_for_a_gpu_are_refused_on_a_cpu() {
    let folder = Folder::new("kernels-cpu");
    for option in ["--profile", "--as-gpu", "--kernels kernels"] {
        folder.refuse(&format!("bench {option}"), "--backend webgpu");
        assert!(!folder.path("kernels").exists());
    }
}
