//! Connections: taken, bounded in time, and let finish when the service stops.

use axum::Router;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::{Service, ServiceExt};

/// Connections held open at once. Each costs a few KiB; more than these are left waiting in line.
const CONNECTIONS_MAX: usize = 4_096;
/// How long a browser may take to send the head of a request.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// Largest head of a request, in bytes.
const HEAD_MAX: usize = 32 * 1024;
/// How long requests under way may go on when the service stops.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Serves until `stop` is done, then lets requests under way finish.
///
/// # Errors
/// None at present; a connection that cannot be taken is logged and passed over.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut stop = std::pin::pin!(stop);
    loop {
        let place = Arc::clone(&places).acquire_owned().await.map_err(std::io::Error::other)?;
        let (stream, peer) = tokio::select! {
            taken = listener.accept() => match taken {
                Ok(taken) => taken,
                Err(error) => {
                    // Out of file handles, most likely: wait a moment instead of spinning.
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let answer = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let mut request = request.map(axum::body::Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            let mut router = router.clone();
            async move { ServiceExt::<axum::extract::Request>::ready(&mut router).await?.call(request).await }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_LIMIT)
            .max_buf_size(HEAD_MAX)
            .serve_connection(TokioIo::new(stream), answer);
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            // A connection that breaks is the browser's business; what it asked for runs on by itself.
            let _ = watched.await;
            drop(place);
        });
    }
    let _ = tokio::time::timeout(STOP_LIMIT, graceful.shutdown()).await;
    Ok(())
}
