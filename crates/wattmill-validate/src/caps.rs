//! Power caps that rows were measured under.

use wattmill_factory::PowerCap;
use wattmill_units::Power;

use crate::outcome::Reason;
use crate::table::Row;

/// Caps of submissions to MLPerf: system, model, W an accelerator. NVIDIA's own configurations of the
/// submission state it (`power_limit` in closed/NVIDIA/configs of mlcommons/inference_results_v4.1).
const SUBMITTED: &[(&str, &str, f64)] = &[("H200-SXM-141GBx8_TRT_MaxQ", "llama-2-70b", 500.0)];

/// What the row says in the column `power_cap_w`.
pub(crate) fn stated(row: &Row<'_>) -> Option<PowerCap> {
    row.number("power_cap_w").map(|watts| PowerCap::Watts(Power::from_watts(watts)))
}

/// The cap of a submission to MLPerf of `model`: as the row says, or as its submitter does.
///
/// # Errors
/// A row in another power mode than the usual, of which no cap is known.
pub(crate) fn submitted(row: &Row<'_>, model: &str) -> Result<Option<PowerCap>, Reason> {
    if let Some(cap) = stated(row) {
        return Ok(Some(cap));
    }
    let system = row.text("system").unwrap_or_default();
    let known = SUBMITTED.iter().find(|(name, of, _)| *name == system && *of == model);
    let mode = row.text("power_mode").unwrap_or("default");
    match known {
        Some((.., watts)) => Ok(Some(PowerCap::Watts(Power::from_watts(*watts)))),
        None if mode == "default" => Ok(None),
        None => Err(Reason::Unsupported(format!(
            "the power limit of `{mode}` is not stated; add it as `power_cap_w`"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;

    #[test]
    fn a_cap_is_stated_known_or_missing() {
        let header = "model,scenario,gpu,n_gpus,mean_w_core90,power_mode,system,power_cap_w";
        let said = |end: &str| {
            let text = format!("{header}\nllama2-70b,Offline,H200-SXM,8,5828,{end}\n");
            let table = Table::read(&text).unwrap();
            let row = table.rows().next().unwrap();
            submitted(&row, "llama-2-70b").map(|cap| cap.map(|cap| cap.to_string()))
        };
        assert_eq!(said("MaxQ,H200-SXM-141GBx8_TRT_MaxQ,"), Ok(Some("500 W".to_owned())));
        assert_eq!(said("MaxQ,another,400"), Ok(Some("400 W".to_owned())));
        assert_eq!(said("default,another,"), Ok(None));
        let why = said("MaxQ,another,").unwrap_err().to_string();
        assert_eq!(why, "the power limit of `MaxQ` is not stated; add it as `power_cap_w`");
    }
}
