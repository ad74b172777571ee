//! Keys of how a model is laid out and batched.

use super::{
    BANDWIDTH, Kind, Limits, MEASURED_ONCE, POWER, PRECISION, SHARE, SHARE_OF_SOME, Table,
    defaulted, optional, required,
};

pub(in super::super) static SPECULATION: Table = Table {
    name: "service.engine.speculation",
    doc: "Speculative decoding. In a round every sequence's next tokens are guessed, then the model \
          verifies them all at once and adds one of its own.",
    catalogue_row: false,
    certain: MEASURED_ONCE,
    keys: &[
        required(
            "draft_tokens",
            Kind::Whole(Limits::within("1", "64")),
            "3",
            "Tokens guessed in a round.",
        ),
        required(
            "acceptance",
            SHARE,
            "0.8",
            "Probability that a guess is right if those before it are.",
        ),
        defaulted(
            "draft",
            Kind::Choice(&["layer", "lookup"]),
            ("layer", "what DeepSeek's MTP and EAGLE do"),
            r#""lookup""#,
            "Who guesses: a module of one layer and the output head, or, for nothing, the prompt.",
        ),
    ],
};

pub(in super::super) static ENGINE: Table = Table {
    name: "service.engine",
    doc: "One layout, on every kind of machine. A replica takes \
          `tensor × data_attention × context × pipeline` accelerators.",
    catalogue_row: false,
    certain: MEASURED_ONCE,
    keys: &[
        defaulted(
            "tensor",
            Kind::Whole(Limits::within("1", "4096")),
            ("1", "one accelerator"),
            "8",
            "Tensor parallel degree.",
        ),
        defaulted(
            "pipeline",
            Kind::Whole(Limits::within("1", "4096")),
            ("1", "one stage"),
            "2",
            "Pipeline parallel degree.",
        ),
        defaulted(
            "expert",
            Kind::Whole(Limits::within("1", "4096")),
            ("1", "experts are split by tensor parallelism"),
            "8",
            "Expert parallel degree. Divides `tensor × data_attention × context`.",
        ),
        defaulted(
            "data_attention",
            Kind::Whole(Limits::within("1", "4096")),
            ("1", "one group"),
            "8",
            "Attention data parallel degree.",
        ),
        defaulted(
            "context",
            Kind::Whole(Limits::within("1", "4096")),
            ("1", "one rank has all of a sequence"),
            "8",
            "Context parallel degree: ranks that share the tokens of every prompt and the cache of every \
             sequence. For long prompts; decoding passes every token on every rank.",
        ),
        defaulted(
            "flavour",
            Kind::Choice(&["vllm", "sglang", "trtllm"]),
            ("vllm", "the most widely used"),
            r#""trtllm""#,
            "The software whose scheduling and overheads the engine has. vLLM (0.9 to 0.19) decodes and \
             prefills in one step and admits down to a watermark; SGLang (0.4 to 0.5) takes prompts first \
             and keeps room for a tenth of the answers; TensorRT-LLM (1.0) mixes, keeps room for whole \
             answers and evicts nobody.",
        ),
        required(
            "precision",
            PRECISION,
            r#""fp8""#,
            "Format of weights and matrix multiplications.",
        ),
        defaulted(
            "kv_precision",
            Kind::Choice(&["bf16", "fp8"]),
            ("bf16", "what engines do unless told"),
            r#""fp8""#,
            "Format of the KV cache.",
        ),
        defaulted(
            "max_seqs",
            Kind::Whole(Limits::within("1", "1048576")),
            ("1024", "usual engine limit"),
            "512",
            "Most sequences in the batch of one replica.",
        ),
        defaulted(
            "max_tokens",
            Kind::Whole(Limits::within("1", "16777216")),
            ("8192", "usual engine limit"),
            "8192",
            "Most tokens in one step of one replica, decodes and prefill chunks together.",
        ),
        defaulted(
            "block_tokens",
            Kind::Whole(Limits::within("1", "65536")),
            ("16", "usual engine block"),
            "16",
            "Tokens in one KV block.",
        ),
        defaulted(
            "memory_fraction",
            SHARE_OF_SOME,
            ("0.9", "usual engine setting"),
            "0.9",
            "Fraction of an accelerator's memory the engine may use.",
        ),
        optional(
            "power_cap",
            Kind::Either(&[POWER, SHARE_OF_SOME]),
            r#""500 W""#,
            "What each accelerator may draw, or the share of its own limit. Below that limit the clock \
             falls: compute slows, memory does not.",
        ),
        defaulted(
            "expert_imbalance",
            Kind::Number(Limits::within("1", "4096")),
            ("1", "as even as the kernels that were measured"),
            "1.3",
            "Tokens of the busiest of the accelerators that share the experts over those of the mean one; \
             all wait for it.",
        ),
        defaulted(
            "preemption",
            Kind::Choice(&["recompute", "swap"]),
            ("recompute", "what engines do unless told"),
            r#""swap""#,
            "What becomes of the cache of a sequence whose blocks others need: dropped and computed again, \
             or moved to host memory and back.",
        ),
        optional(
            "host_link",
            BANDWIDTH,
            r#""450 GB/s""#,
            "With `preemption = \"swap\"`: what each accelerator's link to host memory carries one way. \
             Left out: 50 GB/s, what PCIe 5.0 gives of its 63 [E].",
        ),
        optional(
            "speculation",
            Kind::Table(&SPECULATION),
            "{ draft_tokens = 1, acceptance = 0.85 }",
            "Tokens guessed ahead and verified together: speculative decoding, multi-token prediction.",
        ),
    ],
};
