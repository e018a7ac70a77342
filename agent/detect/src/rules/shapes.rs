//! Which rules the shape of an event leaves possible: worked out once for a statement, relation and stores, then looked up.
//!
//! Many events share the three, so that they are known by their addresses. An entry holds what it is about: no address can
//! come to mean something else, and a miss costs the work, never a wrong answer. What differs from event to event (who,
//! from where, rows, time, outcome) is looked at every time.

use crate::resolve::{Template, address, slot};
use kuzet_event::{Event, Relation, Statement};
use kuzet_sigma::Steady;
use std::sync::Arc;

/// Shapes that are remembered, two to a place.
const SHAPES: usize = 1024;

struct Shape {
    statement: Option<Arc<Statement>>,
    relation: Option<Arc<Relation>>,
    touched: Arc<[Template]>,
    route: usize,
    possible: Steady,
}

impl Shape {
    fn is(&self, event: &Event, touched: &Arc<[Template]>, route: usize) -> bool {
        address(self.statement.as_ref()) == address(event.statement.as_ref())
            && address(self.relation.as_ref()) == address(event.relation.as_ref())
            && Arc::ptr_eq(&self.touched, touched)
            && self.route == route
    }
}

/// The shapes met last.
#[derive(Default)]
pub(super) struct Shapes {
    shapes: Vec<Option<Shape>>,
}

impl Shapes {
    /// What the shape of `event` leaves possible of the rules of `route`, from `work` where it is not known.
    pub(super) fn possible(
        &mut self,
        event: &Event,
        touched: &Arc<[Template]>,
        route: usize,
        work: impl FnOnce() -> Steady,
    ) -> &Steady {
        if self.shapes.is_empty() {
            self.shapes.resize_with(SHAPES, || None);
        }
        let (statement, relation) = (address(event.statement.as_ref()), address(event.relation.as_ref()));
        let mixed = statement
            .wrapping_add(relation.rotate_left(21))
            .wrapping_add(address(Some(touched)).rotate_left(42))
            .wrapping_add(route << 4);
        let at = slot(mixed, SHAPES);
        let known = |place: usize| self.shapes[place].as_ref().is_some_and(|shape| shape.is(event, touched, route));
        let place = if known(at) {
            at
        } else if known(at ^ 1) {
            at ^ 1
        } else {
            self.shapes.swap(at, at ^ 1);
            self.shapes[at] = None;
            at
        };
        let shape = self.shapes[place].get_or_insert_with(|| Shape {
            statement: event.statement.clone(),
            relation: event.relation.clone(),
            touched: Arc::clone(touched),
            route,
            possible: work(),
        });
        &shape.possible
    }
}
