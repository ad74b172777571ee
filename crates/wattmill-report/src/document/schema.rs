//! Schemas of the documents.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

use super::{
    calibrate, catalog, check, comparison, day, explain, holding, replay, run, saturation, serve,
    sweep, train, validate, zoom,
};

/// JSON Schemas (draft 2020-12) of every document, by the name of the command that prints it.
///
/// A document keeps to its schema but for numbers that are not finite, which would be a fault of the
/// program: they are null.
///
/// ```
/// let schemas = wattmill_report::output_schemas();
/// assert_eq!(schemas["run"]["properties"]["schema"]["const"], "wattmill.run/1");
/// ```
pub fn output_schemas() -> Value {
    Value::Object(
        [
            schema::<run::Run>("run", run::SCHEMA),
            schema::<comparison::Compare>("compare", comparison::SCHEMA),
            schema::<sweep::Sweep>("sweep", sweep::SCHEMA),
            schema::<replay::Replay>("replay", replay::SCHEMA),
            schema::<saturation::Saturation>("replay --saturate", saturation::SCHEMA),
            schema::<serve::Serve>("serve", serve::SCHEMA),
            schema::<explain::Explain>("explain", explain::SCHEMA),
            schema::<zoom::Zoom>("zoom", zoom::SCHEMA),
            schema::<train::Train>("train", train::SCHEMA),
            schema::<validate::Validate>("validate", validate::SCHEMA),
            schema::<calibrate::Calibrate>("calibrate", calibrate::SCHEMA),
            schema::<day::Day>("bench day", day::SCHEMA),
            schema::<check::Check>("check", check::SCHEMA),
            schema::<holding::Gigawatt>("gigawatt", holding::SCHEMA),
            schema::<catalog::Document>("catalog", catalog::SCHEMA),
        ]
        .into_iter()
        .collect(),
    )
}

fn schema<T: JsonSchema>(name: &str, id: &str) -> (String, Value) {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    schema["title"] = json!(format!("wattmill {name} --json"));
    schema["properties"]["schema"]["const"] = json!(id);
    (name.to_owned(), schema)
}
