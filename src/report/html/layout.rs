//! Where the boxes of a graph stand and how its lines run: in layers, each box after those that it comes from.
//!
//! Lines that pass over a layer get a place of their own in it, so that they run between the boxes. The order within the
//! layers is that in which lines cross least, as far as a few sweeps find it (Sugiyama, Tagawa, Toda 1981).

use std::collections::BTreeMap;

/// Which way the graph runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// From left to right, for wide pages.
    Across,
    /// From top to bottom, for narrow ones.
    Down,
}

/// Sizes, in the picture's units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sizes {
    /// A box.
    pub(super) width: f64,
    /// A box.
    pub(super) height: f64,
    /// Between two layers.
    pub(super) between: f64,
    /// Between two boxes of a layer.
    pub(super) beside: f64,
    /// So many boxes of a layer at most; more of them go on in the next.
    pub(super) most: usize,
}

/// A point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A graph with its places.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// The upper left corner of each box.
    pub(super) boxes: Vec<Point>,
    /// For each edge, where it begins, passes and ends.
    pub(super) lines: Vec<Vec<Point>>,
}

/// How often the order is improved, and the places.
const SWEEPS: usize = 12;
/// What a passing line takes of the room that a box takes.
const LANE: f64 = 0.35;

/// Lays out `count` boxes with these edges, each from what comes before to what comes after.
pub(super) fn layout(count: usize, edges: &[(usize, usize)], flow: Flow, sizes: Sizes) -> Layout {
    let layer = fill(layers(count, edges), sizes.most);
    let mut net = Net::new(&layer, edges);
    net.order();
    let breadth = match flow {
        Flow::Across => sizes.height,
        Flow::Down => sizes.width,
    };
    let middle = net.place(breadth, sizes.beside);
    let depth = match flow {
        Flow::Across => sizes.width,
        Flow::Down => sizes.height,
    };
    let point = |along: f64, across: f64| match flow {
        Flow::Across => Point {
            x: along,
            y: across,
        },
        Flow::Down => Point {
            x: across,
            y: along,
        },
    };
    let start = |node: usize| net.layer[node] as f64 * (depth + sizes.between);
    let boxes = (0..count).map(|node| point(start(node), middle[node] - breadth / 2.0));
    let line = |chain: &Vec<usize>| {
        let mut points = Vec::new();
        for (i, &node) in chain.iter().enumerate() {
            let (begin, end) = (start(node), start(node) + depth);
            // A box is left at its end and reached at its beginning; a lane is passed from one to the other.
            if i > 0 {
                points.push(point(begin, middle[node]));
            }
            if i + 1 < chain.len() {
                points.push(point(end, middle[node]));
            }
        }
        points
    };
    let extent = |node: usize| middle[node] + net.breadth(node, breadth) / 2.0;
    let broad = (0..middle.len()).map(extent).fold(breadth, f64::max);
    let deep = (0..count)
        .map(|node| start(node) + depth)
        .fold(depth, f64::max);
    let Point {
        x: width,
        y: height,
    } = point(deep, broad);
    Layout {
        width,
        height,
        boxes: boxes.collect(),
        lines: net.chains.iter().map(line).collect(),
    }
}

/// The layer of each box: after the last that it comes from. Edges that would go round in a circle do not count for long.
fn layers(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut layer = vec![0; count];
    for _ in 0..count {
        let mut moved = false;
        for &(from, to) in edges {
            if layer[to] <= layer[from] && layer[from] + 1 < count {
                layer[to] = layer[from] + 1;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    layer
}

/// Makes two layers of one that has more boxes than there is room for.
fn fill(layer: Vec<usize>, most: usize) -> Vec<usize> {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (node, layer) in layer.iter().enumerate() {
        members.entry(*layer).or_default().push(node);
    }
    let mut filled = layer;
    let rows = members.values().flat_map(|nodes| nodes.chunks(most.max(1)));
    for (row, nodes) in rows.enumerate() {
        for &node in nodes {
            filled[node] = row;
        }
    }
    filled
}

/// Boxes and the lanes of long lines, in layers.
struct Net {
    /// How many of the nodes are boxes: those come first.
    boxes: usize,
    layer: Vec<usize>,
    /// The nodes of each layer, in order.
    rows: Vec<Vec<usize>>,
    /// The nodes that each edge runs through.
    chains: Vec<Vec<usize>>,
    /// The neighbours of each node in the layer before and in the one after.
    near: Vec<[Vec<usize>; 2]>,
}

impl Net {
    fn new(layer: &[usize], edges: &[(usize, usize)]) -> Self {
        let mut net = Self {
            boxes: layer.len(),
            layer: layer.to_vec(),
            rows: Vec::new(),
            chains: Vec::new(),
            near: Vec::new(),
        };
        for &(from, to) in edges {
            let mut chain = vec![from];
            for between in layer[from] + 1..layer[to] {
                chain.push(net.layer.len());
                net.layer.push(between);
            }
            chain.push(to);
            net.chains.push(chain);
        }
        net.near.resize_with(net.layer.len(), Default::default);
        for chain in &net.chains {
            for pair in chain.windows(2) {
                if net.layer[pair[0]] + 1 == net.layer[pair[1]] {
                    net.near[pair[0]][1].push(pair[1]);
                    net.near[pair[1]][0].push(pair[0]);
                }
            }
        }
        let deepest = net.layer.iter().max().map_or(0, |deepest| deepest + 1);
        net.rows.resize_with(deepest, Vec::new);
        for (node, layer) in net.layer.iter().enumerate() {
            net.rows[*layer].push(node);
        }
        net
    }

    /// Orders each layer by where the neighbours of its nodes stand, forth and back; the order with the fewest crossings stays.
    fn order(&mut self) {
        let mut best = (self.crossings(), self.rows.clone());
        for sweep in 0..SWEEPS {
            let side = sweep % 2;
            let place = self.positions();
            let mut rows = std::mem::take(&mut self.rows);
            let mut place = place;
            let forth: Vec<usize> = match side {
                0 => (0..rows.len()).collect(),
                _ => (0..rows.len()).rev().collect(),
            };
            for row in forth {
                let mean = |node: usize| {
                    let near = &self.near[node][side];
                    match near.is_empty() {
                        true => place[node],
                        false => near.iter().map(|&it| place[it]).sum::<f64>() / near.len() as f64,
                    }
                };
                let mut keyed: Vec<(f64, usize)> =
                    rows[row].iter().map(|&node| (mean(node), node)).collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
                rows[row] = keyed.into_iter().map(|(_, node)| node).collect();
                for (i, &node) in rows[row].iter().enumerate() {
                    place[node] = i as f64;
                }
            }
            self.rows = rows;
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.rows.clone());
            }
        }
        self.rows = best.1;
    }

    /// Each node's place within its layer.
    fn positions(&self) -> Vec<f64> {
        let mut place = vec![0.0; self.layer.len()];
        for row in &self.rows {
            for (i, &node) in row.iter().enumerate() {
                place[node] = i as f64;
            }
        }
        place
    }

    /// How many pairs of lines cross.
    fn crossings(&self) -> usize {
        let place = self.positions();
        let mut crossings = 0;
        for row in &self.rows {
            let lines: Vec<(f64, f64)> = row
                .iter()
                .flat_map(|&node| self.near[node][1].iter().map(move |&to| (node, to)))
                .map(|(from, to)| (place[from], place[to]))
                .collect();
            for (i, a) in lines.iter().enumerate() {
                let crosses = |b: &&(f64, f64)| (a.0 - b.0) * (a.1 - b.1) < 0.0;
                crossings += lines[i + 1..].iter().filter(crosses).count();
            }
        }
        crossings
    }

    fn breadth(&self, node: usize, of_box: f64) -> f64 {
        match node < self.boxes {
            true => of_box,
            false => of_box * LANE,
        }
    }

    /// The middle of each node across the flow: as near to its neighbours as the others of its layer let it.
    fn place(&self, of_box: f64, beside: f64) -> Vec<f64> {
        let mut middle = vec![0.0; self.layer.len()];
        for row in &self.rows {
            let mut at = 0.0;
            for &node in row {
                let breadth = self.breadth(node, of_box);
                middle[node] = at + breadth / 2.0;
                at += breadth + beside;
            }
        }
        for sweep in 0..SWEEPS {
            let forth: Vec<&Vec<usize>> = match sweep % 2 {
                0 => self.rows.iter().collect(),
                _ => self.rows.iter().rev().collect(),
            };
            for row in forth {
                self.settle(row, &mut middle, of_box, beside);
            }
        }
        let edge = |node: usize| middle[node] - self.breadth(node, of_box) / 2.0;
        let least = (0..middle.len()).map(edge).fold(f64::INFINITY, f64::min);
        for middle in &mut middle {
            *middle -= least;
        }
        middle
    }

    /// Moves the nodes of a layer to where their neighbours are, without changing their order or letting them overlap.
    fn settle(&self, row: &[usize], middle: &mut [f64], of_box: f64, beside: f64) {
        let wish = |node: usize, middle: &[f64]| {
            let near = self.near[node].iter().flatten();
            let (sum, count) = near.fold((0.0, 0.0), |(sum, count), &it| {
                (sum + middle[it], count + 1.0)
            });
            if count > 0.0 {
                sum / count
            } else {
                middle[node]
            }
        };
        let wishes: Vec<f64> = row.iter().map(|&node| wish(node, middle)).collect();
        let gap =
            |a: usize, b: usize| (self.breadth(a, of_box) + self.breadth(b, of_box)) / 2.0 + beside;
        let mut low = wishes.clone();
        let mut high = wishes;
        for i in 1..row.len() {
            low[i] = low[i].max(low[i - 1] + gap(row[i - 1], row[i]));
            let back = row.len() - 1 - i;
            high[back] = high[back].min(high[back + 1] - gap(row[back], row[back + 1]));
        }
        // Both keep the distances, so what lies between them does too.
        for (i, &node) in row.iter().enumerate() {
            middle[node] = (low[i] + high[i]) / 2.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIZES: Sizes = Sizes {
        width: 100.0,
        height: 30.0,
        between: 20.0,
        beside: 10.0,
        most: 4,
    };

    #[test]
    fn what_comes_after_stands_after() {
        let drawn = layout(4, &[(0, 1), (1, 2), (0, 2)], Flow::Across, SIZES);
        let x: Vec<f64> = drawn.boxes.iter().map(|it| it.x).collect();
        assert_eq!(x, [0.0, 120.0, 240.0, 0.0]);
        assert_eq!((drawn.width, drawn.lines[2].len()), (340.0, 4));
        let down = layout(4, &[(0, 1), (1, 2), (0, 2)], Flow::Down, SIZES);
        assert_eq!(down.boxes[2].y, 100.0);
    }

    #[test]
    fn a_line_that_passes_a_layer_keeps_clear_of_its_boxes() {
        let drawn = layout(3, &[(0, 1), (1, 2), (0, 2)], Flow::Across, SIZES);
        let (passed, lane) = (drawn.boxes[1].y, drawn.lines[2][1].y);
        assert!(
            lane < passed || lane > passed + SIZES.height,
            "{lane} {passed}"
        );
    }

    fn graph() -> impl Strategy<Value = (usize, Vec<(usize, usize)>)> {
        (1usize..40).prop_flat_map(|count| {
            let edges = proptest::collection::vec((0..count, 0..count), 0..80);
            (Just(count), edges)
        })
    }

    proptest! {
        /// Circles and edges from a box to itself included: nobody promises that there are none.
        #[test]
        fn boxes_never_overlap_and_everything_is_within((count, edges) in graph(), down: bool) {
            let flow = if down { Flow::Down } else { Flow::Across };
            let drawn = layout(count, &edges, flow, SIZES);
            let slack = 1e-6;
            for (i, a) in drawn.boxes.iter().enumerate() {
                prop_assert!(a.x >= -slack && a.x + SIZES.width <= drawn.width + slack);
                prop_assert!(a.y >= -slack && a.y + SIZES.height <= drawn.height + slack);
                for b in &drawn.boxes[i + 1..] {
                    let apart = (a.x - b.x).abs() >= SIZES.width - slack || (a.y - b.y).abs() >= SIZES.height - slack;
                    prop_assert!(apart, "{a:?} {b:?}");
                }
            }
            for point in drawn.lines.iter().flatten() {
                prop_assert!(point.x >= -slack && point.x <= drawn.width + slack, "{point:?}");
                prop_assert!(point.y >= -slack && point.y <= drawn.height + slack, "{point:?}");
            }
        }
    }
}
