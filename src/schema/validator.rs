//! How schemas are read, and what checks values against them.

use std::sync::OnceLock;

use serde_json::Value;

use super::SchemaError;

/// The memory that one compiled pattern may take, in bytes.
const PATTERN_SIZE: usize = 1 << 20;

/// How schemas are read: draft 2020-12, formats checked, nothing fetched. Patterns are matched in linear time,
/// so that none can hang on a value; look-around and back-references are not known to them.
pub(super) fn options() -> jsonschema::ValidationOptions<'static> {
    let patterns = jsonschema::PatternOptions::regex().size_limit(PATTERN_SIZE);
    jsonschema::draft202012::options().offline().should_validate_formats(true).with_pattern_options(patterns)
}

/// What checks values against a schema, made when it is first needed.
#[derive(Debug, Default)]
pub(super) struct Lazy(OnceLock<Option<jsonschema::Validator>>);

impl Lazy {
    /// The validator; `None` where the schema is not a valid one.
    pub(super) fn of(&self, schema: &Value) -> Option<&jsonschema::Validator> {
        self.0.get_or_init(|| options().build(schema).ok()).as_ref()
    }

    /// Makes it now.
    ///
    /// # Errors
    /// Says where the schema is not a valid one.
    pub(super) fn build(&self, schema: &Value) -> Result<(), SchemaError> {
        let made = options().build(schema).map_err(|error| {
            SchemaError::new(error.instance_path().to_string(), error.masked().to_string())
        })?;
        // One that was made meanwhile is the same.
        let _ = self.0.set(Some(made));
        Ok(())
    }
}
