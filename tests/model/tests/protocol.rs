//! The protocol keeps its promises in every state of each of these instances.
//!
//! `cargo test -p cairn-model -- --nocapture` prints how many states those are.

use cairn_model::{Instance, Variant, explore};

/// Visits all states of an instance: every promise holds everywhere, and everything that can happen has happened.
fn holds(instance: Instance) {
    let explored = explore(&instance);
    println!("{instance:?}\n{explored}");
    assert!(explored.broken.is_empty(), "{explored}");
    assert!(explored.unseen.is_empty(), "{explored}");
}

const TWO: Instance = Instance::TWO_UPLOADS;

#[test]
fn no_interleaving_of_two_uploads_and_two_workers_loses_bytes() {
    holds(TWO);
}

#[test]
fn a_third_upload_changes_nothing() {
    holds(Instance {
        uploads: 3,
        unclear: false,
        ..TWO
    });
}

#[test]
fn uploads_of_other_bytes_do_not_meet() {
    holds(Instance {
        uploads: 3,
        contents: [0, 1, 0],
        unclear: false,
        ..TWO
    });
}

/// The scanner deletes nothing that a running upload will need.
#[test]
fn scanner_spares_a_running_upload() {
    holds(Instance {
        sightings: 1,
        ..TWO
    });
}

#[test]
fn a_scanner_that_must_see_a_key_twice_deletes_no_more() {
    holds(Instance {
        sightings: 2,
        workers: 1,
        ..TWO
    });
}

#[test]
fn a_standby_that_takes_over_has_condemned_whatever_is_deleted() {
    holds(Instance {
        failovers: 1,
        ..TWO
    });
}

#[test]
fn everything_at_once_loses_nothing() {
    holds(Instance {
        sightings: 1,
        failovers: 1,
        ..TWO
    });
}

#[test]
fn a_second_failover_changes_nothing() {
    holds(Instance {
        failovers: 2,
        sightings: 1,
        unclear: false,
        ..TWO
    });
}

#[test]
fn what_is_unpublished_pins_its_bytes() {
    holds(Instance {
        unpublished: 0b11,
        sightings: 1,
        workers: 1,
        ..TWO
    });
}

#[test]
fn bytes_that_were_not_sent_are_there() {
    holds(Instance {
        uploads: 3,
        unpublished: 0b010,
        declared: 0b100,
        ..TWO
    });
}

#[test]
fn sealed_session_never_changes() {
    holds(Instance {
        session: true,
        workers: 1,
        ..TWO
    });
}

#[test]
fn seal_waits_for_three_uploads_and_a_publisher() {
    holds(Instance {
        uploads: 3,
        unpublished: 0b010,
        declared: 0b100,
        session: true,
        unclear: false,
        ..TWO
    });
}

/// The foreign key alone is enough for a commit that locks nothing.
#[test]
fn foreign_key_suffices_for_a_lockless_commit() {
    holds(Instance {
        variant: Variant::DedupeWithoutLock,
        ..TWO
    });
}

/// The foreign key alone is enough for a worker that checks only once.
#[test]
fn foreign_key_suffices_for_a_single_check() {
    holds(Instance {
        variant: Variant::CondemnWithoutSecondLook,
        ..TWO
    });
}

/// The foreign key alone is enough for a worker that ignores the unpublished.
#[test]
fn foreign_key_suffices_without_the_unpublished() {
    holds(Instance {
        variant: Variant::UnpublishedForgotten,
        unpublished: 0b11,
        ..TWO
    });
}

/// Locks and second checks are enough without the foreign key.
#[test]
fn locks_and_rechecks_suffice_without_foreign_key() {
    holds(Instance {
        foreign_key: false,
        unpublished: 0b10,
        ..TWO
    });
}

#[test]
fn two_uploads_in_one_transaction_lose_nothing() {
    holds(Instance {
        together: true,
        ..TWO
    });
}

#[test]
fn two_uploads_in_one_transaction_keep_a_seal() {
    holds(Instance {
        together: true,
        session: true,
        unclear: false,
        ..TWO
    });
}
