//! Speed of the CPU operators at the shapes of small transformers, on all threads: products in GFLOP/s, the rest in
//! milliseconds.

use kleiber_tensor::kernels::activation::{self, Activation};
use kleiber_tensor::kernels::attention::{self, Pattern, Shape};
use kleiber_tensor::kernels::{View, ViewMut, head, linear, norm, product};
use std::time::Instant;

fn milliseconds(mut f: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..7 {
        let start = Instant::now();
        f();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best * 1e3
}

fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919) % 101) as f32 * 0.02 - 1.0).collect()
}

fn operators(batch: usize, heads: usize, width: usize, classes: usize) {
    let context = 256;
    let (rows, model) = (batch * context, heads * width);
    let shape = Shape { batch, context, heads, groups: heads, width };
    let (packed, mut out, mut logs) = (numbers(rows * 3 * model), numbers(rows * model), numbers(rows * heads));
    let there = milliseconds(|| attention::forward(shape, &packed, &Pattern::default(), &mut out, &mut logs));
    let dout = numbers(rows * model);
    let back = milliseconds(|| drop(attention::backward(shape, &packed, &Pattern::default(), (&out, &logs), &dout)));
    println!("{rows} rows of {model}: attention {there:.2} and back {back:.2}");
    let (x, gain, mut y) = (numbers(rows * model), numbers(model), numbers(rows * model));
    let mut stats = vec![[0f32; 2]; rows];
    let there = milliseconds(|| norm::forward(norm::Norm::Rms, &x, &gain, None, 1e-5, &mut y, &mut stats));
    let mut dx = numbers(rows * model);
    let back = milliseconds(|| drop(norm::backward(norm::Norm::Rms, &x, &gain, &stats, &dout, &mut dx)));
    println!("  norm {there:.2} and back {back:.2}");
    let at = linear::Shape { rows, inputs: model, outputs: 4 * model };
    let (w, mut u, mut y) = (numbers(4 * model * model), numbers(rows * 4 * model), numbers(rows * 4 * model));
    let plain = milliseconds(|| linear::forward(at, &x, &w, None, None, &mut u));
    let there = milliseconds(|| linear::forward_activated(at, &x, &w, None, Activation::Gelu, &mut u, &mut y));
    let mut du = numbers(rows * 4 * model);
    let back = milliseconds(|| activation::backward(Activation::Gelu, &u, 4 * model, &y, &mut du));
    println!("  projection {plain:.2}, with GELU {there:.2}, GELU back {back:.2}");
    let (w, targets) = (numbers(classes * model), (0..rows).map(|i| (i % classes) as u32).collect::<Vec<_>>());
    let at = head::Shape { rows, width: model, classes };
    let both = milliseconds(|| drop(head::gradients(at, &x, &w, &targets)));
    println!("  head and back {both:.2}");
}

fn main() {
    operators(16, 4, 32, 4096);
    operators(8, 6, 64, 4096);
    // Rows, inputs, outputs of a projection.
    for (m, k, n) in [
        (2048, 384, 1152),
        (2048, 384, 384),
        (2048, 384, 1536),
        (2048, 1536, 384),
        (512, 384, 4096),
        (4096, 128, 512),
        (1024, 1024, 1024),
    ] {
        let (x, w, dy) = (numbers(m * k), numbers(n * k), numbers(m * n));
        let (mut y, mut dx, mut dw) = (numbers(m * n), numbers(m * k), numbers(n * k));
        let time = |f: &mut dyn FnMut()| {
            let mut best = f64::INFINITY;
            for _ in 0..7 {
                let start = Instant::now();
                f();
                best = best.min(start.elapsed().as_secs_f64());
            }
            2.0 * (m * k * n) as f64 / best / 1e9
        };
        let forward =
            time(&mut || product(ViewMut::new(&mut y, m, n), false, View::new(&x, m, k), View::new(&w, n, k).t()));
        let inputs =
            time(&mut || product(ViewMut::new(&mut dx, m, k), false, View::new(&dy, m, n), View::new(&w, n, k)));
        let weights =
            time(&mut || product(ViewMut::new(&mut dw, n, k), false, View::new(&dy, m, n).t(), View::new(&x, m, k)));
        println!("{m} x {k} -> {n}: forward {forward:.0}, inputs {inputs:.0}, weights {weights:.0}");
    }
}
