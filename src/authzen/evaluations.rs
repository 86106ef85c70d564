//! Access Evaluations (sections 6 and 7): one request, or several in one body.

use serde::{Serialize, Serializer};

use super::{Answer, BadRequest, body, object, readers, wrong_type};
use crate::decision::Decision;
use crate::limits;
use crate::request::{Request, RequestError, Source};
use crate::value::{Attributes, Value};

/// Members of an evaluation that the body's top level gives a default for. A default is inherited whole.
const INHERITED: [&str; 4] = ["subject", "action", "resource", "context"];

/// The requests of one body: a single evaluation, or up to [`limits::EVALUATIONS`] of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluations {
    defaults: Attributes,
    /// Empty for a single evaluation, which is `defaults` alone.
    items: Vec<Value>,
    semantic: Semantic,
    source: Source,
}

/// When to stop (section 7.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Semantic {
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

/// The answer to [`Evaluations`]: `{"decision": …}` for a single one, `{"evaluations": […]}` for several, in
/// their order and as far as they were evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluationsAnswer {
    answers: Vec<Answer>,
    /// Whether the body had `evaluations`.
    several: bool,
}

impl Evaluations {
    readers!("a body of the evaluation or the evaluations endpoint");

    fn read(text: &[u8], source: Source) -> Result<Self, BadRequest> {
        let mut body = body(text)?;
        let items = match body.remove("evaluations") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::List(items)) => items,
            Some(other) => return Err(wrong_type("evaluations", "a list", &other).into()),
        };
        if items.len() > limits::EVALUATIONS {
            return Err(BadRequest::TooManyEvaluations { found: items.len() });
        }
        let semantic = Semantic::of(object(&mut body, "options")?)?;
        let evaluations = Self { defaults: body, items, semantic, source };
        if evaluations.items.is_empty() {
            Request::from_members(evaluations.defaults.clone(), source)?;
        }
        Ok(evaluations)
    }

    /// Decides the requests one after another and stops where the body's semantic says so.
    ///
    /// An evaluation that is no request is answered by `false` with the error in its context, and is a denial
    /// to the semantic (section 7.2.1). Hand the request on with what the host attests.
    #[must_use]
    pub fn decide(&self, mut ask: impl FnMut(&Request) -> Decision) -> EvaluationsAnswer {
        self.answer(|request| Answer::new(request, &ask(request)))
    }

    /// Answers the requests as [`decide`](Self::decide) does, each in a way of the host's, such as
    /// [`AccessRequests::answer`](super::AccessRequests::answer).
    #[must_use]
    pub fn answer(&self, mut ask: impl FnMut(&Request) -> Answer) -> EvaluationsAnswer {
        let mut answer = |request: Result<Request, RequestError>| match request {
            Ok(request) => ask(&request),
            Err(error) => Answer::refused(&error),
        };
        if self.items.is_empty() {
            let single = answer(Request::from_members(self.defaults.clone(), self.source));
            return EvaluationsAnswer { answers: vec![single], several: false };
        }
        let mut answers = Vec::new();
        for (index, item) in self.items.iter().enumerate() {
            let answer = answer(self.request(index, item));
            let permitted = answer.decision();
            answers.push(answer);
            match self.semantic {
                Semantic::DenyOnFirstDeny if !permitted => break,
                Semantic::PermitOnFirstPermit if permitted => break,
                _ => {}
            }
        }
        EvaluationsAnswer { answers, several: true }
    }

    fn request(&self, index: usize, item: &Value) -> Result<Request, RequestError> {
        let Value::Map(item) = item else {
            return Err(wrong_type(&format!("evaluations[{index}]"), "an object", item));
        };
        let mut members = item.clone();
        for name in INHERITED {
            if members.get(name).is_none()
                && let Some(value) = self.defaults.get(name)
            {
                members.insert(name, value.clone());
            }
        }
        Request::from_members(members, self.source)
    }
}

impl Semantic {
    fn of(options: Option<Attributes>) -> Result<Self, BadRequest> {
        let Some(named) = options.and_then(|mut options| options.remove("evaluations_semantic")) else {
            return Ok(Self::ExecuteAll);
        };
        match &named {
            Value::String(name) => match name.as_str() {
                "execute_all" => Ok(Self::ExecuteAll),
                "deny_on_first_deny" => Ok(Self::DenyOnFirstDeny),
                "permit_on_first_permit" => Ok(Self::PermitOnFirstPermit),
                _ => Err(BadRequest::UnknownSemantic { found: name.clone() }),
            },
            other => Err(wrong_type("options.evaluations_semantic", "a string", other).into()),
        }
    }
}

impl EvaluationsAnswer {
    /// Iterates over the answers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Answer> {
        self.answers.iter()
    }

    /// Counts what is permitted.
    #[must_use]
    pub fn permitted(&self) -> usize {
        self.iter().filter(|answer| answer.decision()).count()
    }
}

impl Serialize for EvaluationsAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Several<'a> {
            evaluations: &'a [Answer],
        }
        match self.answers.as_slice() {
            [single] if !self.several => single.serialize(serializer),
            answers => Several { evaluations: answers }.serialize(serializer),
        }
    }
}
