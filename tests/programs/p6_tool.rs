//! A tool far from the host: verifies a grant offline, takes a use, and runs what it was given for.

use std::cell::RefCell;
use std::collections::HashSet;
use std::error::Error;

use countersign::{Action, Attempt, Dialect, GrantVerifier, Payload, Resource};

#[derive(Default)]
pub struct Db {
    keys: RefCell<HashSet<String>>,
    pub executed: RefCell<Vec<String>>,
}

impl Db {
    fn insert_if_absent(
        &self,
        key: &str,
        _keep_until: chrono::DateTime<chrono::Utc>,
    ) -> Result<bool, Box<dyn Error>> {
        Ok(self.keys.borrow_mut().insert(key.to_owned()))
    }

    fn execute(&self, sql: &str) -> Result<usize, Box<dyn Error>> {
        self.executed.borrow_mut().push(sql.to_owned());
        Ok(self.executed.borrow().len())
    }
}

pub fn run(verifier: &GrantVerifier, db: &Db, token: &str, sql: &str) -> Result<usize, Box<dyn Error>> {
    let attempt = Attempt::new(
        Action::new("sql.execute").with_payload(Payload::sql(Dialect::PostgreSql, sql)),
        Resource::new("database", "orders"),
    );
    let redemption = verifier.verify(token, attempt, chrono::Utc::now())?.redeem();
    let mut used = None;
    for key in redemption.keys() {
        if db.insert_if_absent(key, redemption.keep_until())? {
            used = Some(key.clone());
            break;
        }
    }
    let permit = redemption.confirm(used)?;
    db.execute(permit.payload())
}
