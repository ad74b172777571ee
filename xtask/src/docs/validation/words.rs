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
2. **Engines' constants**, seventeen by chip family and engine, to measured serving, with the surfaces held:
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

pub(super) const RUNS: &str = "\
## Runs, request by request

Two runs of vLLM 0.19 on RTX PRO 6000, 300 requests each at about ten a second, all of their arrivals, lengths
and times known (`requests.csv`): Llama-3.1-8B on one card, Qwen3-32B on two that have only PCIe between them.
The engine replays the arrivals, and the figures are of the run: mean time per token, mean time to the last
token, median and ninth decile of the time to the first.

In the table each run is predicted with constants that were fitted to the other one and to nothing else
(`cargo xtask calibrate runs`). The constants that the catalogue holds for `blackwell-workstation.vllm` were
fitted to both, so what `wattmill validate serving` says of these two runs with them is the error of a fit. What
comes from neither run: surfaces of multiplications and attention, from operators that the same source timed
alone on this card, and of messages over PCIe, from NCCL's own tests on cards of this kind. A run of one card says
nothing of messages, so the error of the run on two cards holds what its host's PCIe differs from those tests.

* Beside a prompt a decode's attention takes as long as a tile of about 128 rows for each query head, because
  FlashAttention 2 packs heads into a tile only where no sequence has more than one query; so on two cards, with
  half the heads and half the cache each, it shrinks like the heads.
* The engine's stamps begin when it takes a request in, which it does between steps: the rest of the step under
  way is not in them, and requests that came in that time carry the same times to the last digit. A prediction
  counts from the arrival; the difference is at most a step.
* vLLM schedules a step ahead: a request that comes alone waits for two steps before its own, and a seat that
  becomes free is filled a step later. The engine here starts it with the next step, so that short times to the
  first token at low load are predicted one step too short; the figures above, ruled by the queue, do not show it.
* Prompts are in no prefix cache here, and neither run fills its cache, so that they say nothing of admission by
  free blocks or of preemption.
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

Seventeen for each chip family and engine; the value of one that no row speaks of stays where the fit starts.
";

/// Written by hand from what `wattmill validate` says of every collection, by group and worst figure.
pub(super) const WRONG: &str = "\
## What is known to be wrong

From all rows of the collections (1,529 headline serving rows, 363 of MLPerf, 212 of throughput tables, 403 of
ML.ENERGY), worst groups first. Causes are what the rows suggest; nobody reran them. None of them was taken out
of a fit.

**Time to first token**

* *SGLang, DeepSeek-V3 in FP4 on B200*: 5 to 9 s at any concurrency, 4 included, where 0.5 to 2 s are
  predicted; the time per token is right within a few per cent. The same in FP8 is half of what is predicted.
  The two have to share constants, so one is too low and the other too high. A server that compiles, or
  captures graphs, while it is measured would look like this.
* *TensorRT-LLM, 1,024 in and 1,024 out on B200* (Llama-3.1-70B, one accelerator, FP4): 305 ms at a concurrency
  of 4, but 73 ms with 8,192 out, everything else and the time per token equal. The slow rows look like prompts of
  8k. TTFT of TensorRT-LLM is too low in the median because of them.
* *TensorRT-LLM where the cache is nearly full* (gpt-oss-120b on one H200 and Llama-3.1-70B on one B200 or H200,
  8,192 out, concurrency 64 or 128): 26 to 370 s, because requests queue for blocks; 0.2 to 130 s are predicted. Where
  memory runs out is known to a few per cent, and the queue behind it depends on just that.
* *TensorRT-LLM, DeepSeek-V3 split over H100*: 5 to 31 s, ten times the prediction, and a time per token 1.6 times
  it. Prompts and answers in separate pools are predicted without contention between the nodes; the time per
  token of split deployments is 10 % too low in the median, most on H100.
* *SGLang, Llama-3.1-8B in FP8 on H200*: 0.4 of the prediction on one accelerator, several times it on eight with long
  answers. All clients starting at once weighs more in the prediction than in the rows.
* *Long prompts* (MiniMax-M2.5, vLLM, 1k to 32k tokens, an experimental collection of one model on one node): 8 times
  the prediction, half a second for 1k at a concurrency of 8, while the time per token stays below 20 ms. Prompts run at
  4,000 tokens a second and accelerator, 4 % of the peak, and answers do not wait for them; no engine of the other
  collections is as slow with prompts. Do not use the predictions for such set-ups; the constants are a campaign's own and
  answer for nobody else.

**Time per token and throughput**

* *vLLM, Llama-3.1-8B in FP8 on H200*: half of the prediction with 2,000 in and 100 out. With 64 such
  requests in 1.1 s on one accelerator, prompts alone would take 95 % of the dense FP8 peak, more than any kernel timed
  alone reaches. Prompts were probably served from the prefix cache, which is not modelled.
* *ML.ENERGY, models of up to 30 G parameters answering long questions on B200*: 2.5 to 5 times the predicted step at small
  batches, at half the predicted power: the accelerator waits for its host. Hybrid models (Nemotron Nano) most: their state
  layers are priced by closed form and not by surfaces.
* *MLPerf, servers under a latency limit*: DeepSeek on B200 half of the prediction; Llama-2-70B on RTX PRO 6000 in two rows
  a twelfth: the limit is predicted to be out of reach, and submitters reach it. What a limit leaves is far more
  sensitive than what a full batch does.
* *L40S* (6 rows, 54 %) and *MI300X* (24 rows, 21 %): few rows of one model each. *H800* prefill with 32-way expert
  parallelism and perfectly balanced routing: twice the prediction, which has no overlap of two micro-batches.
* *gpt-oss-120b on H100, maximum load*: 0.4 of the prediction, and 1.5 times it on H200, with one set of constants. On
  H100 the weights leave little cache, and fewer sequences run than are predicted.

**Power and energy**

* ML.ENERGY's accelerators draw more than predicted at large batches on H100 and half of it where the host is slow, so
  energy of a token is too low by a quarter in the median. Its interval says so: the median is a third above the
  answer. Power is a
  share of the limit by arithmetic and by memory traffic, with two constants for a whole family.

**What is not checked at all**: anything on families without a surface (Rubin, TPU, Trainium, Groq), prefix caching, speculative decoding, and whole sites.
";
