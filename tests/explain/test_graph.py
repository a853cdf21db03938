"""The computation graph: its nodes and edges, and that each form of it can be read by others."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import fastad as ad
from fastad.explain.layout import place


@pytest.fixture(scope="module")
def graph():
    return ad.record(lambda x1, x2: np.log(x1) + x1 * x2 - np.sin(x2), 2.0, 5.0).graph()


def test_nodes_and_edges_are_those_of_the_formula(graph) -> None:
    labels = sorted(node.label for node in graph.nodes.values())
    assert labels == sorted(["x1", "x2", "log", "*", "+", "sin", "-", "y"])
    by_key = {key: node.label for key, node in graph.nodes.items()}
    edges = sorted((by_key[a], by_key[b]) for a, b in graph.edges)
    expected = [
        ("x1", "log"),
        ("x1", "*"),
        ("x2", "*"),
        ("x2", "sin"),
        ("log", "+"),
        ("*", "+"),
        ("+", "-"),
        ("sin", "-"),
        ("-", "y"),
    ]
    assert edges == sorted(expected)


def test_operands_stand_above_results(graph) -> None:
    graph.to_svg()
    assert all(graph.nodes[a].level < graph.nodes[b].level for a, b in graph.edges)


def test_svg_is_xml_with_a_text_a_node(graph) -> None:
    root = ElementTree.fromstring(graph.to_svg())
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert sorted(texts) == sorted(node.label for node in graph.nodes.values())
    assert graph._repr_svg_() == graph.to_svg()


def test_nodes_of_a_level_do_not_overlap() -> None:
    graph = ad.record(lambda x: np.sum(np.sin(x) * x[::-1] + x**3), np.arange(1.0, 7.0)).graph()
    graph.to_svg()
    for a in graph.nodes.values():
        for b in graph.nodes.values():
            if a.key < b.key and a.level == b.level:
                assert abs(a.x - b.x) >= (a.width + b.width) / 2


def test_dot_and_mermaid_have_every_edge(graph) -> None:
    assert graph.to_dot().count("->") == graph.to_mermaid().count("-->") == len(graph.edges)
    assert graph.to_dot().startswith("digraph") and graph.to_mermaid().startswith("flowchart")


def test_save_goes_by_the_ending(graph, tmp_path) -> None:
    for ending, start in ((".svg", "<svg"), (".dot", "digraph"), (".mmd", "flowchart")):
        graph.save(tmp_path / f"g{ending}")
        assert (tmp_path / f"g{ending}").read_text().startswith(start)
    with pytest.raises(ValueError, match="ending"):
        graph.save(tmp_path / "g.png")


def test_lines_pass_between_the_nodes() -> None:
    def rosenbrock(x):
        return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(4))

    graph = ad.record(rosenbrock, np.ones(5)).graph()
    nodes = list(graph.nodes.values())
    routes = place(nodes, [(graph.nodes[a], graph.nodes[b]) for a, b in graph.edges])
    assert any(len(route) > 2 for route in routes)
    for route in routes:
        assert [box.level for box in route] == list(range(route[0].level, route[-1].level + 1))
        for way in route[1:-1]:
            assert all(abs(way.x - n.x) > n.width / 2 for n in nodes if n.level == way.level)


def test_arrays_are_one_node_where_they_are_long() -> None:
    matrix = np.arange(3000.0).reshape(3, 1000)
    graph = ad.record(lambda x: np.sum(np.tanh(matrix @ x)), np.ones(1000)).graph()
    labels = sorted(node.label for node in graph.nodes.values())
    assert labels == ["constants [3000]", "matmul [3]", "sum", "tanh [3]", "x1 ... x1000", "y"]
    ElementTree.fromstring(graph.to_svg())


def test_results_are_numbered_by_their_places() -> None:
    graph = ad.record(lambda x: np.concatenate([np.exp(x), [x[0] * 2, 7.0]]), np.ones(5)).graph()
    labels = [node.label for node in graph.nodes.values() if node.kind == "dependent"]
    assert labels == ["y1 ... y5", "y6", "y7"]
    assert [node.label for node in graph.nodes.values() if node.kind == "constant"] == ["2", "7"]


def test_labels_tell_a_sign_from_a_difference_and_show_exponents() -> None:
    graph = ad.record(lambda x, y: -x - y**3.0, 2.0, 3.0).graph()
    labels = [node.label for node in graph.nodes.values()]
    assert labels == ["x1", "x2", "negative", "** 3", "-", "y"]


def test_a_large_tape_is_refused_with_its_size() -> None:
    def steps(x):
        for _ in range(1000):
            x = np.sin(x)
        return x

    with pytest.raises(ad.errors.TapeTooLarge, match="1000 instructions"):
        ad.record(steps, 1.0).graph()


def test_listing_names_registers_constants_and_operations() -> None:
    tape = ad.record(lambda x, y: np.sin(x) * y + 2.5 if x > y else y, 2.0, 1.0)
    text = tape.show()
    assert "sin(r0)   # sin" in text and "2.5" in text and "# multiply" in text
    assert "outputs: r" in text and "guard: r" in text and "test_graph.py" in text


def test_listing_names_ranges_of_registers() -> None:
    def function(x):
        return np.sum((np.ones((2, 10)) @ np.sin(x)) * 3.0) + x[::2] @ x[1::2]

    lines = ad.record(function, np.ones(10)).show().splitlines()
    assert any("= sin(r0:r9)   # sin, 10 results" in line for line in lines)
    assert any("matmul(constants[20], r" in line and "sizes (2, 10, 1)" in line for line in lines)
    assert any("(r0, r2, r4, r6, r8)" in line for line in lines)
    assert lines[-1].startswith("outputs: r")
