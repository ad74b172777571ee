//! What the adapters make of a row: what runs where, under which load, and what follows from that.

use wattmill_catalog::{Catalog, Precision};
use wattmill_factory::{Flavour, Layout};
use wattmill_validate::serving::{Pools, predict as predict_serving, resolve as resolve_serving};
use wattmill_validate::{Case, Effort, Metric, Reason, Spread, Table, predict, resolve};

const SERVING: &str = "model,gpu,backend,isl_tokens,osl_tokens,concurrency,ttft_ms,tpot_ms,\
                       precision_label,src_kind,mode,quality,batch_size,tp_size,attention_dp_size,\
                       moe_ep_size,prefill_num_workers,prefill_tp_size,decode_num_workers,\
                       decode_tp_size\n";

fn table(header: &str, row: &str) -> Table {
    Table::read(&format!("{header}{row}\n")).expect("a sound table")
}

fn case(header: &str, row: &str) -> Result<Case<'static>, Reason> {
    let table = table(header, row);
    let row = table.rows().next().expect("a row");
    resolve(&row, table.kind(), Catalog::builtin())
}

fn serving(row: &str) -> wattmill_validate::serving::Case<'static> {
    let table = table(SERVING, row);
    let row = table.rows().next().expect("a row");
    resolve_serving(&row, table.kind(), Catalog::builtin()).expect("it resolves")
}

/// Predictions with the catalogue's own constants.
fn answer(header: &str, row: &str) -> Vec<(Metric, f64)> {
    let case = case(header, row).expect("it resolves");
    let efficiency = Catalog::builtin().efficiency(case.family()).expect("a family");
    predict(&case, efficiency, Effort::default()).expect("it predicts")
}

#[track_caller]
fn figure(figures: &[(Metric, f64)], metric: Metric) -> f64 {
    figures.iter().find(|(other, _)| *other == metric).expect("the metric is predicted").1
}

#[test]
fn a_serving_row_says_what_runs_where() {
    let case =
        serving("nvidia/DeepSeek-R1-NVFP4,B200,trtllm,4000,1000,224,1,1,fp4,x,agg,A,56,4,,4,,,,");
    // 56 in each of four attention groups, as the batch shows.
    let Pools::Together(deployment) = case.pools else { panic!("one pool") };
    let layout = Layout { expert: 4, data_attention: 4, ..Layout::tensor(1) };
    assert_eq!(deployment.spec.layout, layout);
    assert_eq!(deployment.spec.flavour, Flavour::Trtllm);
    assert_eq!(deployment.spec.precision, Precision::Fp4);
    assert_eq!((deployment.spec.max_seqs, case.concurrency), (224, 224));
    assert!(matches!(case.spread, Spread::Adrift(_)) && case.measured.headline);

    let replicas = serving("Qwen/Qwen3-32B,GB200,trtllm,900,500,448,1,1,fp4,x,agg,B,14,2,1,1,,,,");
    assert_eq!((replicas.concurrency, replicas.accelerators()), (14, 2));
    assert!(!replicas.measured.headline, "quality B");

    let inferencex = serving(
        "Qwen/Qwen3-32B,H100-SXM,vllm,900,500,8,1,1,,inferencex_csv_dump,agg,A,8,2,1,1,,,,",
    );
    assert_eq!(inferencex.spread, Spread::From(0.8));
    let Pools::Together(deployment) = inferencex.pools else { panic!("one pool") };
    assert_eq!(deployment.spec.precision, Precision::Bf16, "as it was published");
}

#[test]
fn campaigns_keep_their_clients_in_step_or_do_not() {
    let case = |isl: u32, source: &str| {
        serving(&format!(
            "llama-3.1-8b,H200-SXM,sglang,{isl},100,8,1,1,fp8,{source},agg,A,8,1,,,,,,"
        ))
    };
    let (binary, thousands) = (case(1024, "aic_gap_analysis"), case(1000, "aic_gap_analysis"));
    assert_eq!((binary.spread, binary.rounds), (Spread::Fixed, 10.0));
    assert!(matches!(thousands.spread, Spread::Adrift(_)) && thousands.rounds < 10.0);
    assert_eq!(case(1000, "x").spread, Spread::Fixed, "whoever else measures round numbers");

    let header = "model,gpu,backend,isl_tokens,osl_tokens,concurrency,ttft_ms,tpot_ms,src_kind,\
                  measured_date\n";
    let gathers = |engine: &str, date: &str| {
        let row = format!("llama-3.1-8b,h100,{engine},1024,64,4,1,1,inferencex_db_dump,{date}");
        match self::case(header, &row).expect("it resolves") {
            Case::Serving(case) => case.gathers,
            other => panic!("{other:?}"),
        }
    };
    assert!(gathers("trtllm", "2025-11-02") && gathers("vllm", ""));
    assert!(!gathers("sglang", "2026-03-25"), "its scripts say how often it looks");
}

#[test]
fn what_published_scripts_set_is_set() {
    let header = "model,gpu,backend,isl_tokens,osl_tokens,concurrency,ttft_ms,tpot_ms,src_kind,\
                  measured_date,tp_size,precision_label\n";
    let serving = |row: &str| match self::case(header, row).expect("it resolves") {
        Case::Serving(case) => case,
        other => panic!("{other:?}"),
    };
    let llama = |output: u32, source: &str| {
        let row =
            format!("llama-3.1-70b,B200,trtllm,1024,{output},16,1,1,{source},2025-10-29,2,fp8");
        (answer(header, &row), serving(&row))
    };
    let (held, case) = llama(1024, "inferencex_csv_dump");
    let spec = case.deployment().spec;
    assert_eq!((spec.max_tokens, spec.kv_precision), (16_384, Precision::Fp8));
    assert_eq!(case.held.map(|held| held.steps), Some(20.0));
    // TensorRT-LLM's share is of what is left for the cache, and weights come on top.
    assert!(spec.memory_fraction > 0.9 && spec.memory_fraction < 1.0, "{}", spec.memory_fraction);
    let (free, case) = llama(8192, "inferencex_csv_dump");
    assert_eq!(case.held, None);
    // Nine rounds in ten wait for nearly twenty steps.
    let steps =
        (figure(&held, Metric::Ttft) - figure(&free, Metric::Ttft)) / figure(&held, Metric::Tpot);
    assert!((12.0..20.0).contains(&steps), "{steps}");
    let (_, elsewhere) = llama(1024, "x");
    assert_eq!((elsewhere.held, elsewhere.deployment().spec.memory_fraction), (None, 0.9));
    let polled = |chip: &str, clients: u32| {
        let row = format!(
            "deepseek-v3,{chip},sglang,1024,1024,{clients},1,1,inferencex_db_dump,2026-03-25,8,fp8"
        );
        let case = serving(&row);
        (case.polled, case.gathers)
    };
    assert_eq!((polled("B200", 4), polled("B200", 16)), ((10, false), (30, false)));
    assert_eq!(polled("H200-SXM", 16), (1, false));
    let cache = |chip: &str| {
        let row = format!(
            "gpt-oss-120b,{chip},trtllm,1024,1024,4,1,1,inferencex_csv_dump,2025-11-02,1,fp4"
        );
        serving(&row).deployment().spec.kv_precision
    };
    assert_eq!((cache("B200"), cache("H200-SXM")), (Precision::Fp8, Precision::Bf16));
}

#[test]
fn prefill_and_decode_workers_share_the_requests() {
    let row = |prefill: u32, decode: u32| {
        let row = format!(
            "llama-3.1-70b,H100-SXM,vllm,8192,256,64,1,1,fp8,x,disagg,A,,,,,{prefill},8,{decode},8"
        );
        let case = serving(&row);
        assert_eq!(case.accelerators(), 8 * (prefill + decode));
        let efficiency = Catalog::builtin().efficiency("hopper").expect("hopper");
        let figures = predict_serving(&case, efficiency, Effort::default()).expect("it predicts");
        (figure(&figures, Metric::Ttft), figure(&figures, Metric::Tpot))
    };
    let (one, more_prefill, more_decode) = (row(1, 1), row(4, 1), row(1, 4));
    assert!(more_prefill.0 < 0.6 * one.0, "prompts wait less: {one:?} {more_prefill:?}");
    assert!(more_decode.1 <= one.1, "batches are smaller: {one:?} {more_decode:?}");
    // One prefill worker feeds a decode worker so slowly that it decodes almost alone.
    assert!(more_prefill.1 > one.1, "{one:?} {more_prefill:?}");
}

#[test]
fn more_under_way_takes_longer_and_yields_more() {
    let at = |concurrency: u32| {
        let row =
            format!("llama-3.1-8b,H100-SXM,vllm,1024,256,{concurrency},1,1,fp8,x,agg,A,,1,,,,,,");
        let figures = answer(SERVING, &row);
        [Metric::Ttft, Metric::Tpot, Metric::OutputRate].map(|metric| figure(&figures, metric))
    };
    let [few, many] = [at(4), at(64)];
    assert!(few[0] < many[0] && few[1] < many[1] && few[2] < many[2], "{few:?} {many:?}");
}

#[test]
fn fewer_rounds_come_close_to_all_of_them() {
    let case = serving(
        "llama-3.1-70b,H100-SXM,vllm,1024,512,32,1,1,fp8,inferencex_csv_dump,agg,A,,8,1,1,,,,",
    );
    let efficiency = Catalog::builtin().efficiency("hopper").expect("hopper");
    let at = |rounds| predict_serving(&case, efficiency, Effort { rounds }).expect("it predicts");
    let (few, all) = (at(4), at(10));
    for metric in [Metric::Ttft, Metric::Tpot] {
        let (few, all) = (figure(&few, metric), figure(&all, metric));
        assert!((few / all - 1.0).abs() < 0.15, "{metric}: {few} {all}");
    }
}

#[test]
fn submitters_take_the_smallest_roomy_layout() {
    let header = "model,scenario,gpu,n_gpus,output_tok_s,precision,software,osl_mean_tokens,\
                  slo_ttft_ms,slo_tpot_ms,division\n";
    let layout = |row: &str| match case(header, row) {
        Ok(Case::Mlperf(case)) => (case.deployment.spec.layout, case.replicas),
        other => panic!("{other:?}"),
    };
    let tensor = |row| (layout(row).0.tensor, layout(row).1);
    let trt = "TensorRT 10.11";
    let h100 = format!("llama2-70b-99.9,Offline,H100-SXM,8,1,fp8,{trt},291,,,closed");
    assert_eq!(tensor(&h100), (2, 4), "70 GB of weights do not fit 80 GB with a cache");
    let h200 = h100.replace("H100-SXM", "H200-SXM");
    assert_eq!(tensor(&h200), (1, 8));
    let deepseek = format!("deepseek-r1,Offline,B200,8,1,fp4,{trt},3750,,,closed");
    let (spread, _) = layout(&deepseek);
    assert_eq!((spread.tensor, spread.expert), (1, spread.data_attention));

    let server = format!("llama2-70b-99.9,Server,H200-SXM,8,1,fp8,{trt},291,,,closed");
    let missing = Reason::Missing { column: "slo_ttft_ms" };
    assert_eq!(case(header, &server).err(), Some(missing));
    // A server that keeps its limits yields no more than one that need not.
    let limited = server.replace(",,,closed", ",2000,200,closed");
    let rate = |row: &str| figure(&answer(header, row), Metric::OutputRate);
    let (limited, offline) = (rate(&limited), rate(&h200));
    assert!(limited < 1.05 * offline && limited > 0.3 * offline, "{limited} {offline}");
}

/// Nobody publishes it in FP8: what a table calls so multiplies MXFP4 weights in that.
#[test]
fn what_was_trained_in_mxfp4_is_served_from_it() {
    let format = |model: &str, label: &str| {
        let row = format!("{model},H200-SXM,trtllm,1024,1024,4,1,1,{label},x,agg,A,1,1,1,1,,,,");
        let Pools::Together(deployment) = serving(&row).pools else { panic!("one pool") };
        deployment.spec.precision
    };
    assert_eq!(format("gpt-oss-20b", "fp8"), Precision::Fp4);
    assert_eq!(format("gpt-oss-20b", ""), Precision::Fp4);
    assert_eq!(format("gpt-oss-20b", "bf16"), Precision::Bf16);
    assert_eq!(format("llama-3.1-70b", "fp8"), Precision::Fp8);
}

#[test]
fn throughput_rows_are_prompts_answers_or_both() {
    let header = "model,gpu,engine,mode,n_gpus,tp,precision_label,isl_tokens,osl_tokens,\
                  batch_per_gpu,output_tok_s_per_gpu,input_tok_s_per_gpu\n";
    let of = |rest: &str| answer(header, &format!("llama-3.1-8b,h100,TensorRT-LLM,{rest}"));
    let prompts = figure(&of("prefill,1,1,fp8,2048,,,,1"), Metric::InputRate);
    let answers = figure(&of("decode,1,1,fp8,1024,,128,1,"), Metric::OutputRate);
    let both = figure(&of("offline_max_throughput,1,1,fp8,1024,128,,1,"), Metric::OutputRate);
    // What prompts leave over: eight prompt tokens for each token of an answer.
    assert!(both < answers && both < prompts / 8.0, "{prompts} {answers} {both}");
    let unstated = case(header, "llama-3.1-8b,h100,TensorRT-LLM,decode,1,1,fp8,1024,,,1,");
    assert_eq!(unstated.err(), Some(Reason::Missing { column: "batch_per_gpu" }));
}

#[test]
fn energy_is_power_over_rate() {
    let header = "model,gpu,task,tp,avg_batch_size,osl_mean_tokens,itl_median_ms,\
                  avg_power_w_all_gpus,precision_label,n_gpus,output_tok_s_per_gpu,\
                  energy_per_token_j\n";
    let row = "llama-3.1-70b,H100-SXM,lm-arena-chat,4,63.6,400,30,1600,bfloat16,4,400,1";
    let figures = answer(header, row);
    let power = figure(&figures, Metric::AcceleratorPower);
    let rate = figure(&figures, Metric::OutputRate);
    let energy = figure(&figures, Metric::EnergyPerToken);
    assert!((energy * rate / power - 1.0).abs() < 1e-9, "{energy} {rate} {power}");
    assert!((70.0..=700.0).contains(&power), "between idle and the limit: {power}");
    // What a step gives the batch: the median step is shorter than the mean one, which has prompts.
    let step = figure(&figures, Metric::StepTime);
    assert!(64.0 / step * 1e3 / 4.0 > 0.9 * rate, "{step} {rate}");
    let images = row.replace("lm-arena-chat", "image-chat");
    assert!(!case(header, &images).expect("it resolves").measured().headline);
}

#[test]
fn phases_grow_with_prompts_and_batches() {
    let header = "model,hardware,tp,isl_tokens,batch_size,osl_tokens,prompt_time_ms_median,\
                  token_time_ms_median,average_power_frac_tdp_median\n";
    let times = |input: u32, batch: u32| {
        let row = format!("llama2-70b,h100-80gb,4,{input},{batch},128,1,1,0.5");
        let figures = answer(header, &row.replace("h100-80gb", "h100"));
        [figure(&figures, Metric::PromptTime), figure(&figures, Metric::StepTime)]
    };
    let [short, long, wide] = [times(512, 1), times(4096, 1), times(512, 8)];
    assert!(long[0] > 4.0 * short[0] && wide[0] > 4.0 * short[0], "{short:?} {long:?} {wide:?}");
    assert!(long[1] < 1.2 * short[1] && wide[1] < 2.0 * short[1], "{short:?} {long:?} {wide:?}");
    // Half the power: prompts take longer, tokens next to nothing; and it is outside the headline.
    let row = "llama2-70b,h100-pcap,4,4096,1,128,1,1,0.5";
    assert!(!case(header, row).expect("it resolves").measured().headline);
    let capped = answer(header, row);
    let slower = |metric, free: f64| figure(&capped, metric) / free;
    let (prompts, tokens) =
        (slower(Metric::PromptTime, long[0]), slower(Metric::StepTime, long[1]));
    assert!((1.02..1.5).contains(&prompts) && (1.0..1.05).contains(&tokens), "{prompts} {tokens}");
}
