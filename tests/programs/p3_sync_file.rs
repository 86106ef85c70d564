//! A host with a file: resumes its log, submits, counts votes, signs, verifies, redeems.

use std::error::Error;
use std::fs;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use chrono::Utc;
use countersign::{
    Action, Attempt, Dialect, Gate, GrantVerifier, KeySet, Ledger, LedgerError, Outcome, Payload, Policy,
    Request, Resource, SigningKey, Stamp, Step, Subject, Vote,
};

struct Host {
    gate: Gate,
    ledger: Ledger,
    file: File,
    key: SigningKey,
}

impl Host {
    fn open(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let gate = Gate::new(Policy::from_toml(include_str!("p.toml"))?, "https://jit.example");
        let path = folder.join("audit.jsonl");
        let file = File::options().append(true).create(true).open(&path)?;
        let log = fs::read(&path)?;
        let ledger = match Ledger::resume("orders-gate", &log) {
            Err(LedgerError::TornTail { keep }) => {
                file.set_len(u64::try_from(keep)?)?;
                Ledger::resume("orders-gate", log.get(..keep).unwrap_or_default())?.ledger
            }
            resumed => resumed?.ledger,
        };
        let key = SigningKey::from_pem(&fs::read_to_string(folder.join("key.pem"))?)?;
        Ok(Self { gate, ledger, file, key })
    }

    fn store<T: 'static>(&mut self, step: Step<T>) -> Result<T, Box<dyn Error>> {
        let staged = self.ledger.stage(step)?;
        self.file.write_all(staged.lines())?;
        self.file.sync_data()?;
        Ok(staged.commit())
    }
}

/// Runs one approved statement and returns it.
pub fn main(folder: &Path) -> Result<String, Box<dyn Error>> {
    let mut host = Host::open(folder)?;
    let statement = Payload::sql(Dialect::PostgreSql, "DELETE FROM orders WHERE id = 7");
    let sql = Action::new("sql.execute").with_payload(statement);
    let orders = Resource::new("database", "orders").with("environment", "prod");
    let request =
        Request::new(Subject::new("user", "ana"), sql.clone(), orders.clone()).with_reason("stuck order");

    let mut outcome = host.store(host.gate.submit(request, stamp()))??;
    for approver in ["bo", "cy"] {
        if let Outcome::Review(review) = outcome {
            let vote = Vote::approve(Subject::new("user", approver).with("groups", ["sre"]));
            outcome = host.store(host.gate.vote(&review, vote, stamp()))??;
        }
    }
    let Outcome::Allow(authorization) = outcome else { return Ok(String::new()) };
    let grant = authorization.sign(&host.key);

    let verifier =
        GrantVerifier::new("https://jit.example", "database/orders", KeySet::new([host.key.public()]));
    let verified = verifier.verify(grant.token(), Attempt::new(sql, orders), Utc::now())?;
    let permit = host.store(host.gate.redeem(verified, stamp()))??;
    fs::write(folder.join("audit.checkpoint"), host.ledger.checkpoint().sign(&host.key))?;
    Ok(permit.payload().to_owned())
}

fn stamp() -> Stamp {
    Stamp::new(Utc::now(), crate::random())
}
