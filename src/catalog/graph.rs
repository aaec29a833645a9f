//! Orders what hangs together, and finds the circles that have no order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Circles that are looked for in one graph; a file that makes more has been told enough.
const MOST_CIRCLES: usize = 10;

/// The nodes `0..edges.len()` so that each comes after those that its edges lead to; of those that could come next, the
/// lowest does. Nodes of a circle, and what hangs on one, are left out.
pub(super) fn order(edges: &[Vec<usize>]) -> Vec<usize> {
    let mut waiting: Vec<usize> = edges.iter().map(Vec::len).collect();
    let mut dependents = vec![Vec::new(); edges.len()];
    for (from, targets) in edges.iter().enumerate() {
        for to in targets {
            dependents[*to].push(from);
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> = (0..edges.len())
        .filter(|node| waiting[*node] == 0)
        .map(Reverse)
        .collect();
    let mut order = Vec::with_capacity(edges.len());
    while let Some(Reverse(node)) = ready.pop() {
        order.push(node);
        for dependent in &dependents[node] {
            waiting[*dependent] -= 1;
            if waiting[*dependent] == 0 {
                ready.push(Reverse(*dependent));
            }
        }
    }
    order
}

/// Circles, each as its nodes in the direction of the edges, until none is left (or too many were found).
pub(super) fn circles(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut edges = edges.to_vec();
    let mut found = Vec::new();
    while found.len() < MOST_CIRCLES {
        let Some(circle) = circle(&edges) else { break };
        // Without its first edge, the next search finds another one.
        let next = circle.get(1).unwrap_or(&circle[0]);
        edges[circle[0]].retain(|to| to != next);
        found.push(circle);
    }
    found
}

/// One circle, if there is one: from any node without an order, edges lead round.
fn circle(edges: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut ordered = vec![false; edges.len()];
    for node in order(edges) {
        ordered[node] = true;
    }
    let mut node = ordered.iter().position(|done| !done)?;
    let mut seen = vec![None; edges.len()];
    let mut path = Vec::new();
    loop {
        if let Some(start) = seen[node] {
            let mut circle = path.split_off(start);
            // Told from its lowest node on, whatever the search began with.
            let lowest = (0..circle.len()).min_by_key(|at| circle[*at])?;
            circle.rotate_left(lowest);
            return Some(circle);
        }
        seen[node] = Some(path.len());
        path.push(node);
        node = edges[node].iter().copied().find(|to| !ordered[*to])?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_what_can_be_ordered() {
        assert_eq!(order(&[vec![2], vec![], vec![1]]), [1, 2, 0]);
        assert_eq!(order(&[vec![], vec![0], vec![]]), [0, 1, 2]);
        assert_eq!(order(&[vec![1], vec![0], vec![]]), [2]);
    }

    #[test]
    fn finds_every_circle_from_its_lowest_node() {
        assert!(circles(&[vec![1], vec![2], vec![]]).is_empty());
        assert_eq!(circles(&[vec![0]]), [[0]]);
        assert_eq!(
            circles(&[vec![1], vec![2], vec![0], vec![4], vec![3]]),
            [vec![0, 1, 2], vec![3, 4]]
        );
        // What only hangs on a circle is not of it.
        assert_eq!(circles(&[vec![1], vec![2], vec![1]]), [[1, 2]]);
    }
}
