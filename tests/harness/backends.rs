//! Tests of what must be true of both backends.

/// Makes two tests of each named function, one with each backend: `in_s3::NAME` and `in_files::NAME`. The functions are async,
/// and take [`Bytes`](crate::Bytes) alone.
///
/// It is a macro because libtest finds tests by an attribute, which no function can give.
#[macro_export]
macro_rules! on_s3_and_files {
    ($($name:ident),+ $(,)?) => {
        mod in_s3 {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name($crate::Bytes::S3).await;
                }
            )+
        }

        mod in_files {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name($crate::Bytes::Files).await;
                }
            )+
        }
    };
}
