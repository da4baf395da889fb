//! What becomes of the todos of a plan when a version of it becomes final.

use std::collections::HashMap;

use crate::model::{
    steps::Steps,
    todo::{MAX_TODOS, TodoState, TodoText},
};

/// A todo that a plan has already.
#[derive(Debug, Clone)]
pub(crate) struct KnownTodo {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) state: TodoState,
    /// Whether it is a step of the plan.
    pub(crate) extracted: bool,
    /// Whether its version is under a legal hold, which keeps it there.
    pub(crate) held: bool,
}

/// What becomes of the todos of a plan when a version of it becomes final.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The steps to add.
    pub(crate) new: Vec<(TodoText, TodoState, i32)>,
    /// The todos that go to this version, and how they are then.
    pub(crate) kept: Vec<(String, TodoState, i32)>,
    /// There was no room for some of the steps.
    pub(crate) is_full: bool,
}

impl Reading {
    /// Compares the steps of a plan with the todos that it has, in their order. A step is the same as a todo with its
    /// text; of several with one text, the first is the first.
    pub(crate) fn of(steps: Steps, known: Vec<KnownTodo>) -> Self {
        let mut reading = Self::default();
        let mut by_text: HashMap<&str, Vec<&KnownTodo>> = HashMap::new();
        for todo in known.iter().rev().filter(|todo| todo.extracted) {
            by_text.entry(&todo.text).or_default().push(todo);
        }
        let mut position = 0;
        let mut room = MAX_TODOS.saturating_sub(known.len());
        let mut same = Vec::new();
        for step in steps.steps {
            position += 1;
            match by_text.get_mut(step.text.as_str()).and_then(Vec::pop) {
                Some(todo) => {
                    same.push(&*todo.id);
                    if todo.held {
                        continue;
                    }
                    let state = match (step.done, todo.state) {
                        (true, _) => TodoState::Done,
                        // It is a step again.
                        (false, TodoState::Dropped) => TodoState::Open,
                        (false, state) => state,
                    };
                    reading.kept.push((todo.id.clone(), state, position));
                }
                None if room == 0 => {
                    position -= 1;
                    reading.is_full = true;
                }
                None => {
                    room -= 1;
                    let state = match step.done {
                        true => TodoState::Done,
                        false => TodoState::Open,
                    };
                    reading.new.push((step.text, state, position));
                }
            }
        }
        for todo in &known {
            if todo.held || same.contains(&&*todo.id) {
                continue;
            }
            position += 1;
            // A plan of which not all steps were read may still have it.
            let state = match todo.state {
                TodoState::Open if todo.extracted && !steps.more => TodoState::Dropped,
                state => state,
            };
            reading.kept.push((todo.id.clone(), state, position));
        }
        reading
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::steps::steps_of;

    fn known(id: &str, text: &str, state: TodoState) -> KnownTodo {
        KnownTodo {
            id: id.to_owned(),
            text: text.to_owned(),
            state,
            extracted: true,
            held: false,
        }
    }

    fn kept(id: &str, state: TodoState, position: i32) -> (String, TodoState, i32) {
        (id.to_owned(), state, position)
    }

    #[test]
    fn a_new_version_keeps_states_and_drops_only_what_is_open() {
        use TodoState::{Doing, Done, Dropped, Open};
        let steps = steps_of(b"- b\n- new\n- [x] a\n- again\n", true);
        let mut entry = known("6", "entry", Open);
        entry.extracted = false;
        let todos = vec![
            known("1", "a", Doing),
            known("2", "b", Done),
            known("3", "gone", Open),
            known("4", "begun", Doing),
            known("5", "again", Dropped),
            entry,
        ];
        let reading = Reading::of(steps, todos);
        assert_eq!(
            reading.kept,
            [
                kept("2", Done, 1),
                kept("1", Done, 3),
                kept("5", Open, 4),
                kept("3", Dropped, 5),
                kept("4", Doing, 6),
                kept("6", Open, 7),
            ]
        );
        let new: Vec<_> = reading.new.iter().map(|new| new.0.as_str()).collect();
        assert_eq!(new, ["new"]);
    }

    #[test]
    fn steps_with_one_text_are_matched_one_by_one() {
        let steps = || steps_of(b"- test\n- test\n- test\n", true);
        let todos = vec![
            known("1", "test", TodoState::Done),
            known("2", "test", TodoState::Open),
        ];
        let reading = Reading::of(steps(), todos);
        assert_eq!(reading.new.len(), 1);
        assert_eq!(reading.kept[0], kept("1", TodoState::Done, 1));
    }

    #[test]
    fn a_held_todo_stays_where_it_is_and_is_not_made_twice() {
        let mut held = known("1", "a", TodoState::Open);
        held.held = true;
        let reading = Reading::of(steps_of(b"- a\n", true), vec![held]);
        assert_eq!(reading, Reading::default());
    }

    #[test]
    fn a_plan_with_as_many_todos_as_it_may_have_gets_no_more() {
        let many = (0..MAX_TODOS).map(|i| known(&i.to_string(), &i.to_string(), TodoState::Open));
        let reading = Reading::of(steps_of(b"- a\n- 7\n", true), many.collect());
        assert!(reading.is_full && reading.new.is_empty());
        assert_eq!(reading.kept[0], kept("7", TodoState::Open, 1));
    }

    #[test]
    fn a_plan_that_was_read_in_part_drops_nothing() {
        let steps = steps_of(b"- a\n- b", false);
        let reading = Reading::of(steps, vec![known("1", "late", TodoState::Open)]);
        assert_eq!(reading.kept, [kept("1", TodoState::Open, 2)]);
    }
}
