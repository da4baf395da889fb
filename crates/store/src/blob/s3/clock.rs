//! The time of S3's clock, from the answer to a request.

use std::sync::{Arc, Mutex};

use aws_sdk_s3::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::BeforeDeserializationInterceptorContextRef,
    },
    error::BoxError,
    primitives::{DateTime, DateTimeFormat},
};

/// Records the `Date` of the answer to a request.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock(Arc<Mutex<Option<DateTime>>>);

impl Clock {
    /// When S3 answered; `None` if the answer has no date.
    pub(super) fn time(&self) -> Option<DateTime> {
        *self.0.lock().ok()?
    }
}

impl Intercept for Clock {
    fn name(&self) -> &'static str {
        "cairn clock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|text| DateTime::from_str(text, DateTimeFormat::HttpDate).ok());
        if let Ok(mut time) = self.0.lock() {
            *time = date;
        }
        Ok(())
    }
}
