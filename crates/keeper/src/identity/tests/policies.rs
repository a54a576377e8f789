//! Another policy set: one operator proposes it, the other confirms what opens and closes.

use super::{Office, Person, change, invite, manager, office, opening, person};
use crate::draft::Effect;
use crate::facts::{Fact, Policies, PolicyFile};
use crate::harness::{Inside, inside};
use crate::keys::OwnSubject;
use crate::policy::{FILES, Order, PolicySet, Unfit, carry_out, schema_hash, settle};
use crate::reader;
use candour_keeper_wire::words::{Purpose, Reason, Role};
use candour_seal::PatientId;
use candour_testkit::Held;
use jiff::SignedDuration;

struct Scene {
    inside: Inside,
    office: Office,
    clinician: Person,
    patient: PatientId,
}

async fn scene() -> Scene {
    let inside = inside().await;
    let office = office(&inside).await;
    let mut manager = manager(&inside, &office).await;
    let kind = invite(office.practice, Role::Clinician, Vec::new());
    let invited = manager.signs(&inside, kind).await.unwrap();
    let clinician = person(&inside, &invited.code, "hemi").await;
    let patient = inside.patient(office.practice, 40).await;
    Scene {
        inside,
        office,
        clinician,
        patient,
    }
}

/// The built-in files with one piece replaced.
fn files(from: &str, to: &str) -> Vec<(String, String)> {
    let files = FILES.iter().map(|(name, text)| {
        let text = (*text).replace(from, to);
        ((*name).to_owned(), text)
    });
    files.collect()
}

/// Clinicians no longer open what their practice put in.
fn shut() -> Vec<(String, String)> {
    let of = r#"@id("a-clinician-reads-what-their-practice-deposited")
permit (principal is Clinician,"#;
    files(of, &of.replace("is Clinician", "is Manager"))
}

impl Scene {
    async fn order(&self, order: Order) -> Result<Vec<String>, Unfit> {
        carry_out(&self.inside.core, &order).await
    }

    async fn propose(&self, files: Vec<(String, String)>) -> Result<Vec<String>, Unfit> {
        let code = self.office.codes[0].clone();
        self.order(Order::Propose { code, files }).await
    }

    async fn confirm(&self, operator: usize, digest: &str) -> Result<Vec<String>, Unfit> {
        let code = self.office.codes[operator].clone();
        let digest = digest.to_owned();
        self.order(Order::Confirm { code, digest }).await
    }

    async fn opens(&self) -> Result<(), Reason> {
        let token = &self.clinician.token;
        opening(&self.inside, token, self.patient, Purpose::DirectCare).await
    }

    /// Hashes of the sets in what was granted, oldest first.
    async fn granted(&self) -> Vec<Vec<u8>> {
        let core = &self.inside.core;
        let text = "select index, body, audit_wrap from entry where kind = 1 and decision = 0 order by index";
        let rows = reader::rows(&core.pool, text, &[]).await.unwrap();
        let subject = core.keys.patient(self.patient);
        let mut hashes = Vec::new();
        for row in rows {
            let index = u64::try_from(row.get::<_, i64>(0)).unwrap();
            let body = core.open_body(subject, index, row.get(1), row.get(2)).await;
            hashes.push(body.unwrap().policy_hash);
        }
        hashes
    }
}

fn digest(said: &[String]) -> String {
    let (_, digest) = said.last().unwrap().rsplit_once(' ').unwrap();
    digest.to_owned()
}

#[tokio::test]
async fn two_operators_change_the_policies_and_the_next_decision_is_the_new_set_s() {
    let scene = scene().await;
    let built_in = scene.inside.core.policy.hash();
    assert_eq!(scene.opens().await, Ok(()));
    let said = scene.propose(shut()).await.unwrap();
    let closes = "closes: clinician · open section (medicines) · their practice put it in, the patient is enrolled there";
    let line = said.iter().find(|line| line.starts_with(closes)).unwrap();
    assert!(
        line.ends_with("[in this role: 1; patients: at most 1]"),
        "{line}"
    );
    let opens = said
        .iter()
        .any(|line| line.starts_with("opens: manager · open section (medicines)"));
    assert!(opens, "{said:?}");
    assert_eq!(scene.opens().await, Ok(()), "one operator changes nothing");
    let digest = digest(&said);
    let alone = scene.confirm(0, &digest).await;
    assert!(matches!(alone, Err(Unfit::SameOperator)), "{alone:?}");
    let other = scene.confirm(1, &"0".repeat(64)).await;
    assert!(matches!(other, Err(Unfit::Digest)), "{other:?}");
    let shown = scene.order(Order::Show).await.unwrap();
    assert_eq!(shown.last(), said.last());
    assert_eq!(scene.opens().await, Ok(()));

    scene.confirm(1, &digest).await.unwrap();
    assert_eq!(scene.opens().await, Err(Reason::NotAllowed));
    let hash = scene.inside.core.policy.hash();
    assert_ne!(hash, built_in);
    let twice = scene.confirm(1, &digest).await;
    assert!(matches!(twice, Err(Unfit::NotProposed)), "{twice:?}");

    // It survives a restart.
    let Scene { inside, office, .. } = scene;
    let inside = inside.restart().await;
    assert_eq!(inside.core.policy.hash(), hash);
    let text = "select count(*) from entry where kind = 10 and decision = 110";
    let alarms = reader::rows(&inside.core.pool, text, &[]).await.unwrap();
    assert_eq!(alarms[0].get::<_, i64>(0), 0);

    // And back, by the same two.
    let code = office.codes[1].clone();
    let order = Order::Propose {
        code,
        files: Vec::new(),
    };
    let said = carry_out(&inside.core, &order).await.unwrap();
    let order = Order::Confirm {
        code: office.codes[0].clone(),
        digest: self::digest(&said),
    };
    carry_out(&inside.core, &order).await.unwrap();
    assert_eq!(inside.core.policy.hash(), built_in);
}

#[tokio::test]
async fn every_grant_has_the_hash_of_the_set_that_permitted_it() {
    let scene = scene().await;
    let built_in = scene.inside.core.policy.hash();
    scene.opens().await.unwrap();
    let renamed = files(
        "a-clinician-reads-what-their-practice-deposited",
        "deposited",
    );
    let said = scene.propose(renamed).await.unwrap();
    let nothing = "It opens and closes nothing: the same rules in other words.";
    assert!(said.iter().any(|line| line == nothing), "{said:?}");
    scene.confirm(1, &digest(&said)).await.unwrap();
    scene.opens().await.unwrap();
    let hash = scene.inside.core.policy.hash();
    assert_eq!(scene.granted().await, [built_in.to_vec(), hash.to_vec()]);
}

#[tokio::test]
async fn what_cannot_be_put_in_force_is_refused_with_a_sentence_and_written_nowhere() {
    let scene = scene().await;
    let before = scene.inside.core.ledger.size();
    let unreadable = vec![("one.cedar".to_owned(), "permit (".to_owned())];
    let refused = scene.propose(unreadable).await;
    assert!(matches!(refused, Err(Unfit::Policies(_))), "{refused:?}");
    let reads = files(
        r#"@id("a-program-looks-nobody-up")
forbid"#,
        r#"@id("a-program-reads")
permit"#,
    );
    let Err(unfit) = scene.propose(reads).await else {
        panic!("a program reads");
    };
    let words = "this set breaks a rule that no set can change: A practice's program reads what two of its people let it, and nothing sensitive. Nothing was changed";
    assert_eq!(unfit.to_string(), words);
    let same = scene.propose(files("", "")).await;
    assert!(matches!(same, Err(Unfit::Same)), "{same:?}");
    for name in ["../one.cedar", ".cedar", "one.txt"] {
        let named = vec![(name.to_owned(), String::new())];
        let refused = scene.propose(named).await;
        assert!(matches!(refused, Err(Unfit::Files)), "{name}: {refused:?}");
    }
    let large = vec![("one.cedar".to_owned(), " ".repeat(128 * 1024))];
    let refused = scene.propose(large).await;
    assert!(matches!(refused, Err(Unfit::Files)), "{refused:?}");
    let nothing = scene.confirm(1, &"0".repeat(64)).await;
    assert!(matches!(nothing, Err(Unfit::NotProposed)), "{nothing:?}");
    let order = Order::Propose {
        code: "no code".to_owned(),
        files: shut(),
    };
    assert_eq!(scene.inside.core.ledger.size(), before);
    let refused = scene.order(order).await;
    assert!(matches!(refused, Err(Unfit::Code(_))), "{refused:?}");
    assert_eq!(scene.opens().await, Ok(()));
}

#[tokio::test]
async fn a_proposal_is_too_old_after_a_week_and_void_once_another_set_is_in_force() {
    let scene = scene().await;
    let said = scene.propose(shut()).await.unwrap();
    scene
        .inside
        .clock
        .advance(SignedDuration::from_hours(7 * 24));
    let late = scene.confirm(1, &digest(&said)).await;
    assert!(matches!(late, Err(Unfit::NotProposed)), "{late:?}");
    let one = scene.propose(shut()).await.unwrap();
    // A second proposal takes the place of the first.
    let renamed = files(
        "a-clinician-reads-what-their-practice-deposited",
        "deposited",
    );
    let two = scene.propose(renamed).await.unwrap();
    let first = scene.confirm(1, &digest(&one)).await;
    assert!(matches!(first, Err(Unfit::Digest)), "{first:?}");
    scene.confirm(1, &digest(&two)).await.unwrap();
    let void = scene.confirm(1, &digest(&one)).await;
    assert!(matches!(void, Err(Unfit::NotProposed)), "{void:?}");
}

#[tokio::test]
async fn a_set_with_another_hash_than_was_confirmed_permits_nothing_and_opens_an_incident() {
    let scene = scene().await;
    let files = shut()
        .into_iter()
        .map(|(name, text)| PolicyFile { name, text });
    let set = PolicySet::built_in().unwrap();
    let policies = Policies {
        files: files.collect(),
        hash: set.hash().to_vec(),
        schema: schema_hash().to_vec(),
        difference: vec![0; 32],
    };
    let core = &scene.inside.core;
    let subject = core.keys.own(OwnSubject::Policies);
    let mut draft = crate::draft::Draft::of_keeper(candour_keeper_wire::words::EntryKind::Change);
    draft.effects = vec![Effect::fact(subject, Fact::Policies(policies))];
    crate::identity::commit(core, draft).await.unwrap();
    settle(core).await;
    let mut scene = scene;
    assert_eq!(scene.opens().await, Err(Reason::NotAllowed));
    let patient = scene.patient.as_bytes().to_vec();
    let kind = invite(scene.office.practice, Role::Patient, patient);
    let refused = change(&scene.inside, &scene.clinician.token, kind).await;
    assert_eq!(refused.unwrap_err().reason, Reason::NotAllowed);
    scene.inside = scene.inside.restart().await;
    let text = "select count(*) from entry where kind = 10 and decision = 110";
    let rows = reader::rows(&scene.inside.core.pool, text, &[])
        .await
        .unwrap();
    assert_eq!(rows[0].get::<_, i64>(0), 1);
    let shown = scene.order(Order::Show).await.unwrap();
    assert!(shown[1].starts_with("Nothing is permitted"), "{shown:?}");
    // The two operators, whom no policy judges, put back the set of the program.
    let said = scene.propose(Vec::new()).await.unwrap();
    scene.confirm(1, &digest(&said)).await.unwrap();
    assert_eq!(scene.inside.core.policy.hash(), set.hash());
}

#[tokio::test]
async fn what_a_replaced_set_let_through_is_not_released_any_more() {
    let scene = scene().await;
    let core = &scene.inside.core;
    let head = Held::head(&scene.inside.database.config()).await;
    let replacing = async {
        head.somebody_waits("ledger_head").await;
        core.policy.replace(PolicySet::nothing().unwrap(), 0);
        head.let_go().await;
    };
    let opened = tokio::join!(scene.opens(), replacing).0;
    assert_eq!(opened, Err(Reason::LedgerUnavailable));
    // Its entry stays, and another says that nothing was released.
    let text = "select count(*) from entry where kind = 17 and decision <> 0";
    let withheld = reader::rows(&core.pool, text, &[]).await.unwrap();
    assert_eq!(withheld[0].get::<_, i64>(0), 1);
    assert_eq!(scene.opens().await, Err(Reason::NotAllowed));
}
