use super::*;

const TEXTS: [&str; 4] = ["", "a", "ab", "b"];

/// Narrowings of every shape over a few texts.
fn every() -> Vec<Narrowing> {
    let sessions: [(&[&str], &str); 7] = [
        (&[], ""),
        (&["a"], ""),
        (&["ab"], ""),
        (&["a", "b"], ""),
        (&["ab", "b"], ""),
        (&[], "a"),
        (&[], "ab"),
    ];
    let mut all = Vec::new();
    for (named, prefix) in sessions {
        for namespace in ["", "a", "b"] {
            for agent_id in ["", "a"] {
                for filename_prefix in TEXTS {
                    let raw = RawNarrowing {
                        sessions: named.iter().map(|it| (*it).to_owned()).collect(),
                        session_prefix: prefix.to_owned(),
                        namespace: namespace.to_owned(),
                        agent_id: agent_id.to_owned(),
                        filename_prefix: filename_prefix.to_owned(),
                        ..RawNarrowing::default()
                    };
                    all.push(Narrowing::new(raw).unwrap());
                }
            }
        }
    }
    all
}

fn targets() -> Vec<Target<'static>> {
    let mut all = Vec::new();
    for session_id in TEXTS {
        for namespace in TEXTS {
            for agent_id in TEXTS {
                for filename in ["a", "ab", "b"] {
                    all.push(Target {
                        session_id,
                        namespace,
                        agent_id,
                        filename,
                        user_id: "",
                    });
                }
            }
        }
    }
    all
}

#[test]
fn two_narrowings_together_admit_what_both_admit() {
    let (every, targets) = (every(), targets());
    for a in &every {
        for b in &every {
            let both = a.meet(b);
            for target in &targets {
                let met = both.as_ref().is_some_and(|both| both.admits(*target));
                assert_eq!(met, a.admits(*target) && b.admits(*target), "{a:?} {b:?}");
            }
            if let Some(both) = &both {
                assert!(a.covers(both) && b.covers(both), "{a:?} {b:?}");
            }
        }
    }
}

#[test]
fn a_narrowing_is_read_as_it_is_written() {
    for narrowing in every() {
        let written = serde_json::to_value(&narrowing).unwrap();
        assert_eq!(
            serde_json::from_value::<Narrowing>(written).unwrap(),
            narrowing
        );
        assert_eq!(Narrowing::new(narrowing.to_raw()).unwrap(), narrowing);
    }
    let unknown = serde_json::json!({"project": "p"});
    assert!(serde_json::from_value::<Narrowing>(unknown).is_err());
}

#[test]
fn only_sessions_and_nothing_else_are_whole_sessions() {
    for narrowing in every() {
        let raw = narrowing.to_raw();
        let whole = [raw.namespace, raw.agent_id, raw.filename_prefix]
            .concat()
            .is_empty();
        assert_eq!(narrowing.is_of_whole_sessions(), whole, "{narrowing}");
    }
}
