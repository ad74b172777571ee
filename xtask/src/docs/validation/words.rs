//! What the document says in sentences.

pub(super) const INTRODUCTION: &str = "\
<!-- Generated from the code by `cargo xtask docs`; do not edit. -->

# How far to believe it

Every answer of Wattmill is a model's. This page says what it was fitted to, how far it is from what was
measured, and what is known to be wrong. Answers carry the same figures with them: `TPOT 12.3 ms (11.1 to
14.0 in 80 % of measurements of this kind; 290 rows, median 12.4)`.

* An **error** is |predicted / measured − 1|; median, mean and 90 % quantile are of these, quantiles
  linear between ranks. **Bias** is the median of predicted / measured − 1: above 0, the model says more.
* An **interval** is from the first to the ninth decile of measured / predicted, of measurements of the
  same kind of answer, chip family and engine, times the answer. Where fewer than 20 are known, those of
  the engine on all families or of the family with all engines stand in.
* **Outside the calibrated range**: an operator of the step is larger or smaller than any that was timed,
  or nobody measured this engine on this chip family. The logarithm of the interval is then half as wide
  again; by how much is an estimate, from Hopper's constants on Blackwell's rows and the other way round.
* **Headline**: rows whose conditions are fully known and that were read at their source.

Predict the figures below, or a table of your own, with `wattmill validate`.
";

pub(super) const MADE: &str = "\
## How the figures were made

Three things were fitted, each to measurements of its own kind, none to a single row:

1. **Operator surfaces**, by chip family, operator and number format, to kernels timed alone on one GPU or
   one scale-up domain (AIConfigurator's tables, 64 thousand timings). A closed form of work over peaks,
   times a correction between the knots of a small grid. It scales with the peaks of a chip, so that it
   serves every chip of the family. *Unseen* in the table below: each fifth of the shapes predicted from
   the other four.
2. **Engines' constants**, sixteen by chip family and engine, to measured serving, with the surfaces held:
   what scheduling, launches and small kernels add, how far kernels inside an engine are from kernels
   alone, and what stands between a client and the engine. Leaving the value that every fit starts from
   costs as much as missing a row, so that a few rows cannot bend a constant; TPOT weighs twice as much
   as TTFT; a group of more than 160 rows is thinned evenly, one of fewer than 12 is not fitted.
3. **Training's constants**, by chip family and software stack, to published step times.

**Campaigns.** Constants with a campaign behind the engine's name are of the engine as that campaign ran
it: MLPerf's submitters drive a tuned engine without a server, throughput tables come from the engine's
own benchmark, ML.ENERGY, the long prompts and Splitwise ran versions of their own. Only the plain names
are used for answers; campaigns serve to tell the model's error from a different set-up's. The one
exception is energy: ML.ENERGY alone measured power by batch, and its residuals stand behind the energy
of a token.

**What predicts a row.** Serving rows are simulated request by request at their concurrency, ten requests
a client, with the lengths their source drew. Maximum-load rows are the steady state of a full batch;
servers under a latency limit the highest rate that a search finds.
";

pub(super) const BUILT_IN: &str = "\
## The built-in figures

A sample of every collection, taken by place and not by result
(`crates/wattmill-catalog/data/measured`). All figures are headline rows.
";

pub(super) const PICTURES: &str = "\
Predicted against measured; on the line both are equal, dotted: 20 % less and more.

![Time to first token](validation-ttft.svg)

![Time per output token](validation-tpot.svg)

![MLPerf Inference, output tokens a second of one accelerator](validation-throughput.svg)

![Training steps](validation-training.svg)
";

pub(super) const RESIDUALS: &str = "\
## Residuals by kind of answer

Measured over predicted, all headline rows of all collections: what intervals are taken from. *Unseen
models*: the same with constants fitted without the row's model; it is used where the model asked for is
not among the rows.
";

pub(super) const LEFT_OUT: &str = "\
## Models and chips that were left out

Serving predicted by constants that saw no row of the same model, and then of the same chip: what to
expect of those that nobody measured. A new chip of a known family is the harder of the two.
";

pub(super) const TRAINING: &str = "\
## Training

Step times by chip family and software stack: the error of the fit, and deciles of measured over
predicted.
";

pub(super) const SURFACES: &str = "\
## Operator surfaces

Every surface with the rows it was fitted to, its error on them, and its error on shapes it had not seen.
Families that are not listed borrow surfaces, and answers on them are outside the calibrated range.
";

pub(super) const CONSTANTS: &str = "\
## Engines' constants

Sixteen for each chip family and engine; the value of one that no row speaks of stays where the fit starts.
";
