//! The future of a request.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use ::http::{HeaderValue, Response};
use pin_project_lite::pin_project;

use super::{
    SessionBody, SessionError, grpc,
    headers::Headers,
    request::{Place, RequestGuard},
};
use crate::{Finished, Outcome};

type Finishing = Pin<Box<dyn Future<Output = Finished> + Send>>;

pin_project! {
    /// Runs the request, then stores the changes to its session. Boxes nothing unless the session was used and its
    /// storage waits ([H7](crate::design#h7)).
    #[project = Projected]
    pub struct SessionFuture<F, B, E> {
        #[pin]
        state: State<F, B, E>,
    }
}

pin_project! {
    #[project = ProjectedState]
    enum State<F, B, E> {
        Running {
            #[pin]
            inner: F,
            request: Option<RequestGuard>,
            is_safe: bool,
        },
        Finishing {
            finishing: Finishing,
            answer: Option<(Result<Response<B>, E>, RequestGuard)>,
        },
        /// The layers are misconfigured; nothing runs.
        Refused {
            error: Option<SessionError>,
            // The content type of a call of gRPC.
            kind: Option<HeaderValue>,
        },
    }
}

impl<F, B, E> SessionFuture<F, B, E> {
    pub(super) const fn running(inner: F, request: RequestGuard, is_safe: bool) -> Self {
        Self { state: State::Running { inner, request: Some(request), is_safe } }
    }

    pub(super) fn refused(error: crate::Error, kind: Option<HeaderValue>) -> Self {
        Self { state: State::Refused { error: Some(error.into()), kind } }
    }
}

impl<F, B, E> Future for SessionFuture<F, B, E>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<SessionBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                ProjectedState::Running { inner, request, is_safe } => {
                    let answer = ready!(inner.poll(cx));
                    let Some(request) = request.take() else { return Poll::Pending };
                    let Some(exchange) = request.to_finish() else {
                        return Poll::Ready(answer.map(|response| response.map(SessionBody::inner)));
                    };
                    let outcome = outcome_of(*is_safe, &answer);
                    let place = request.place();
                    if let Some(finished) = exchange.finish_now(outcome, || place.request().client()) {
                        return Poll::Ready(deliver(place, finished, answer));
                    }
                    let (exchange, place) = (exchange.clone(), place.clone());
                    let finish = async move { exchange.finish(outcome, || place.request().client()).await };
                    let finishing = Box::pin(finish);
                    state.set(State::Finishing { finishing, answer: Some((answer, request)) });
                }
                ProjectedState::Finishing { finishing, answer } => {
                    let finished = ready!(finishing.as_mut().poll(cx));
                    let Some((answer, request)) = answer.take() else { return Poll::Pending };
                    return Poll::Ready(deliver(request.place(), finished, answer));
                }
                ProjectedState::Refused { error, kind } => {
                    let Some(error) = error.take() else { return Poll::Pending };
                    return Poll::Ready(Ok(grpc::answer(error, kind.take())));
                }
            }
        }
    }
}

/// What the inner service's response means for the session.
fn outcome_of<B, E>(is_safe: bool, answer: &Result<Response<B>, E>) -> Outcome {
    match answer {
        Ok(response) => {
            let status = grpc::http_status(response.headers()).unwrap_or_else(|| response.status().as_u16());
            Outcome::of_http(is_safe, status)
        }
        Err(_) => Outcome::Failed,
    }
}

/// Adds the session's headers to the response, or replaces it by an error.
fn deliver<B, E>(
    place: &Place,
    mut finished: Finished,
    answer: Result<Response<B>, E>,
) -> Result<Response<SessionBody<B>>, E> {
    let response = answer?;
    let mut response = match finished.error.take() {
        Some(error) => grpc::answer(error.into(), grpc::kind(response.headers()).cloned()),
        None => response.map(SessionBody::inner),
    };
    let custom = place.service().custom_header();
    place.deliver(&finished, &mut Headers { map: response.headers_mut(), custom });
    Ok(response)
}
