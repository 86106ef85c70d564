//! The metadata document (section 9): where a decision point's endpoints are.

use serde::Serialize;

use super::access::https;

/// The document at `/.well-known/authzen-configuration`. An endpoint that is not offered is left out.
///
/// ```
/// use countersign::authzen::{Endpoint, Metadata};
///
/// let metadata = Metadata::new("https://jit.example/eu")?.with(Endpoint::Evaluation).with(Endpoint::SubjectSearch);
/// assert_eq!(metadata.well_known(), "/.well-known/authzen-configuration/eu");
/// assert_eq!(
///     serde_json::to_value(&metadata)?,
///     serde_json::json!({
///         "policy_decision_point": "https://jit.example/eu",
///         "access_evaluation_endpoint": "https://jit.example/eu/access/v1/evaluation",
///         "search_subject_endpoint": "https://jit.example/eu/access/v1/search/subject",
///     })
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Metadata {
    policy_decision_point: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_evaluation_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_evaluations_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    search_subject_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    search_resource_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    search_action_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_request_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    capabilities: Vec<String>,
}

/// An endpoint of the API, at its default path (section 10.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `/access/v1/evaluation`
    Evaluation,
    /// `/access/v1/evaluations`
    Evaluations,
    /// `/access/v1/search/subject`
    SubjectSearch,
    /// `/access/v1/search/resource`
    ResourceSearch,
    /// `/access/v1/search/action`
    ActionSearch,
    /// `/access/v1/requests`, of the Access Request and Approval Profile: it brings the profile's capability along.
    AccessRequest,
}

/// Why an address cannot name a decision point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` cannot name a decision point: expected `https://`, a host, and neither query nor fragment",
    crate::text::quote(found)
)]
pub struct MetadataError {
    found: String,
}

impl Metadata {
    /// Starts the document of the decision point at an address.
    ///
    /// # Errors
    ///
    /// [`MetadataError`] if the address is no `https` URL or has a query or a fragment (section 9.1.1).
    pub fn new(decision_point: &str) -> Result<Self, MetadataError> {
        let fault = || MetadataError { found: decision_point.to_owned() };
        if https(decision_point).is_none_or(|rest| rest.contains(['?', '#'])) {
            return Err(fault());
        }
        Ok(Self {
            policy_decision_point: decision_point.to_owned(),
            access_evaluation_endpoint: None,
            access_evaluations_endpoint: None,
            search_subject_endpoint: None,
            search_resource_endpoint: None,
            search_action_endpoint: None,
            access_request_endpoint: None,
            jwks_uri: None,
            capabilities: Vec::new(),
        })
    }

    /// Adds an endpoint that the host serves at its default path.
    #[must_use]
    pub fn with(mut self, endpoint: Endpoint) -> Self {
        let url = format!("{}{}", self.policy_decision_point.trim_end_matches('/'), endpoint.path());
        let place = match endpoint {
            Endpoint::Evaluation => &mut self.access_evaluation_endpoint,
            Endpoint::Evaluations => &mut self.access_evaluations_endpoint,
            Endpoint::SubjectSearch => &mut self.search_subject_endpoint,
            Endpoint::ResourceSearch => &mut self.search_resource_endpoint,
            Endpoint::ActionSearch => &mut self.search_action_endpoint,
            Endpoint::AccessRequest => {
                self.capabilities.push(CAPABILITY.to_owned());
                &mut self.access_request_endpoint
            }
        };
        *place = Some(url);
        self
    }

    /// Says where the keys are that grants and denials are verified with.
    #[must_use]
    pub fn with_keys_at(mut self, url: impl Into<String>) -> Self {
        self.jwks_uri = Some(url.into());
        self
    }

    /// Adds a capability by its registered name.
    #[must_use]
    pub fn with_capability(mut self, name: impl Into<String>) -> Self {
        self.capabilities.push(name.into());
        self
    }

    /// Returns the decision point and its access request endpoint, where its keys are published.
    pub(super) fn access_requests(&self) -> Option<(&str, &str)> {
        self.jwks_uri.as_ref()?;
        Some((&self.policy_decision_point, self.access_request_endpoint.as_ref()?))
    }

    /// Returns the path at which the document is served: the well-known part goes before the decision point's own
    /// path (RFC 8615; section 9.2).
    #[must_use]
    pub fn well_known(&self) -> String {
        let rest = self.policy_decision_point.trim_start_matches("https://");
        let path = rest.split_once('/').map_or("", |(_, path)| path).trim_end_matches('/');
        let separator = if path.is_empty() { "" } else { "/" };
        format!("/.well-known/authzen-configuration{separator}{path}")
    }
}

impl Endpoint {
    /// Returns the default path.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Evaluation => "/access/v1/evaluation",
            Self::Evaluations => "/access/v1/evaluations",
            Self::SubjectSearch => "/access/v1/search/subject",
            Self::ResourceSearch => "/access/v1/search/resource",
            Self::ActionSearch => "/access/v1/search/action",
            Self::AccessRequest => "/access/v1/requests",
        }
    }
}

const CAPABILITY: &str = "urn:openid:authzen:capability:access-request";
