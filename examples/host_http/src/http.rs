//! The host over HTTP: what is accepted, how much of it and for how long.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use countersign::{Action, Attempt, Dialect, Outcome, Payload, Request, Resource, Review, Subject, Vote};
use serde::Deserialize;
use serde_json::{Value, json};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::host::{Host, HostError};
use crate::writer::WriteError;

/// Whoever signed in. A handler that takes it answers nobody else.
#[derive(Debug, Clone)]
pub struct SignedIn(pub Subject);

/// Returns every route. Another area of the host is merged here.
pub fn router(host: Arc<Host>) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/.well-known/jwks.json", get(keys))
        .route("/log/checkpoint", get(checkpoint))
        .route("/log/parent", get(parent))
        .route("/log/vkey", get(vkey))
        .route("/log/streams", get(streams))
        .route("/log/records", get(records))
        .route("/v1/requests", post(submit))
        .route("/v1/reviews", get(reviews))
        .route("/v1/reviews/{id}", get(review))
        .route("/v1/reviews/{id}/votes", post(vote))
        .route("/v1/reviews/{id}/withdraw", post(withdraw))
        .route("/v1/reviews/{id}/grant", post(grant))
        .route("/v1/redeem", post(redeem))
        .layer(RequestBodyLimitLayer::new(BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, PATIENCE))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .with_state(host)
}

impl FromRequestParts<Arc<Host>> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, host: &Arc<Host>) -> Result<Self, Response> {
        let bearer = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let person = bearer.and_then(|value| host.directory().signed_in(value.strip_prefix("Bearer ")?));
        person.map(Self).ok_or_else(|| {
            let scheme = [(header::WWW_AUTHENTICATE, "Bearer")];
            (StatusCode::UNAUTHORIZED, scheme, Json(json!({ "error": "sign in" }))).into_response()
        })
    }
}

impl IntoResponse for HostError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::UnknownReview => StatusCode::NOT_FOUND,
            Self::NoGrant | Self::Conflict(_) => StatusCode::CONFLICT,
            Self::NotYours | Self::Revoked | Self::Vote(_) | Self::Verify(_) => StatusCode::FORBIDDEN,
            Self::Write(WriteError::Ledger(_)) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Write(_) | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Review(_) | Self::Record(_) | Self::Config(_) | Self::Address(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        if status.is_server_error() {
            // What went wrong inside is for the operator.
            eprintln!("{self}");
            return (status, Json(json!({ "error": "try again later" }))).into_response();
        }
        (status, Json(json!({ "error": self.to_string() }))).into_response()
    }
}

async fn health(State(host): State<Arc<Host>>) -> Json<Value> {
    Json(json!({ "records": host.head().size(), "stream": host.stream() }))
}

async fn keys(State(host): State<Arc<Host>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/jwk-set+json")], host.key_set().to_jwks())
}

async fn checkpoint(State(host): State<Arc<Host>>) -> String {
    host.checkpoint()
}

async fn parent(State(host): State<Arc<Host>>) -> Response {
    host.parent_checkpoint()
        .await
        .map_or_else(|| StatusCode::NOT_FOUND.into_response(), IntoResponse::into_response)
}

async fn vkey(State(host): State<Arc<Host>>) -> Response {
    match host.log_key().to_vkey(host.stream()) {
        Ok(vkey) => vkey.into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn streams(State(host): State<Arc<Host>>, _who: SignedIn) -> Result<Json<Vec<String>>, HostError> {
    Ok(Json(host.store().streams().await?))
}

#[derive(Debug, Deserialize)]
struct From {
    stream: Option<String>,
    #[serde(default)]
    from: u64,
}

/// At most a thousand records as lines; whoever wants more asks from the next number on.
async fn records(
    State(host): State<Arc<Host>>,
    _who: SignedIn,
    Query(From { stream, from }): Query<From>,
) -> Result<impl IntoResponse, HostError> {
    let rows = host.store().since(stream.as_deref().unwrap_or(host.stream()), from).await?;
    let mut lines = Vec::new();
    for row in rows {
        lines.extend_from_slice(&row);
        lines.push(b'\n');
    }
    Ok(([(header::CONTENT_TYPE, "application/jsonl")], lines))
}

/// An AuthZEN request of a caller: who asks is who signed in, what a resource is the directory knows.
async fn submit(
    State(host): State<Arc<Host>>,
    SignedIn(who): SignedIn,
    body: axum::body::Bytes,
) -> Result<Response, HostError> {
    let request = match Request::from_caller_json(&body) {
        Ok(request) => request,
        Err(error) => return Ok(bad_request(&error.to_string())),
    };
    let known: Vec<Resource> = request
        .resources()
        .map(|resource| host.directory().resource(resource.kind(), resource.id()))
        .collect();
    let outcome = host.submit(request.with_subject(who).with_resources(known)).await?;
    Ok(Json(match outcome {
        Outcome::Allow(authorization) => {
            let decision = json!(authorization.decision());
            let grant = authorization.sign(host.signing_key());
            json!({ "decision": decision, "effect": "allow", "grant": grant.token() })
        }
        outcome => shown(&outcome),
    })
    .into_response())
}

async fn reviews(State(host): State<Arc<Host>>, SignedIn(who): SignedIn) -> Result<Json<Value>, HostError> {
    let reviews = host.open_reviews().await?;
    let summary: Vec<Value> = reviews
        .iter()
        .map(|review| {
            let mut summary = of_review(review);
            if let Some(members) = summary.as_object_mut() {
                members.insert("you_may_vote".to_owned(), (!review.eligible([&who]).is_empty()).into());
            }
            summary
        })
        .collect();
    Ok(Json(json!({ "reviews": summary })))
}

async fn review(
    State(host): State<Arc<Host>>,
    _who: SignedIn,
    Path(id): Path<String>,
) -> Result<Json<Value>, HostError> {
    Ok(Json(of_review(&host.review(&id).await?)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ballot {
    approve: bool,
    #[serde(default)]
    comment: String,
}

async fn vote(
    State(host): State<Arc<Host>>,
    SignedIn(who): SignedIn,
    Path(id): Path<String>,
    Json(Ballot { approve, comment }): Json<Ballot>,
) -> Result<Json<Value>, HostError> {
    let vote = if approve { Vote::approve(who) } else { Vote::reject(who) };
    let vote = if comment.is_empty() { vote } else { vote.with_comment(comment) };
    Ok(Json(shown(&host.vote(&id, vote).await?)))
}

async fn withdraw(
    State(host): State<Arc<Host>>,
    SignedIn(who): SignedIn,
    Path(id): Path<String>,
) -> Result<Json<Value>, HostError> {
    Ok(Json(shown(&host.withdraw(&id, &who).await?)))
}

async fn grant(
    State(host): State<Arc<Host>>,
    SignedIn(who): SignedIn,
    Path(id): Path<String>,
) -> Result<Json<Value>, HostError> {
    let grant = host.grant(&id, &who).await?;
    Ok(Json(json!({ "expires_at": grant.expires_at().to_rfc3339(), "grant": grant.token() })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Use {
    grant: String,
    action: String,
    sql: Option<String>,
    resource: Reference,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reference {
    r#type: String,
    id: String,
}

/// Takes a use and says what may run. A tool calls this right before it runs that.
async fn redeem(
    State(host): State<Arc<Host>>,
    _who: SignedIn,
    Json(asked): Json<Use>,
) -> Result<Json<Value>, HostError> {
    let action = Action::new(asked.action);
    let action = match asked.sql {
        Some(sql) => action.with_payload(Payload::sql(Dialect::PostgreSql, sql)),
        None => action,
    };
    let resource = Resource::new(asked.resource.r#type, asked.resource.id);
    let audience = resource.reference();
    let permit = host.redeem(&asked.grant, &audience, Attempt::new(action, resource)).await?;
    Ok(Json(json!({ "grant": permit.grant(), "run": permit.payload(), "subject": permit.subject() })))
}

fn shown(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Allow(authorization) => {
            json!({ "effect": "allow", "expires_at": authorization.expires_at().to_rfc3339() })
        }
        Outcome::Challenge(decision) => json!({ "decision": decision, "effect": "challenge" }),
        Outcome::Deny(decision) => json!({ "decision": decision, "effect": "deny" }),
        Outcome::Review(review) => {
            json!({ "decision": review.decision(), "effect": "review", "review": review.id() })
        }
    }
}

fn of_review(review: &Review) -> Value {
    let request = review.request();
    json!({
        "action": request.action().name(),
        "expires_at": review.expires_at().to_rfc3339(),
        "payload": request.action().payload().map(Payload::text),
        "resource": request.resource().reference(),
        "review": review.id(),
        "state": format!("{:?}", review.state()).to_lowercase(),
        "subject": request.subject().reference(),
    })
}

fn bad_request(error: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response()
}

/// Bytes of a body.
const BODY: usize = 1 << 20;

/// How long a caller waits at most.
const PATIENCE: Duration = Duration::from_secs(30);
