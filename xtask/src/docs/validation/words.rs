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
   alone, and what stands between a client and the engine. An engine has constants of its own, and a chip
   family's differ from them. Leaving the usual value costs an engine, and leaving the engine's costs a
   family, as much for each 13 % as missing a row by a factor of e, so that rows of a single model, which
   are wrong together, do not bend what other models will be predicted with. TPOT weighs twice as much as
   TTFT. A family of fewer than 12 rows borrows. Campaigns, below, may follow their rows more closely.
3. **Training's constants**, by chip family and software stack, to published step times.

**Campaigns.** Servers in a closed loop and the engines' own throughput tables are predicted with the same
constants. Constants with a campaign behind the engine's name are of another engine under that name:
MLPerf's submitters drive tuned builds without a server (TensorRT's own, not TensorRT-LLM), ML.ENERGY, the long
prompts and Splitwise ran other versions. Only the plain names are used for answers, and a campaign's where
a family has none. The one exception is energy: ML.ENERGY alone measured power by batch, and its residuals
stand behind the energy of a token.

With one set of constants for all of them but the long prompts and Splitwise, fitted together, times per token of
servers were 7.3 % off in the median and 23.5 % in nine of ten rows, throughput tables 11 and 37 %, ML.ENERGY's energy
of a token 14 and 32 %, and MLPerf's rates 16 and 34 %. It is not what is used, because vLLM on Blackwell then takes after
the attention that ML.ENERGY ran there, twice as slow as kernels alone, and the two runs below, predicted from each
other, are 12 to 19 % off instead of 0.5.

**What predicts a row.** Serving rows are simulated request by request at their concurrency, ten requests
a client, with the lengths their source drew and the settings that their campaign's published scripts
say: tokens of a step, format and size of the cache, and how long prompts are held back. Maximum-load rows are the steady state of a full batch;
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

Serving points and throughput tables predicted by constants that saw no row of the same model, and then of
the same chip, in five folds each: what to expect of those that nobody measured. Both are fitted together, as
the catalogue's constants are, and the rates are those of both. An engine that lost all rows of a family takes what it
does on the other. How much loyalty constants owe, the one number chosen by these tables, was
varied from 0.3 to 16: from 2 up, errors hardly depend on it.
";

pub(super) const RUNS: &str = "\
## Runs, request by request

Two runs of vLLM 0.19 on RTX PRO 6000, 300 requests each at about ten a second, all of their arrivals, lengths
and times known (`requests.csv`): Llama-3.1-8B on one card, Qwen3-32B on two that have only PCIe between them.
The engine replays the arrivals, and the figures are of the run: mean time per token, mean time to the last
token, median and ninth decile of the time to the first.

In the table each run is predicted twice: with constants fitted to neither run, those of vLLM on `blackwell`, and with
constants fitted to the other run and to nothing else (`cargo xtask calibrate runs`; `wattmill validate serving` prints
the latter). Only those are results. The constants that the catalogue holds for `blackwell-workstation.vllm` were
fitted to both, so what `wattmill validate serving` says of the runs with them is the error of a fit.

* **Kernels.** Nobody timed any on this card. BF16 multiplications and attention are those of `ampere`, scaled by
  published peaks and bandwidth: this chip's cores multiply with instructions of the same kind, at about as many operations
  a clock and core. Seven constants are fitted to a run: what a step, a sequence and a step with prompts cost the host,
  and how far multiplications and attention are from those surfaces.
* **A known rule, not fitted**: vLLM's attention on this chip is FlashAttention 2, which packs the query heads of a key
  head into one tile only while no sequence of a step has more than one query. Beside a prompt every head of every
  decoding sequence takes a tile of 64 rows for itself (`decode_tile_rows`), at the rate of prompts.
* **Another**: vLLM schedules a step ahead from 0.14 on, so that who comes waits for the step after the next and a seat
  is filled a step later. It moves the mean time per token by 0.5 to 0.7 %, the rest by as little, because these
  runs are ruled by their queue.
* **Messages over PCIe** only the run on two cards could tell, so nothing of them is fitted to either. They are
  collectives of `blackwell` at the 64 GB/s of the card's PCIe 5.0 x16, times what vLLM's take against collectives
  alone on `blackwell` servers (`exposed`). That is what this costs: each tenth of their time is 2.4 % of the time per
  token of that run, and nearly as much of the other's, where it was fitted to that run. Were the collectives
  taken as they are timed alone (`exposed` of 1), times per token would be 14 % too short for the run on two cards and 12 %
  too long for that on one.
* **What was tried**, each with errors of the time per token of the run on one card, then of that on two, constants from
  the other run: surfaces of `blackwell` with tiles, +12 and -2 %; of `blackwell` without tiles, +5 and -7 %; of `ampere`
  without tiles, -3 and -3 %, where reading weights would have to take 1.4 times as long as on `ampere`; of `ampere`
  with tiles, -1 and -3 % while constants were twice as loyal. The surfaces were thus chosen knowing the scores;
  how loyal constants are is what `wattmill calibrate` holds them to.
* The engine's stamps begin when it takes a request in, which it does between steps: the rest of the step under
  way is not in them. A prediction counts from the arrival; the difference is at most a step.
* No prompt is cached, and neither run fills its cache: they say nothing of admission by free blocks or of
  preemption.
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

/// Written by hand from what `wattmill validate` says of every collection, by group and worst figure.
pub(super) const WRONG: &str = "\
## What is known to be wrong

From all rows of the collections (1,535 headline serving rows, 363 of MLPerf, 212 of throughput tables, 403 of
ML.ENERGY), worst groups first. Causes are what the rows suggest; nobody reran them. None of them was taken out
of a fit.

**Time to first token**, 17 % in the median and 58 % in nine of ten rows. Most rows beyond lack a cause and not a number.
What was taken for such a group before turned out to be a setting: with 1,024 tokens in and out InferenceX's scripts for
Llama-3.1-70B in TensorRT-LLM hold prompts back for 20 steps (305 ms at a concurrency of 4 where 73 ms come without), which
the 42 rows now follow to 5 % in the median. Four whose cache is full (67 to 369 s) are within 16 to 50 % since
TensorRT-LLM keeps room for whole answers. Choosing a step ahead, as engines do by now, was tried and predicts no
better: the latency that is fitted takes it up. Of the 154 rows
beyond 60 % the first three groups below are 86.

* *TensorRT-LLM, Llama-3.1-8B in BF16 on H100* (44 of 167 rows): with 8 clients 190, 320 and 550 ms for answers of 128, 256
  and 512 tokens, where 100 ms are predicted, as if one client always waited for another's answer to end: a server with one
  place less than clients would do that. With 64 and 128 on two to eight accelerators up to 2 s, at 9,000 tokens a
  second however many accelerators there are, as if whoever hands out tokens could do no more. Neither limit is stated, and
  Qwen3-32B in the same campaign shows neither.
* *SGLang, DeepSeek-V3 in FP4 on B200* (24 of 36): in runs of November 2025 7 to 9 s wherever the first prompts of all
  clients hold 32 thousand tokens or more, a second and less below, and 0.2 to 0.5 s in runs of March 2026; the time per
  token is right. One stall of 70 s in the first of ten rounds would look like this: something is compiled or
  captured while the clients wait. Since the fit cannot know, FP8 rows beside them carry 0.1 s too much.
* *vLLM, Llama-3.1-8B in FP8 on H200* (18 of 19): see below.
* *SGLang, Llama-3.1-8B in FP8 on H200* (11 of 44): with 512 clients and long answers 2 to 8 s, a tenth of the
  answers' whole time, as if 50 of 512 waited for a place. A limit of the server is not stated.
* *TensorRT-LLM, gpt-oss-120b on one H200* where the cache is nearly full (3 rows): 6 to 26 s, and 0.2 to 1.3 s are
  predicted, because all requests fit. Where memory runs out is known to a few per cent, and the queue depends on just that.
* *TensorRT-LLM, DeepSeek-V3 split over H100*: 5 to 31 s, ten times the prediction, and a time per token 1.3 times
  it. Prompts and answers in separate pools are predicted without contention between the nodes.
* *Long prompts* (MiniMax-M2.5, vLLM, 1k to 32k tokens, an experimental collection of one model on one node): 8 times
  the prediction, half a second for 1k at a concurrency of 8, while the time per token stays below 20 ms. Prompts run at
  4,000 tokens a second and accelerator, 4 % of the peak, and answers do not wait for them; no engine of the other
  collections is as slow with prompts. Do not use the predictions for such set-ups; the constants are a campaign's own and
  answer for nobody else.

**Time per token and throughput**

* *TensorRT-LLM, DeepSeek-V3 in FP8 on B200*, attention on each accelerator for itself: a quarter too fast. Experts in
  FP8 were timed on Hopper and on no Blackwell; in FP4 the same set-up is right.
* *vLLM, Llama-3.1-8B in FP8 on H200*: half of the prediction with 2,000 in and 100 out. With 64 such
  requests in 1.1 s on one accelerator, prompts alone would take 95 % of the dense FP8 peak, more than any kernel timed
  alone reaches. Prompts were probably served from the prefix cache, which is not modelled.
* *ML.ENERGY, models of up to 30 G parameters answering long questions on B200*: 2.5 to 5 times the predicted step at small
  batches, at half the predicted power: the accelerator waits for its host. Hybrid models (Nemotron Nano) most: their state
  layers are priced by closed form and not by surfaces.
* *MLPerf, DeepSeek on Blackwell*: what the submissions ran matters more than what was asked. Those of version 5.1
  (TensorRT 10.11, 6 machines) reach 0.7 of the prediction offline and 0.4 as servers. Of version 6.0 (10.14) four of six
  are at 1.2 to 1.4 offline and three at 1.01 as servers, on the same machines; the other two are at 0.7 and 1.06, and as
  servers at 0.4 to 0.9. Servers of 5.1 take 58 to 70 of the 80 ms allowed for a token while they make half as many of
  them: it is their steps that are slow, and not how they are loaded. One set of constants lies between.
* *MLPerf, servers under a latency limit*: what a limit leaves is far more sensitive than what a full batch does. On
  MI300X in the interactive scenario (2 rows) it is 0.4 of the prediction.
* *Llama-4-Scout at maximum load* (38 rows): 1.2 to 1.3 times the prediction on B200 and GB200, most with short answers;
  1.4 on H200, 0.9 on H100, in the same layout with the same kernels. Experts are priced as unevenly chosen as text chooses
  them, which matters most where one of sixteen is; the tables' prompts are random numbers.
* *L40S* (6 rows, 54 %) and *MI300X* (24 rows, 21 %): few rows of one model each. *H800* prefill with 32-way expert
  parallelism and perfectly balanced routing: twice the prediction, which has no overlap of two micro-batches.
* *gpt-oss-120b at maximum load*: half of the prediction on four H100 with attention on each for itself, 0.7 of it on
  H200 with answers of a thousand tokens and more; within 1 to 30 % on Blackwell.

**Power and energy**

Power is a share of the limit by arithmetic, memory traffic, messages and waiting, with eight constants for a whole
family (`crates/wattmill-catalog/data/power.toml`, which also says how far they are from their rows).

* *ML.ENERGY*: over all 518 rows energy of a token is 14 % off in the median and 39 % in the ninetieth percentile; over the
  403 headline rows 13 % and 32 %. H100 is at 10 % and 28 %. B200 is at 17 % and 38 %, and too low by 14 % in the median, because
  more tokens a second are predicted than were measured, not because less power is: in steps as long as the measured ones power
  is within 10 %. Where the host is slow (small models answering long questions on B200) power is twice the measured one and the
  rate several times it; the two nearly cancel in the energy of a token. Prompts of videos, whose length is a guess, are 74 % off.
* *Splitwise, A100*: 7 % in power, 9 % in energy of a token. Three rows with 8,192 tokens of prompt state a mean power of
  an idle accelerator beside a peak at the limit; they are in the figures.
* *Nodes in training* (MLPerf Training 4.0 and 4.1 with power, H100): the means of GPT-3 and of LoRA on one node are within 4 %, 95 % of readings too.
  Runs of LoRA of five minutes and less spend much of it in start-up and evaluation at a third of the power, which a steady step
  knows nothing of: they are 14 % too high in the median and count as outside. Dell's nodes draw 2.2 kW more in 95 % of readings
  than Supermicro's in the same job; one constant for all nodes of a family is 22 % too low for them.
* *Nodes in inference*: 1 % for H200 under a cap, 8 % for B200 with one model and 10 % with another: both of one submitter.
* **Power caps** follow a law, not a fit: arithmetic runs at the highest clock that keeps the cap, what the clock drives draws
  with clock times voltage squared, memory takes its time. Splitwise's capped H100 are 38 rows in which prompts take exactly 1.30
  times as long as without the cap and tokens exactly as long: a rule of their authors', of whose half of the limit we know from
  the paper. Where they say 1.30 the law says 1.14 in the median (1.03 to 1.25), and 1.01 for tokens. Of a prompt's arithmetic alone it
  says 1.34; what is left at its time are messages, two fifths of such a step on eight accelerators, and memory, neither of which
  that clock drives. The only capped results that were measured are four of one H200 node at
  500 W: its power is right within 1 %, but it makes 0.73 of the tokens a second that nodes without the cap made a year later, where
  the law says 0.92. Both say that caps cost more than predicted; one rule and one node are too little to fit a law to.
  An interval under a cap is wider, by a guess.

**What is not checked at all**: anything on families without a surface (Rubin, TPU, Trainium, Groq), prefix caching, speculative decoding, and whole sites.
";
